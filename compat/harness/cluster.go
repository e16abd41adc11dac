package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say what to start. The zero value is three agents on a file bucket with default settings.
type Options struct {
	Agents int      // how many agents; 0 means 3. An oracle is always one broker.
	Store  string   // "file", "s3" or, for one agent that is never restarted, "mem"; "" means MILLRACE_COMPAT_STORE, else "file"
	Flags  []string // further flags of every agent
	Logs   string   // directory for the servers' logs; "" for one that is removed at the end
	// Own, unless nil, is asked for what agent i has of its own, on a bucket that is there already.
	Own func(i int) Own
}

// Own is what one agent does not share with the others.
type Own struct {
	Bucket string // its URL of the bucket that all of them use
	Binary string // its millrace; "" is the one that was built
}

// Cluster is a running target, seen by one test: its methods fail that test when something does not work.
type Cluster struct {
	tb    testing.TB
	nodes []*node
	kind  string
}

// node is one server process: how to start it, how to tell that it serves, and the process while it runs.
type node struct {
	name   string
	addr   string // Kafka protocol, host:port
	http   string // host:port of health and metrics; "" for an oracle
	bucket string // URL; "" for an oracle
	argv   []string
	log    string
	ready  func() error
	proc   *process
}

const (
	readyMax = 60 * time.Second // a JVM on a busy machine with two cores
	drainMax = 45 * time.Second // from SIGTERM to the end of the process
	logLines = 60               // of each server, shown when a test fails
)

// IsOracle says whether the target is Apache Kafka instead of Millrace.
func IsOracle() bool { return os.Getenv("MILLRACE_COMPAT_TARGET") == "kafka" }

// Long says whether tests that take long were asked for.
func Long() bool { return os.Getenv("MILLRACE_TEST_ALL") == "1" }

