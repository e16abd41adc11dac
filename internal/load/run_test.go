package load_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/agent"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/objstore/meter"
	"github.com/millrace-io/millrace/internal/objstore/open"
)

// short is a load of a second.
func short(k load.Kind, bootstrap ...string) load.Config {
	c := load.Defaults(k)
	c.Bootstrap, c.Partitions, c.RecordBytes, c.RecordsPerSec, c.BacklogBytes = bootstrap, 4, 200, 500, 200_000
	c.Warmup, c.Duration = load.Span(300*time.Millisecond), load.Span(time.Second)
	return c
}

func fakeCluster(t *testing.T) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// topics lists those of a cluster.
func topics(t *testing.T, bootstrap ...string) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	all, err := kadm.NewClient(client).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all.Names()
}

// startAgent runs an agent of the project itself in this process, on a bucket in memory.
func startAgent(t *testing.T) string {
	t.Helper()
	store, err := open.Open(t.Context(), env.Real(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(t.Context(), env.Real(), meter.New(env.Real(), store), agent.Config{
		Listen: "127.0.0.1:0", Peer: "off", Group: "default", Roles: admin.RoleProduce | admin.RoleFetch | admin.RoleJobs | admin.RoleSequence,
		BatchTimeout: 20 * time.Millisecond, BatchBytes: 1 << 20, MemoryBytes: 128 << 20, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, console.NewMetrics())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Kill(time.Now().Add(5 * time.Second)) })
	return a.Advertised()
}

func TestEveryLoadOnAnAgent(t *testing.T) {
	bootstrap := startAgent(t)
	for _, k := range load.Kinds {
		t.Run(string(k), func(t *testing.T) {
			r, err := load.Run(t.Context(), short(k, bootstrap), load.Watch{})
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, r)
		})
	}
	if left := topics(t, bootstrap); len(left) > 0 {
		t.Errorf("topics were left: %v", left)
	}
}

// checkResult holds a result of short to what must be true on any machine.
func checkResult(t *testing.T, r *load.Result) {
	t.Helper()
	figures := map[string]bool{"filled": r.Filled != nil, "produced": r.Produced != nil, "consumed": r.Consumed != nil, "backfilled": r.Backfilled != nil,
		"ack": r.Ack != nil, "end to end": r.EndToEnd != nil}
	want := map[load.Kind][]string{
		load.Produce: {"produced", "ack"}, load.Tail: {"produced", "consumed", "ack", "end to end"}, load.EndToEnd: {"produced", "consumed", "ack", "end to end"},
		load.FanOut: {"produced", "consumed", "ack", "end to end"}, load.CatchUp: {"filled", "backfilled"},
		load.Mixed: {"filled", "produced", "consumed", "backfilled", "ack", "end to end"},
	}[r.Load]
	for name, there := range figures {
		if there != slices.Contains(want, name) {
			t.Errorf("there is a figure of %s: %v", name, there)
		}
	}
	c := r.Check
	if c == nil || r.Verdict() != nil || c.Lost+c.Duplicates+c.Disordered+c.Corrupt+c.Foreign+c.Failed > 0 {
		t.Fatalf("check: %+v, %v", c, r.Verdict())
	}
	received := map[load.Kind]uint64{load.FanOut: 2}[r.Load] // times
	if received = max(received, 1) * c.Acknowledged; c.Received != received && (r.Load != load.Mixed || c.Received < received) {
		t.Errorf("%d acknowledged, %d received; want %d", c.Acknowledged, c.Received, received)
	}
	if r.EndToEnd != nil && r.EndToEnd.P50 < 0.1 {
		t.Errorf("a record takes %v ms from end to end", r.EndToEnd.P50)
	}
	var text strings.Builder
	if err := r.Print(&text); err != nil || strings.Contains(text.String(), "NaN") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// While a broker stands still for a second, records go on being due. Who only measured what was sent would see one slow
// batch; all those that were held up count.
func TestAStallCountsForAllThatItHeldUp(t *testing.T) {
	cluster := fakeCluster(t)
	var calls atomic.Int64
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if calls.Add(1) == 20 {
			time.Sleep(time.Second)
		}
		return nil, nil, false
	})
	c := short(load.EndToEnd, cluster.ListenAddrs()...)
	c.Duration, c.Producers, c.RecordsPerSec, c.BufferBytes = load.Span(4*time.Second), 1, 200, c.BatchBytes
	r, err := load.Run(t.Context(), c, load.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	// 200 of 800 records were due during the stall: their latencies fall evenly from a second to nothing.
	for name, l := range map[string]*load.Latency{"ack": r.Ack, "end to end": r.EndToEnd} {
		if l.P90 < 400 || l.P50 > 400 {
			t.Errorf("%s: p50 %v ms, p90 %v ms; a stall of 1 s in 4 s must show from p75 on", name, l.P50, l.P90)
		}
	}
	checkResult(t, r)
}

