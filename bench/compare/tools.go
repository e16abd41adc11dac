package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	// endless is more records than a tool sends until it is ended.
	endless = "1000000000000"
	// toolReportsEvery is how often the producer tool prints what it sent.
	toolReportsEvery = time.Second
	// toolMax bounds a tool's run beyond its window.
	toolMax = 5 * time.Minute
)

// javaProduce lets Kafka's producer tool run for some time and counts what it reports of the window.
func (t *turn) javaProduce() error {
	args := []string{"--bootstrap-server", t.server.kafka, "--topic", topic, "--num-records", endless, "--throughput", "-1",
		"--payload-file", t.records, "--reporting-interval", fmt.Sprint(toolReportsEvery.Milliseconds()), "--command-property", "compression.type=lz4"}
	if t.partitions >= spreadFrom {
		args = append(args, "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*t.settle+t.measured()+toolMax)
	defer cancel()
	argv := t.java(toolHeap, "org.apache.kafka.tools.ProducerPerformance", args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		return err
	}
	t.tool.Store(cmd.Process)
	err = t.followProducer(cmd.Process.Pid, lines)
	_ = cmd.Process.Kill() // it would go on for days
	_ = cmd.Wait()         // killed
	t.tool.Store(nil)
	if err != nil {
		return fmt.Errorf("kafka-producer-perf-test: %w\n%s", err, complaints.String())
	}
	return nil
}

// followProducer reads what the tool prints: first what does not count, twice as long as for our clients, because it is a
// new JVM, then the window.
func (t *turn) followProducer(pid int, out io.Reader) error {
	lines := bufio.NewScanner(out)
	var began time.Time
	var server, client stopwatch
	records, counting := 0, false
	for lines.Scan() {
		n, ok := sentIn(lines.Text())
		if !ok {
			continue
		}
		switch {
		case began.IsZero():
			began = time.Now()
		case !counting && time.Since(began) >= 2*t.settle:
			var serverErr, clientErr error
			server, serverErr = t.watch()
			client, clientErr = startWatch(pid, nil, nil)
			if err := errors.Join(serverErr, clientErr); err != nil {
				return err
			}
			counting = true
		case counting:
			if records += n; time.Since(server.since) >= t.measured() {
				return t.addTool(javaProduce, float64(records)*recordBytes, server, client)
			}
		}
	}
	return errors.Join(errors.New("it ended early"), lines.Err())
}

// sentIn reads "4711 records sent, 4709.3 records/sec (4.60 MB/sec), …".
func sentIn(line string) (records int, ok bool) {
	number, _, ok := strings.Cut(line, " records sent, ")
	if !ok {
		return 0, false
	}
	records, err := strconv.Atoi(number)
	return records, err == nil
}

func (t *turn) addTool(name string, bytes float64, server, client stopwatch) error {
	if bytes == 0 {
		return errNothing
	}
	ofServer, serverErr := server.stop()
	ofClient, clientErr := client.stop()
	if err := errors.Join(serverErr, clientErr); err != nil {
		return err
	}
	t.add(name, mbPerSec, bytes/1e6/ofServer.over.Seconds())
	t.addUsed(name, ofServer, bytes, ofClient.cores())
	return nil
}

// javaCatchUp has Kafka's consumer tool read the topic from its beginning, several times.
func (t *turn) javaCatchUp() error {
	records, err := t.recordsInTopic()
	if err != nil {
		return err
	}
	server, err := t.watch()
	if err != nil {
		return err
	}
	var mib, seconds float64
	var client time.Duration
	for range t.toolRuns {
		out, cpu, err := t.consumerTool(min(records, int64(t.toolRecords)))
		if err != nil {
			return err
		}
		client += cpu
		got, perSec, err := fetchedIn(out)
		if err != nil {
			return fmt.Errorf("kafka-consumer-perf-test: %w\n%s", err, out)
		}
		mib, seconds = mib+got, seconds+got/perSec
	}
	// The tool starts a JVM and joins a group besides, in which the server has nothing to do: CPU, and how busy the cores were, are those of the
	// whole runs, the throughput is that of fetching alone.
	u, err := server.stop()
	if err != nil {
		return err
	}
	t.add(javaCatchUp, mbPerSec, mib/seconds*(1<<20)/1e6)
	t.addUsed(javaCatchUp, u, mib*(1<<20), client.Seconds()/u.over.Seconds())
	return nil
}

// consumerTool runs Kafka's consumer tool and gives what it printed, and its CPU.
func (t *turn) consumerTool(records int64) (string, time.Duration, error) {
	argv := t.java(toolHeap, "org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", t.server.kafka, "--topic", topic,
		"--num-records", fmt.Sprint(records), "--timeout", "30000")
	ctx, cancel := context.WithTimeout(context.Background(), toolMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", 0, fmt.Errorf("kafka-consumer-perf-test: %w\n%s", err, out)
	}
	return string(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// Columns of what the consumer tool prints last: start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg,
// nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec. Its MB are MiB.
const (
	columnMB      = 2
	columnFetchMB = 8
	columns       = 10
)

func fetchedIn(out string) (mib, mibPerSec float64, err error) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	row := csv.NewReader(strings.NewReader(lines[len(lines)-1]))
	row.TrimLeadingSpace = true
	f, err := row.Read()
	if err != nil || len(f) != columns {
		return 0, 0, fmt.Errorf("it printed %d columns, not %d (%v)", len(f), columns, err)
	}
	mib, err = strconv.ParseFloat(f[columnMB], 64)
	if err == nil {
		mibPerSec, err = strconv.ParseFloat(f[columnFetchMB], 64)
	}
	if err == nil && (mib <= 0 || mibPerSec <= 0) {
		err = errNothing
	}
	return mib, mibPerSec, err
}