// Start starts a target of its own for one test, ready to serve, and stops it when the test ends.
func Start(tb testing.TB, opts Options) *Cluster {
	tb.Helper()
	dir, err := os.MkdirTemp("", "millrace-compat-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	c, stop, err := start(tb, dir, opts)
	tb.Cleanup(stop)
	if c != nil {
		c = c.seenBy(tb)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

var shared struct {
	sync.Mutex
	cluster *Cluster
	views   map[testing.TB]*Cluster // one a test, so that its servers' logs are shown once
	dir     string
	keep    keeper
	stop    func()
	err     error
}

// keeper takes the place of a test towards what must live as long as the package's tests do.
type keeper struct {
	testing.TB // of the first test; only for its verdict
	cleanups   []func()
}

func (k *keeper) Cleanup(f func())          { k.cleanups = append(k.cleanups, f) }
func (k *keeper) Setenv(name, value string) { _ = os.Setenv(name, value) } // fails only for names that hold '='
func (k *keeper) TempDir() string           { return filepath.Join(shared.dir, "s3") }
func (k *keeper) Context() context.Context  { return context.Background() }

// Shared returns the target that all tests of a package use together; the first call starts it. The package's TestMain
// calls Main, which stops it.
func Shared(tb testing.TB, opts Options) *Cluster {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.dir, shared.err = os.MkdirTemp("", "millrace-compat-")
		if shared.err == nil {
			shared.keep.TB = tb
			shared.cluster, shared.stop, shared.err = start(&shared.keep, shared.dir, opts)
		}
	}
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	if shared.views == nil {
		shared.views = map[testing.TB]*Cluster{}
	}
	if shared.views[tb] == nil {
		shared.views[tb] = shared.cluster.seenBy(tb)
	}
	return shared.views[tb]
}

// Main runs a package's tests and stops what Shared started.
func Main(m *testing.M) {
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	for _, cleanup := range shared.keep.cleanups {
		cleanup()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// start starts all nodes in dir. stop is never nil.
func start(tb testing.TB, dir string, opts Options) (c *Cluster, stop func(), err error) {
	c = &Cluster{kind: "millrace"}
	if opts.Logs == "" {
		opts.Logs = dir
	}
	stop = func() {
		for _, n := range c.nodes {
			n.proc.kill()
		}
	}
	if IsOracle() {
		c.kind = "kafka"
		c.nodes, err = kafkaNodes(dir, opts.Logs)
	} else {
		c.nodes, err = agentNodes(tb, dir, opts)
	}
	if err != nil {
		return c, stop, err
	}
	if err = startAll(c.nodes); err != nil {
		err = fmt.Errorf("%w\n%s", err, c.logs(nil))
	}
	return c, stop, err
}

// startAll starts nodes side by side, and waits until all serve.
func startAll(nodes []*node) error {
	var wg sync.WaitGroup
	errs := make([]error, len(nodes))
	for i, n := range nodes {
		wg.Go(func() { errs[i] = n.start() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// seenBy returns the cluster as tb's: its failures are tb's, and if tb fails, the servers' last log lines are shown.
func (c *Cluster) seenBy(tb testing.TB) *Cluster {
	view := &Cluster{tb: tb, nodes: c.nodes, kind: c.kind}
	from := make([]int64, len(c.nodes))
	for i, n := range c.nodes {
		if st, err := os.Stat(n.log); err == nil {
			from[i] = st.Size()
		}
	}
	tb.Cleanup(func() {
		if logs := view.logs(from); tb.Failed() && logs != "" {
			tb.Log(logs)
		}
	})
	return view
}

// logs returns the last lines of every server's log, each from a byte offset on.
func (c *Cluster) logs(from []int64) string {
	var b strings.Builder
	for i, n := range c.nodes {
		var skip int64
		if from != nil {
			skip = from[i]
		}
		if last := tail(n.log, skip, logLines); last != "" {
			fmt.Fprintf(&b, "--- log of %s (%s)\n%s", n.name, n.addr, last)
		}
	}
	return b.String()
}

// tail returns the last lines of a file, of what lies at or after byte skip.
func tail(path string, skip int64, lines int) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error() + "\n"
	}
	if skip > int64(len(raw)) {
		skip = 0
	}
	return tailOf(string(raw[skip:]), lines)
}

// tailOf returns the last lines of a text.
func tailOf(text string, lines int) string {
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return ""
	}
	all := strings.Split(text, "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n") + "\n"
}

// Len is the number of agents (one broker with an oracle).
func (c *Cluster) Len() int { return len(c.nodes) }

// Addr is the Kafka address of agent i.
func (c *Cluster) Addr(i int) string { return c.nodes[i].addr }

// HTTP is the address of agent i's health, metrics and status page; "" with an oracle.
func (c *Cluster) HTTP(i int) string { return c.nodes[i].http }

// PID is the process id of agent i.
func (c *Cluster) PID(i int) int { return c.nodes[i].proc.pid() }

// Bucket is the URL of the agents' bucket; "" with an oracle.
func (c *Cluster) Bucket() string { return c.nodes[0].bucket }

// Log is what agent i has logged so far, over all its starts.
func (c *Cluster) Log(i int) string {
	c.tb.Helper()
	text, err := os.ReadFile(c.nodes[i].log)
	if err != nil {
		c.tb.Fatal(err)
	}
	return string(text)
}

// Seeds are all Kafka addresses.
func (c *Cluster) Seeds() []string {
	seeds := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		seeds[i] = n.addr
	}
	return seeds
}

// Bootstrap is all Kafka addresses, as clients take them.
func (c *Cluster) Bootstrap() string { return strings.Join(c.Seeds(), ",") }

// Kill9 ends agent i at once (SIGKILL).
func (c *Cluster) Kill9(i int) {
	c.tb.Helper()
	c.mustRun(i)
	c.nodes[i].proc.kill()
}

// Pause stops agent i in the middle of what it does (SIGSTOP), until Resume.
func (c *Cluster) Pause(i int) { c.signal(i, syscall.SIGSTOP) }

// Resume lets agent i go on where it was paused (SIGCONT).
func (c *Cluster) Resume(i int) { c.signal(i, syscall.SIGCONT) }

func (c *Cluster) signal(i int, s syscall.Signal) {
	c.tb.Helper()
	c.mustRun(i)
	if err := c.nodes[i].proc.cmd.Process.Signal(s); err != nil {
		c.tb.Fatalf("%v to %s: %v", s, c.nodes[i].name, err)
	}
}

// Term asks agent i to drain (SIGTERM), waits for its end, and fails the test if that takes too long or ends badly.
func (c *Cluster) Term(i int) {
	c.tb.Helper()
	c.mustRun(i)
	n := c.nodes[i]
	code, err := n.proc.terminate(drainMax)
	// A JVM that shuts down in good order after SIGTERM reports 143.
	if err != nil || (code != 0 && !(c.kind == "kafka" && code == 128+int(syscall.SIGTERM))) {
		c.tb.Errorf("%s after SIGTERM: exit code %d, %v; want 0 within %v", n.name, code, err, drainMax)
	}
}

// Restart starts agent i again, on the same addresses and the same bucket, and waits until it serves.
func (c *Cluster) Restart(i int) {
	c.tb.Helper()
	if err := c.nodes[i].start(); err != nil {
		c.tb.Fatal(err)
	}
}

// RestartAll ends all agents in good order, one after the other, and starts them again.
func (c *Cluster) RestartAll() {
	c.tb.Helper()
	for i := range c.nodes {
		c.Term(i)
		c.Restart(i)
	}
}

// CrashAll ends all agents at once (SIGKILL) and starts them all at once.
func (c *Cluster) CrashAll() {
	c.tb.Helper()
	for i := range c.nodes {
		c.mustRun(i)
		_ = c.nodes[i].proc.cmd.Process.Kill() // fails only if it has ended
	}
	for _, n := range c.nodes {
		n.proc.kill()
	}
	if err := startAll(c.nodes); err != nil {
		c.tb.Fatal(err)
	}
}

// MustServe fails the test unless every agent runs and answers.
func (c *Cluster) MustServe() {
	c.tb.Helper()
	for i, n := range c.nodes {
		c.mustRun(i)
		if err := n.ready(); err != nil {
			c.tb.Fatalf("%s no longer serves: %v", n.name, err)
		}
	}
}

func (c *Cluster) mustRun(i int) {
	c.tb.Helper()
	if n := c.nodes[i]; !n.proc.running() {
		c.tb.Fatalf("%s does not run: it ended by itself with exit code %d", n.name, n.proc.code())
	}
}

// start runs the node's command and waits until it serves.
func (n *node) start() error {
	proc, err := spawn(n.argv, n.log)
	if err != nil {
		return fmt.Errorf("starting %s: %w", n.name, err)
	}
	n.proc = proc
	last := errors.New("not asked yet")
	for end := time.Now().Add(readyMax); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if !proc.running() {
			return fmt.Errorf("%s ended at its start with exit code %d", n.name, proc.code())
		}
		if last = n.ready(); last == nil {
			return nil
		}
	}
	return fmt.Errorf("%s is not ready after %v: %w", n.name, readyMax, last)
}

// logPath is where the server of that name logs.
func logPath(dir, name string) string { return filepath.Join(dir, name+".log") }