// A cluster that takes a quarter of what is offered is not made to look fast by the three quarters that were never sent.
func TestWhatCouldNotBeSentCounts(t *testing.T) {
	cluster := fakeCluster(t)
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		time.Sleep(200 * time.Millisecond)
		return nil, nil, false
	})
	c := short(load.Tail, cluster.ListenAddrs()...)
	c.RecordBytes, c.BatchBytes, c.BufferBytes, c.RecordsPerSec, c.Producers = 10<<10, 1<<20, 1<<20, 2000, 1 // 100 records under way
	r, err := load.Run(t.Context(), c, load.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Unsent < 1000 || r.Ack.Count < int64(r.Unsent) || r.EndToEnd.Count < int64(r.Unsent) {
		t.Errorf("%d were not sent; %d count in the latencies, %d from end to end", r.Unsent, r.Ack.Count, r.EndToEnd.Count)
	}
	if r.Ack.P50 < 300 || r.EndToEnd.P50 < 300 {
		t.Errorf("the medians are %v and %v ms, though records wait up to a second for their turn", r.Ack.P50, r.EndToEnd.P50)
	}
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "the rate was not reached") {
		t.Errorf("notes: %q", r.Notes)
	}
	checkResult(t, r)
}

// A broker that acknowledges and forgets is found out.
func TestLossIsFound(t *testing.T) {
	cluster := fakeCluster(t)
	var calls atomic.Int64
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if n := calls.Add(1); n < 5 || n%3 > 0 {
			return nil, nil, false
		}
		return forget(request.(*kmsg.ProduceRequest)), nil, true
	})
	for _, k := range []load.Kind{load.Produce, load.Tail} {
		c := short(k, cluster.ListenAddrs()...)
		c.Idempotence = false // the fake would miss the numbers of what was forgotten
		r, err := load.Run(t.Context(), c, load.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Check.Lost == 0 || r.Check.Lost != r.Check.Acknowledged-r.Check.Received || r.Verdict() == nil {
			t.Errorf("%s: check %+v, verdict %v; want a loss", k, r.Check, r.Verdict())
		}
	}
}

// forget acknowledges a request.
func forget(request *kmsg.ProduceRequest) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range request.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition = p.Partition
			answer.Partitions = append(answer.Partitions, partition)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response
}

