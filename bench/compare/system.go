package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/millrace-io/millrace/bench/host"
)

// system is one of those that are compared.
type system struct {
	name string
	// title heads its columns; those of a variant of another system in the run show ratios only.
	title   string
	variant bool
	// layOut prepares a server in an empty folder.
	layOut func(c *compare, dir string) (*server, error)
}

var allSystems = []system{
	{"kafka", "Kafka", false, func(c *compare, dir string) (*server, error) { return c.kafka(dir, "") }},
	{"millrace", "Millrace", false, func(c *compare, dir string) (*server, error) { return c.millrace(dir, "") }},
	{"millrace-nofsync", "without fsync", true, func(c *compare, dir string) (*server, error) { return c.millrace(dir, "?fsync=off") }},
	{"kafka-fsync", "Kafka with fsync", true, func(c *compare, dir string) (*server, error) { return c.kafka(dir, "log.flush.interval.messages=1\n") }},
}

func systemNames() (names []string) {
	for _, s := range allSystems {
		names = append(names, s.name)
	}
	return names
}

// millrace lays out an agent on a file bucket, with the settings that a bucket URL may end with.
func (c *compare) millrace(dir, settings string) (*server, error) {
	bucket := filepath.Join(dir, "bucket")
	if err := os.Mkdir(bucket, 0o755); err != nil {
		return nil, err
	}
	s := &server{log: filepath.Join(dir, "log")}
	var err error
	if s.kafka, err = host.FreeAddress(); err != nil {
		return nil, err
	}
	if s.http, err = host.FreeAddress(); err != nil {
		return nil, err
	}
	s.argv = []string{c.binary, "agent", "--bucket", "file://" + bucket + settings, "--listen", s.kafka, "--advertise", s.kafka, "--http", s.http}
	return s, nil
}

// brokerConfig is one broker that is its own controller. Beyond addresses and folders it says what a single broker has to
// say: one replica of everything, as config/server.properties of Apache Kafka does.
const brokerConfig = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
`

// Heaps as kafka-server-start.sh and kafka-producer-perf-test.sh set them.
var (
	brokerHeap = []string{"-Xmx1G", "-Xms1G"}
	toolHeap   = []string{"-Xmx512M"}
)

// kafka lays out a broker, its disk formatted, with further settings.
func (c *compare) kafka(dir, settings string) (*server, error) {
	s := &server{log: filepath.Join(dir, "log")}
	var err error
	if s.kafka, err = host.FreeAddress(); err != nil {
		return nil, err
	}
	controller, err := host.FreeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(brokerConfig, s.kafka, controller, filepath.Join(dir, "data")) + settings
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	if err := c.javaRun("kafka.tools.StorageTool", "format", "-t", clusterID, "-c", config); err != nil {
		return nil, err
	}
	gcLog := "-Xlog:gc*:file=" + filepath.Join(dir, "gc.log") + ":time,tags:filecount=10,filesize=100M"
	s.argv = c.java(append(brokerHeap, gcLog), "kafka.Kafka", config)
	return s, nil
}

const clusterID = "4L6g3nShT-eMCtK--X86sw"
