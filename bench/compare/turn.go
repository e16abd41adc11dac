package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/millrace-io/millrace/bench/host"
)

// turn is one server's, for one number of partitions.
type turn struct {
	*compare
	system     string
	partitions int
	round      int
	server     *server
}

// What is measured of a load; see report.
const (
	mbPerSec    = "MB/s"
	cpuPerGiB   = "server CPU, s/GiB"
	agePerGiB   = "before it is read, server CPU, s/GiB"
	firstRead   = "read for the first time, MB/s"
	firstPerGiB = "read for the first time, server CPU, s/GiB"
	serverBusy  = "server, cores"
	clientsBusy = "clients, cores"
	serverFull  = "server's cores, by all"
	clientsFull = "clients' cores, by all"
	ackP50      = "acknowledged p50, ms"
	ackP99      = "acknowledged p99, ms"
	endP50      = "end to end p50, ms"
	endP99      = "end to end p99, ms"
	startMs     = "to the first acknowledged record, ms"
	topicMs     = "to make the topic, ms"
	peakMiB     = "largest RSS, MiB"
)

// The loads, and the other things that are measured, in the order of a turn; paced loads, by their rates (pacedAt), come around tail.
const (
	start       = "start"
	produce     = "produce"
	javaProduce = "java produce"
	tail        = "tail"
	catchUp     = "catch-up"
	javaCatchUp = "java catch-up"
	memory      = "memory"
)

// turn starts a system, has it measured, and frees the room of what it leaves, which is removed when all turns are over: see host.Empty.
func (c *compare) turn(s system, partitions, round int) (err error) {
	dir, err := os.MkdirTemp(c.work, s.name+"-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Empty(dir)) }()
	t := &turn{compare: c, system: s.name, partitions: partitions, round: round}
	took, err := t.begin(s, dir)
	if err != nil {
		return err
	}
	defer t.server.kill()
	t.add(start, startMs, float64(took.Microseconds())/1000)
	if err := t.measure(); err != nil {
		return t.server.explain(err)
	}
	return nil
}

// begin has a server run, and gives the time to its first acknowledgement. One whose address proves to be taken is laid out anew,
// at another.
func (t *turn) begin(s system, dir string) (took time.Duration, err error) {
	for try := 1; ; try++ {
		part := filepath.Join(dir, strconv.Itoa(try))
		if err := os.Mkdir(part, 0o755); err != nil {
			return 0, err
		}
		if t.server, err = s.layOut(t.compare, part); err != nil {
			return 0, err
		}
		if took, err = t.launch(); err == nil {
			return took, nil
		}
		if text, _ := os.ReadFile(t.server.log); !host.AddressTaken(string(text)) || try == host.StartTries {
			return 0, t.server.explain(err)
		}
		t.say("  an address was taken meanwhile: once more at another")
	}
}

// launch starts the turn's server and waits until it serves.
func (t *turn) launch() (took time.Duration, err error) {
	cores := ""
	if t.pin {
		cores = t.serverCores
	}
	if err := t.server.start(cores); err != nil {
		return 0, err
	}
	t.compare.server = t.server
	if took, err = t.server.firstAck("first"); err != nil {
		t.server.kill()
	}
	return took, err
}

// step is a part of a turn that can be asked for by itself.
type step struct {
	name string
	do   func(*turn) error
}

var steps = []step{
	{produce, (*turn).produce}, {javaProduce, (*turn).javaProduce}, {tail, (*turn).pacedAndTail}, {catchUp, (*turn).catchUp},
	{javaCatchUp, (*turn).javaCatchUp},
}

// measure does all that is done to a new server.
func (t *turn) measure() error {
	for _, s := range append([]step{{"topic", (*turn).makeTopic}, {"warm-up", (*turn).warmUp}}, t.loads...) {
		t.say("  %s", s.name)
		if err := s.do(t); err != nil {
			return err
		}
	}
	u, err := t.server.usage()
	if err != nil {
		return err
	}
	t.add(memory, peakMiB, float64(u.PeakBytes)/(1<<20))
	return nil
}

func (t *turn) add(load, what string, value float64) {
	t.report.add(t.partitions, load, what, t.system, value)
}

// used is what a process used in a span of time, and how busy everybody kept the cores meanwhile.
type used struct {
	cpu, over              time.Duration
	serverBusy, clientBusy time.Duration // the server's cores, the clients'
}

func (u used) cores() float64 { return u.cpu.Seconds() / u.over.Seconds() }

// perGiB gives the seconds of CPU for each GiB of so many bytes.
func (u used) perGiB(bytes float64) float64 { return u.cpu.Seconds() / (bytes / (1 << 30)) }

// stopwatch measures what a process uses.
type stopwatch struct {
	pid            int
	server, client []int // cores
	since          time.Time
	first          used // since the process's start, or the machine's
}

func startWatch(pid int, server, client []int) (stopwatch, error) {
	w := stopwatch{pid: pid, server: server, client: client, since: time.Now()}
	var err error
	w.first, err = w.read()
	return w, err
}

// watch measures what the server uses from now on.
func (t *turn) watch() (stopwatch, error) {
	return startWatch(t.server.cmd.Process.Pid, t.serverOn, t.clientOn)
}

func (w stopwatch) read() (used, error) {
	u, err := host.UsageOf(w.pid)
	server, serverErr := host.Busy(w.server)
	client, clientErr := host.Busy(w.client)
	return used{u.CPU, time.Since(w.since), server, client}, errors.Join(err, serverErr, clientErr)
}

func (w stopwatch) stop() (used, error) {
	last, err := w.read()
	return used{last.cpu - w.first.cpu, last.over - w.first.over, last.serverBusy - w.first.serverBusy, last.clientBusy - w.first.clientBusy}, err
}

// addUsed adds what a load cost: for each GiB of so many bytes, and in all.
func (t *turn) addUsed(load string, u used, bytes, clients float64) {
	t.add(load, cpuPerGiB, u.perGiB(bytes))
	t.addBusy(load, u, clients)
}

// addBusy adds how many cores the server used and how many the clients, and how busy the cores of either were.
func (t *turn) addBusy(load string, u used, clients float64) {
	t.add(load, serverBusy, u.cores())
	t.add(load, clientsBusy, clients)
	if t.pin {
		t.add(load, serverFull, u.serverBusy.Seconds()/u.over.Seconds())
		t.add(load, clientsFull, u.clientBusy.Seconds()/u.over.Seconds())
	}
}