func TestAGivenTopicIsUsedAndKept(t *testing.T) {
	cluster := fakeCluster(t)
	c := short(load.Tail, cluster.ListenAddrs()...)
	c.Topic = "mine"
	for run := range 2 { // the first makes it; the second reads only what is its own
		r, err := load.Run(t.Context(), c, load.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		if checkResult(t, r); r.Check.Received != r.Check.Acknowledged {
			t.Errorf("run %d: %+v", run, r.Check)
		}
		c.Partitions = 99 // of no account: the topic has 4
		if r.Config.Partitions != 4 {
			t.Errorf("run %d: %d partitions", run, r.Config.Partitions)
		}
	}
	if left := topics(t, cluster.ListenAddrs()...); len(left) != 1 || left[0] != "mine" {
		t.Errorf("topics %v, want the given one alone", left)
	}
}

func TestARunThatIsEndedEarlyTellsWhatItHas(t *testing.T) {
	cluster := fakeCluster(t)
	for _, k := range []load.Kind{load.Tail, load.Mixed} {
		c := short(k, cluster.ListenAddrs()...)
		c.Duration = load.Span(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		r, err := load.Run(ctx, c, load.Watch{Progress: func(p load.Progress) {
			if p.Phase == load.Measuring {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || r == nil || !r.Interrupted || r.Seconds > 60 {
			t.Fatalf("%s: %+v, %v; want a result beside the cancelling", k, r, err)
		}
		checkResult(t, r)
	}
	if left := topics(t, cluster.ListenAddrs()...); len(left) > 0 {
		t.Errorf("topics were left: %v", left)
	}
}

func TestARunThatCannotBeginSaysWhy(t *testing.T) {
	cluster := fakeCluster(t)
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response := forget(request.(*kmsg.ProduceRequest)).(*kmsg.ProduceResponse)
		response.Topics[0].Partitions[0].ErrorCode = kerr.TopicAuthorizationFailed.Code
		return response, nil, true
	})
	r, err := load.Run(t.Context(), short(load.Tail, cluster.ListenAddrs()...), load.Watch{})
	if r != nil || !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("%+v, %v; want what the first record met", r, err)
	}
	if left := topics(t, cluster.ListenAddrs()...); len(left) > 0 {
		t.Errorf("topics were left: %v", left)
	}
}

// Nobody says when what was sent with acks=0 is there: a cluster that is slow with it has not lost it.
func TestWhatNobodyAnswersIsWaitedFor(t *testing.T) {
	bootstrap := startAgent(t)
	for _, k := range []load.Kind{load.Produce, load.Tail} {
		c := short(k, bootstrap)
		c.Acks, c.Idempotence, c.RecordsPerSec = "0", false, 0
		r, err := load.Run(t.Context(), c, load.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		checkResult(t, r)
	}
}

func TestRecordsSpreadByKeys(t *testing.T) {
	cluster := fakeCluster(t)
	c := short(load.Tail, cluster.ListenAddrs()...)
	c.Keys, c.Codec, c.Acks, c.Idempotence, c.RecordsPerSec = 100, "none", "1", false, 0
	r, err := load.Run(t.Context(), c, load.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	checkResult(t, r)
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "full buffers") {
		t.Errorf("notes %q do not say what latency is as fast as possible", r.Notes)
	}
}

// A backlog is read as often as was asked for, and anew until so much time has passed; what is counted is all of it.
func TestABacklogIsReadSeveralTimes(t *testing.T) {
	cluster := fakeCluster(t)
	for name, set := range map[string]func(*load.Config){
		"readings": func(c *load.Config) { c.Readings = 3 },
		"read for": func(c *load.Config) { c.ReadFor = load.Span(300 * time.Millisecond) },
	} {
		c := short(load.CatchUp, cluster.ListenAddrs()...)
		set(&c)
		told := 0
		r, err := load.Run(t.Context(), c, load.Watch{Read: func() { told++ }})
		if err != nil || r.Verdict() != nil {
			t.Fatal(err, r.Verdict())
		}
		n := r.Check.BacklogReadings
		if told != n {
			t.Errorf("%s: %d of %d readings were told of", name, told, n)
		}
		if n < 2 || c.Readings > 1 && n != c.Readings || r.Seconds < time.Duration(c.ReadFor).Seconds()*0.9 {
			t.Errorf("%s: read %d times in %.3f s", name, n, r.Seconds)
		}
		if want := uint64(n) * r.Check.Acknowledged; r.Check.Received != want || r.Backfilled.Bytes != int64(n)*r.Filled.Bytes {
			t.Errorf("%s: %d records of %d were received, %d bytes of %d × %d", name, r.Check.Received, want, r.Backfilled.Bytes, n, r.Filled.Bytes)
		}
	}
}

func TestTheWindowsEndsAreTold(t *testing.T) {
	cluster := fakeCluster(t)
	for _, k := range []load.Kind{load.Produce, load.CatchUp} {
		var opened, closed time.Time
		r, err := load.Run(t.Context(), short(k, cluster.ListenAddrs()...), load.Watch{Opened: func() { opened = time.Now() }, Closed: func() { closed = time.Now() }})
		if err != nil {
			t.Fatal(err)
		}
		if took := closed.Sub(opened).Seconds(); took < 0.9*r.Seconds || opened.IsZero() {
			t.Errorf("%s: opened and closed %v s apart, the window has %v s", k, took, r.Seconds)
		}
	}
}
