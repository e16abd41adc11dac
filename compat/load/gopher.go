package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/compat/history"
)

// gophers are the team of franz-go.
type gophers struct {
	l     *Load
	flush context.Context // ends when producers shall
	end   context.Context // ends when consumers shall
	stop  struct{ writing, reading context.CancelFunc }
	wg    sync.WaitGroup
}

func startGo(l *Load, t Team) team {
	g := &gophers{l: l}
	g.flush, g.stop.writing = context.WithCancel(context.Background())
	g.end, g.stop.reading = context.WithCancel(context.Background())
	for role, r := range map[string]struct {
		count int
		run   func(client string)
	}{
		"producers": {t.Producers, g.produce},
		"readers":   {t.Readers, g.read},
		"members":   {t.Members, func(client string) { g.member(g.end, client) }},
		"restless":  {t.Restless, g.comeAndGo},
	} {
		for _, name := range names(Go, role, r.count) {
			g.wg.Go(func() { r.run(name) })
		}
	}
	return g
}

func (g *gophers) stopWriting() { g.stop.writing() }

func (g *gophers) stopReading() error {
	g.stop.reading()
	g.wg.Wait()
	return nil
}

func (g *gophers) tell(client, group string, kind history.Kind, records []history.Record) {
	if len(records) > 0 {
		g.l.add(history.Event{At: time.Now().UnixMicro(), Client: client, Group: group, Kind: kind, Records: records})
	}
}

// failed notes that a producer gave something up: kgo repeats by itself what may be repeated.
func (g *gophers) failed(client string, err error) {
	g.l.add(history.Event{At: time.Now().UnixMicro(), Client: client, Kind: history.Error, Text: err.Error(), Fatal: true})
}

// told notes an error of a poll. Of each failed attempt to join a group kgo tells, and tries again.
func (g *gophers) told(client string, err error) {
	var session *kgo.ErrGroupSession
	g.l.add(history.Event{At: time.Now().UnixMicro(), Client: client, Kind: history.Error, Text: err.Error(), Fatal: !errors.As(err, &session)})
}

func (g *gophers) open(opts ...kgo.Opt) *kgo.Client {
	// kgo takes a server that ends right after the handshake for one that wants SASL, and gives up, unless told otherwise.
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(g.l.c.Seeds()...), kgo.AlwaysRetryEOF())...)
	if err != nil { // the options are wrong
		panic(err)
	}
	return cl
}

func (g *gophers) produce(client string) {
	cl := g.open(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(g.l.topic))
	defer cl.Close()
	beat := time.NewTicker(g.l.plan.Beat)
	defer beat.Stop()
	n := history.Number{Producer: client}
	for ; g.flush.Err() == nil; n.Operation++ {
		for range g.l.plan.Batch {
			for p := range g.l.plan.Partitions {
				g.send(cl, int32(p), n)
			}
			n.Index++
		}
		select {
		case <-beat.C:
		case <-g.flush.Done():
		}
	}
	if err := cl.Flush(g.end); err != nil { // it was ended before all was answered
		g.failed(client, err)
		return
	}
	g.l.add(history.Event{Client: client, Kind: history.End, Sent: n.Index})
}

func (g *gophers) send(cl *kgo.Client, partition int32, n history.Number) {
	r := &kgo.Record{Partition: partition, Value: []byte(n.String())}
	cl.Produce(context.Background(), r, func(r *kgo.Record, err error) {
		if err != nil {
			g.failed(n.Producer, fmt.Errorf("%s: %w", r.Value, err))
			return
		}
		g.tell(n.Producer, "", history.Ack, []history.Record{{Partition: r.Partition, Offset: r.Offset, Value: string(r.Value)}})
	})
}

func (g *gophers) read(client string) {
	starts, begin := map[int32]kgo.Offset{}, []history.Record{}
	for p := range int32(g.l.plan.Partitions) {
		starts[p] = kgo.NewOffset().AtStart()
		begin = append(begin, history.Record{Partition: p})
	}
	cl := g.open(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{g.l.topic: starts}))
	defer cl.Close()
	g.tell(client, "", history.Assign, begin)
	for g.end.Err() == nil {
		g.poll(g.end, cl, client, "")
	}
}

// comeAndGo is a restless member. Each life is a client of its own.
func (g *gophers) comeAndGo(client string) {
	for life := 0; g.end.Err() == nil; life++ {
		stay, cancel := context.WithTimeout(g.end, g.l.plan.Stay)
		g.member(stay, fmt.Sprintf("%s.%d", client, life))
		cancel()
		select {
		case <-g.end.Done():
		case <-time.After(g.l.plan.Away):
		}
	}
}

func (g *gophers) member(until context.Context, client string) {
	group := g.l.group(Go)
	given := func(kind history.Kind, offset int64) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			var records []history.Record
			for _, p := range parts[g.l.topic] {
				records = append(records, history.Record{Partition: p, Offset: offset})
			}
			g.tell(client, group, kind, records)
		}
	}
	revoked := given(history.Revoke, 0)
	var session []kgo.Opt
	if g.l.plan.Session > 0 {
		session = append(session, kgo.SessionTimeout(g.l.plan.Session))
	}
	cl := g.open(append(session, kgo.ConsumerGroup(group), kgo.ConsumeTopics(g.l.topic),
		// So that what a rebalance tells stands between the polls before it and those after it.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(given(history.Assign, history.Committed)),
		kgo.OnPartitionsRevoked(func(ctx context.Context, cl *kgo.Client, parts map[string][]int32) {
			cl.CommitUncommittedOffsets(ctx) // as kgo does where nobody asks to be told; what fails is delivered again
			revoked(ctx, cl, parts)
		}),
		kgo.OnPartitionsLost(revoked),
		kgo.AutoCommitCallback(func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			if err == nil {
				g.tell(client, group, history.Commit, committed(req, resp))
			}
		}))...)
	defer cl.CloseAllowingRebalance()
	for until.Err() == nil {
		g.poll(until, cl, client, group)
		cl.AllowRebalance()
	}
}

// committed are the offsets of a commit that were taken.
func committed(req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse) (records []history.Record) {
	taken := map[int32]bool{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			taken[p.Partition] = p.ErrorCode == 0
		}
	}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			if taken[p.Partition] {
				records = append(records, history.Record{Partition: p.Partition, Offset: p.Offset})
			}
		}
	}
	return records
}

func (g *gophers) poll(ctx context.Context, cl *kgo.Client, client, group string) {
	fetches := cl.PollFetches(ctx)
	fetches.EachError(func(_ string, _ int32, err error) {
		if ctx.Err() == nil {
			g.told(client, err)
		}
	})
	var records []history.Record
	fetches.EachRecord(func(r *kgo.Record) {
		records = append(records, history.Record{Partition: r.Partition, Offset: r.Offset, Value: string(r.Value)})
	})
	g.tell(client, group, history.Poll, records)
}
