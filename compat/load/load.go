package load

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/compat/harness"
	"github.com/millrace-io/millrace/compat/history"
)

// Language is what clients are written in.
type Language string

const (
	Go     Language = "go"
	Java   Language = "java"
	Python Language = "python"
)

// Team is the clients of one language.
type Team struct {
	Language                              Language
	Producers, Readers, Members, Restless int
}

// Plan says who works, and how hard.
type Plan struct {
	Teams      []Team
	Partitions int
	Beat       time.Duration // how often each producer sends an operation to each partition
	Batch      int           // records of an operation, for each partition
	Stay, Away time.Duration // how long a restless member stays, and stays away
	Session    time.Duration // session time-out of members; 0 for the clients' default, 45 s
	CopyTo     io.Writer     // gets every event as a line; nil for nobody
}

// records is how many records a second all producers send.
func (p Plan) records() float64 {
	producers := 0
	for _, t := range p.Teams {
		producers += t.Producers
	}
	return float64(producers*p.Partitions*p.Batch) / p.Beat.Seconds()
}

// waitMax bounds each step of a load's end, with good weather and all agents there. Clients that were told nothing in a
// pause may take their request time-out, of 30 s and 60 s, to notice, and then repeat everything that waits.
const waitMax = 120 * time.Second

// Load is clients at work.
type Load struct {
	History *history.History

	tb    testing.TB
	c     *harness.Cluster
	plan  Plan
	topic string
	teams []team
	ended sync.Once
}

// team is the running clients of one language.
type team interface {
	// stopWriting makes producers send nothing more; each writes history.End when all it sent is answered.
	stopWriting()
	// stopReading ends consumers, and everything.
	stopReading() error
}

// Start makes a topic and starts the clients. They end with the test at the latest.
func Start(tb testing.TB, c *harness.Cluster, plan Plan) *Load {
	tb.Helper()
	l := &Load{History: history.New(plan.CopyTo), tb: tb, c: c, plan: plan, topic: harness.Name(tb)}
	l.createTopic()
	for _, t := range plan.Teams {
		if t.Language == Go {
			l.teams = append(l.teams, startGo(l, t))
		} else {
			l.teams = append(l.teams, startForeign(l, t))
		}
	}
	tb.Cleanup(l.stop)
	for _, reader := range l.readers() {
		if !within(waitMax, func() bool { return l.History.Seen(reader) > 0 }) {
			tb.Fatalf("%s was given nothing within %v: %v", reader, waitMax, l.History.Verify(nil, nil))
		}
	}
	tb.Logf("%.0f records a second to %d partitions of %s", plan.records(), plan.Partitions, l.topic)
	return l
}

func (l *Load) createTopic() {
	l.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(l.c.Seeds()...))
	if err != nil {
		l.tb.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, int32(l.plan.Partitions), -1, nil, l.topic); err != nil {
		l.tb.Fatal(err)
	}
}

// add takes an event that a client tells now.
func (l *Load) add(e history.Event) { l.History.Add(e, time.Now()) }

// names are the clients of a role: as each calls itself.
func names(language Language, role string, count int) (list []string) {
	for i := range count {
		list = append(list, fmt.Sprintf("%s-%s-%d", language, role, i))
	}
	return list
}

// group is the consumer group of a language.
func (l *Load) group(language Language) string { return fmt.Sprintf("%s-%s", l.topic, language) }

// readers are all who must be given everything.
func (l *Load) readers() (list []string) {
	for _, t := range l.plan.Teams {
		list = append(list, names(t.Language, "readers", t.Readers)...)
		if t.Members+t.Restless > 0 {
			list = append(list, "group "+l.group(t.Language))
		}
	}
	return list
}

// UntilAllMove waits until every partition has moved in every way since now, at most max, and reports whether it has.
func (l *Load) UntilAllMove(max time.Duration) bool {
	since := time.Now()
	return within(max, func() bool { return l.History.AllMovedAfter(since) })
}

func within(max time.Duration, holds func() bool) bool {
	for end := time.Now().Add(max); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Finish ends the load and fails the test for all that was wrong: producers are answered, a client of another kind reads
// everything, all readers get there, and the verdict is given.
func (l *Load) Finish() {
	l.tb.Helper()
	l.flush()
	log := l.finalRead()
	for _, reader := range l.readers() {
		if !within(waitMax, func() bool { return l.History.Seen(reader) >= len(log) }) {
			l.tb.Errorf("%s has %d of %d records after %v", reader, l.History.Seen(reader), len(log), waitMax)
		}
	}
	l.stop()
	for _, v := range l.History.Verify(log, l.readers()) {
		l.tb.Error(v)
	}
	for _, note := range sortedNotes(l.History.Notes()) {
		l.tb.Log(note)
	}
	if l.History.Acked() == 0 {
		l.tb.Error("nothing was acknowledged: the load did no work")
	}
	l.tb.Logf("%d records acknowledged, %d in the log", l.History.Acked(), len(log))
}

// flush ends the producers and waits until all they sent is answered.
func (l *Load) flush() {
	l.tb.Helper()
	for _, t := range l.teams {
		t.stopWriting()
	}
	for _, t := range l.plan.Teams {
		for _, producer := range names(t.Language, "producers", t.Producers) {
			if !within(waitMax, func() bool { return l.History.Ended(producer) }) {
				l.tb.Errorf("%s has not been answered everything within %v", producer, waitMax)
			}
		}
	}
}

// finalRead reads every partition from its start to its end with kcat.
func (l *Load) finalRead() (log []history.Record) {
	l.tb.Helper()
	out := harness.Kcat(l.tb, "", "-b", l.c.Bootstrap(), "-C", "-t", l.topic, "-o", "beginning", "-e", "-q", "-f", `%p %o %s\n`).Stdout
	for line := range strings.Lines(out) {
		var r history.Record
		if _, err := fmt.Sscanf(line, "%d %d ", &r.Partition, &r.Offset); err != nil {
			l.tb.Fatalf("the final read wrote %q: %v", line, err)
		}
		r.Value = strings.TrimSuffix(strings.SplitN(line, " ", 3)[2], "\n")
		log = append(log, r)
	}
	return log
}

func (l *Load) stop() {
	l.ended.Do(func() {
		for _, t := range l.teams {
			t.stopWriting()
		}
		for _, t := range l.teams {
			if err := t.stopReading(); err != nil {
				l.tb.Error(err)
			}
		}
	})
}

// sortedNotes tells what clients were told that was not fatal.
func sortedNotes(notes map[string]int) (list []string) {
	for text, times := range notes {
		list = append(list, fmt.Sprintf("told, and tried again (%d times): %s", times, text))
	}
	sort.Strings(list)
	return list
}
