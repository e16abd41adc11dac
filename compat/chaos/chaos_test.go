package chaos

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/faultproxy"
	"github.com/millrace-io/millrace/compat/harness"
	"github.com/millrace-io/millrace/compat/load"
	"github.com/millrace-io/millrace/internal/objstore/s3test"
)

const (
	// longMinutes is the length of a run where all tests were asked for.
	longMinutes = 10
	// recoverMax is how long anything may stand still once all is well again. A client that waits for an answer of an agent
	// that was stopped or killed gives it 60 s (librdkafka), and then looks for another; a group waits 45 s for the session
	// of a member that is gone, twice if that one left while it waited to join.
	recoverMax = 120 * time.Second
	prefix     = "chaos"
)

func TestChaos(t *testing.T) {
	seed, length := settings(t)
	p := drawPlan(seed, length)
	t.Logf("MILLRACE_CHAOS_SEED=%d\n%s", seed, p)
	w := world{t: harness.TellLast(t), copyTo: create(t, filepath.Join(t.ArtifactDir(), "history.jsonl"))}
	w.start(seed)
	l := w.startLoad(length)
	l.History.FromHere(time.Now())
	w.disturb(p)
	recovered := time.Now()
	if !l.UntilAllMove(recoverMax) {
		w.t.Errorf("with all well again, something still stood still after %v", recoverMax)
	}
	t.Logf("with all well again, everything moved after %v", time.Since(recovered).Round(ms))
	w.tellStandstills(l, p)
	w.c.MustServe() // also: no agent has ended by itself
	l.Finish()
	w.tellFaults()
	w.fsck()
}

// settings are the seed and the length of the run; 0 is the short one.
func settings(t *testing.T) (seed uint64, length time.Duration) {
	t.Helper()
	seed = rand.Uint64N(1_000_000)
	if text := os.Getenv("MILLRACE_CHAOS_SEED"); text != "" {
		seed = number(t, "MILLRACE_CHAOS_SEED", text)
	}
	if text := os.Getenv("MILLRACE_CHAOS_MINUTES"); text != "" {
		length = time.Duration(number(t, "MILLRACE_CHAOS_MINUTES", text)) * time.Minute
	} else if harness.Long() {
		length = longMinutes * time.Minute
	}
	return seed, length
}

func number(t *testing.T, name, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// world is agents on a bucket.
type world struct {
	t      testing.TB
	copyTo *os.File
	s3     *s3test.Server // nil with an oracle
	ways   *ways          // the same
	c      *harness.Cluster
}

func (w *world) start(seed uint64) {
	w.t.Helper()
	if !harness.IsOracle() {
		w.s3 = s3test.Start(w.t)
		w.ways = startWays(w.t, w.s3.Endpoint, seed)
	}
	w.c = harness.Start(w.t, harness.Options{Agents: agents, Logs: w.t.ArtifactDir(), Own: func(i int) harness.Own {
		own := harness.Own{Bucket: s3test.URLAt(w.ways.proxies[i].Endpoint(), prefix)}
		if i == 0 {
			own.Binary = os.Getenv("MILLRACE_COMPAT_PREVIOUS")
		}
		return own
	}})
}

// startLoad puts three languages to work, with little to do: two cores run all of this. In a short run members' sessions
// are short, so that no group waits long for a member that could not say goodbye.
func (w *world) startLoad(length time.Duration) *load.Load {
	session := time.Duration(0)
	if length == 0 {
		session = 8 * time.Second
	}
	var teams []load.Team
	for _, language := range []load.Language{load.Go, load.Java, load.Python} {
		teams = append(teams, load.Team{Language: language, Producers: 1, Readers: 1, Members: 1, Restless: 1})
	}
	return load.Start(w.t, w.c, load.Plan{
		Teams: teams, Partitions: 4, Beat: 100 * ms, Batch: 2, Stay: 10 * second, Away: 3 * second, Session: session, CopyTo: w.copyTo,
	})
}

// disturb does what is planned; then all is well again.
func (w *world) disturb(p plan) {
	ended, calm := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(calm)
		if w.ways != nil {
			w.ways.run(p.changes, ended)
		}
	}()
	defer func() {
		close(ended)
		<-calm
	}()
	(&nemesis{w.t, w.c, w.ways}).run(p.steps)
}

// tellStandstills prints for how long anything stood still, and fails the test only where that was far beyond what was
// done to it. Not for groups: each fault may begin the sessions anew that they wait for.
func (w *world) tellStandstills(l *load.Load, p plan) {
	w.t.Helper()
	longest := time.Duration(0)
	for _, s := range p.steps {
		longest = max(longest, s.lasts)
	}
	silences := l.History.Longest(time.Now())
	for _, what := range slices.Sorted(maps.Keys(silences)) {
		w.t.Logf("%s: stood still for %v at most", what, silences[what].Round(ms))
		if silences[what] > longest+recoverMax && !strings.HasPrefix(what, "polls of group ") {
			w.t.Errorf("%s: stood still for %v; nothing was done for longer than %v", what, silences[what], longest)
		}
	}
}

// tellFaults prints how often each fault happened, and fails the test for one that never did.
func (w *world) tellFaults() {
	w.t.Helper()
	if w.ways == nil {
		return
	}
	counts := w.ways.counts()
	var told []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		told = append(told, fmt.Sprintf("%s %d", what, counts[what]))
	}
	w.t.Logf("requests to the bucket: %s", strings.Join(told, ", "))
	for _, f := range faultproxy.Faults {
		if counts[string(f)] == 0 {
			w.t.Errorf("no request met %s: the run proves nothing about it", f)
		}
	}
}

// fsck checks the bucket on the straight way, with the agents at rest upon it.
func (w *world) fsck() {
	w.t.Helper()
	if w.s3 == nil {
		return
	}
	out, err := exec.Command(harness.Binary(w.t), "fsck", "--bucket", w.s3.URL(prefix)).CombinedOutput()
	if err != nil {
		w.t.Errorf("millrace fsck: %v", err)
	}
	w.t.Logf("millrace fsck:\n%s", out)
}
