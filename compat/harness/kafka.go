package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// oracleConfig is a single broker that is its own controller. What differs from Kafka's defaults: one replica of
// everything, few internal partitions and no wait before a group's first rebalance, so that it starts in seconds.
const oracleConfig = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]s
listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`

// javaFlags make short JVMs start quickly and long ones stay small.
var javaFlags = []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true"}

func javaArgv(mainClass string, args ...string) []string {
	tools := filepath.Join(Repo(), ".tools")
	argv := append([]string{"java"}, javaFlags...)
	argv = append(argv, "-cp", filepath.Join(tools, "java-classes")+":"+filepath.Join(tools, "kafka", "*"), mainClass)
	return append(argv, args...)
}

// kafkaNodes lays out one Apache Kafka broker.
func kafkaNodes(dir, logs string) ([]*node, error) {
	if err := install("kafka"); err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "kafka.properties")
	text := fmt.Sprintf(oracleConfig, ports[0], ports[1], filepath.Join(dir, "kafka-data"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	format := javaArgv("kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", config)
	if out, err := exec.Command(format[0], format[1:]...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("formatting the oracle's disk: %w\n%s", err, out)
	}
	n := &node{name: "kafka", addr: "127.0.0.1:" + ports[0], argv: javaArgv("kafka.Kafka", config)}
	n.log = logPath(logs, n.name)
	n.ready = func() error { return ping(n.addr) }
	return []*node{n}, nil
}

// ping asks a broker for its metadata and for a group, which makes Kafka create its topic of offsets: until then, it
// answers requests about groups with COORDINATOR_NOT_AVAILABLE.
func ping(addr string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0), kgo.DialTimeout(time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	groups, err := kadm.NewClient(client).DescribeGroups(ctx, "warm-up")
	if err == nil && groups["warm-up"].State != "Dead" {
		err = groups.Error()
	}
	return err
}

// install brings clients that are not written in Go; quick when they are there.
func install(clients ...string) error { return script("install-clients.sh", clients...) }

// script runs one of tools/.
func script(name string, args ...string) error {
	cmd := exec.Command("bash", append([]string{filepath.Join(Repo(), "tools", name)}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("tools/%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
