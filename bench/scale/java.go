package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/load/report"
)

const (
	javaAgents      = 3
	javaPartitions  = 200
	javaRecordBytes = 1024
	javaProfile     = "s3-standard"
	// javaWarmUp is left out of the figures: the JVM compiles what runs often.
	javaWarmUp = 20 * time.Second
	// javaGoal is what the first point, the default batch.size, is to reach, in MB/s of values.
	javaGoal = 60
)

// javaCurve counts values, as Kafka's own tool does; batches are those as stored, with the overhead of batches and records.
var javaCurve = report.Curve{Name: "java", X: "batch.size",
	Title: fmt.Sprintf("One idempotent Java producer, defaults but for batch.size (16,384), records of %d B as fast as possible, %d partitions, %d agents, latency=%s", javaRecordBytes, javaPartitions, javaAgents, javaProfile),
	Columns: []report.Column{
		{Name: "acknowledged, values", Unit: "MB/s"},
		{Name: "acknowledged, batches", Unit: "MB/s"},
		{Name: "average latency", Unit: "ms"},
		{Name: "batches a request", Unit: "count"},
		{Name: "a request", Unit: "KiB"},
		{Name: "Produce requests", Unit: "1/s"},
		{Name: "Produce in an agent", Unit: "ms"},
		{Name: "of that PUT of a segment", Unit: "ms"},
		{Name: "of that PUT of an entry", Unit: "ms"},
		{Name: "CPU, all agents", Unit: "% of a core"},
		{Name: "CPU, the producer", Unit: "% of a core"},
		{Name: "segments", Unit: "1/s"},
		{Name: "journal entries", Unit: "1/s"},
	}}

func (b *bench) java() error {
	if err := b.along(javaCurve, b.points(16<<10, 64<<10), b.javaPoint); err != nil || b.quick {
		return err
	}
	measured := &b.curves[len(b.curves)-1]
	measured.Notes = append(measured.Notes, javaVerdict(float64(measured.Points[0].Values[0])))
	return nil
}

// javaVerdict judges what the producer with its defaults reached, in MB/s.
func javaVerdict(reached float64) string {
	verdict := "met"
	if reached < javaGoal {
		verdict = "MISSED"
	}
	return fmt.Sprintf("Goal: %d MB/s of values with the default batch.size: %.1f, %s.", javaGoal, reached, verdict)
}

func (b *bench) javaPoint(batchSize int) ([]report.Figure, error) {
	url, dir, err := b.rig.FileBucket()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var agents []*rig.Agent
	for range javaAgents {
		// The profile is what a write takes: the disk's own fsync does not come on top.
		a, _, err := b.rig.Start(url + "?fsync=off&latency=" + javaProfile)
		if err != nil {
			return nil, err
		}
		agents = append(agents, a)
	}
	return b.produceByJava(agents, batchSize)
}

// produceByJava runs Kafka's own producer for a while and measures what comes after its warm-up.
func (b *bench) produceByJava(agents []*rig.Agent, batchSize int) ([]report.Figure, error) {
	var seeds []string
	for _, a := range agents {
		seeds = append(seeds, a.Kafka)
	}
	c, err := dial(agents[0].Kafka)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if _, err := c.createTopic("java", javaPartitions); err != nil {
		return nil, err
	}
	cmd, err := rig.Java("org.apache.kafka.tools.ProducerPerformance", "--topic", "java", "--num-records", "1000000000", "--record-size", strconv.Itoa(javaRecordBytes),
		"--throughput", "-1", "--producer-props", "bootstrap.servers="+strings.Join(seeds, ","), fmt.Sprintf("batch.size=%d", batchSize))
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Kill() // fails only if it has ended
		_ = cmd.Wait()         // it was killed
	}()
	lines := make(chan javaLine, 64)
	go readJava(out, lines)
	return b.watchJava(agents, cmd.Process.Pid, lines)
}

// javaLine is what ProducerPerformance says every 5 s.
type javaLine struct{ records, latencyMs float64 }

var javaProgress = regexp.MustCompile(`^(\d+) records sent, .* ([\d.]+) ms avg latency`)

func readJava(out io.Reader, lines chan<- javaLine) {
	defer close(lines)
	for in := bufio.NewScanner(out); in.Scan(); {
		if m := javaProgress.FindStringSubmatch(in.Text()); m != nil {
			records, _ := strconv.ParseFloat(m[1], 64) // both are numbers by the expression
			latency, _ := strconv.ParseFloat(m[2], 64)
			lines <- javaLine{records, latency}
		}
	}
}

// javaUse is what agents and producer have done so far.
type javaUse struct {
	at               time.Time
	agents, producer time.Duration // CPU
	metrics          map[string]float64
}

func javaUsed(agents []*rig.Agent, pid int) (u javaUse, err error) {
	u = javaUse{at: time.Now(), metrics: map[string]float64{}}
	for _, a := range agents {
		usage, err := a.Usage()
		if err != nil {
			return u, err
		}
		u.agents += usage.CPU
		metrics, err := a.Metrics()
		if err != nil {
			return u, err
		}
		for name, v := range metrics {
			u.metrics[name] += v
		}
	}
	usage, err := host.UsageOf(pid)
	u.producer = usage.CPU
	return u, err
}

func (b *bench) watchJava(agents []*rig.Agent, pid int, lines <-chan javaLine) ([]report.Figure, error) {
	drop := time.After(min(javaWarmUp, 2*b.each))
	for warm := false; !warm; {
		select {
		case <-drop:
			warm = true
		case _, ok := <-lines:
			if !ok {
				return nil, fmt.Errorf("the Java producer ended early")
			}
		}
	}
	before, err := javaUsed(agents, pid)
	if err != nil {
		return nil, err
	}
	time.Sleep(2 * b.each)
	after, err := javaUsed(agents, pid)
	if err != nil {
		return nil, err
	}
	var latency latencies
	for len(lines) > 0 {
		latency = append(latency, time.Duration((<-lines).latencyMs*float64(time.Millisecond)))
	}
	since := func(metric string) float64 { return after.metrics[metric] - before.metrics[metric] }
	seconds, bytes := after.at.Sub(before.at).Seconds(), since(`millrace_bytes_total{direction="in"}`)
	requests := since(`millrace_request_seconds_count{api="Produce"}`)
	if requests == 0 {
		return nil, fmt.Errorf("no Produce was answered in %.0f s", seconds)
	}
	putMs := func(operation string) float64 {
		return 1000 * since(`millrace_store_request_seconds_sum{operation="`+operation+`"}`) / since(`millrace_store_request_seconds_count{operation="`+operation+`"}`)
	}
	values := since(`millrace_records_total{direction="in"}`) * javaRecordBytes
	return figures(values/1e6/seconds, bytes/1e6/seconds, latency.at(.5), since(`millrace_batches_total{direction="in"}`)/requests, bytes/1024/requests,
		requests/seconds, 1000*since(`millrace_request_seconds_sum{api="Produce"}`)/requests,
		putMs("put"), putMs("put-if-absent"),
		100*(after.agents-before.agents).Seconds()/seconds, 100*(after.producer-before.producer).Seconds()/seconds,
		since(`millrace_store_requests_total{operation="put"}`)/seconds, since(`millrace_journal_entries_total{outcome="written"}`)/seconds), nil
}
