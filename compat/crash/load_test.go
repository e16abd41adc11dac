package crash

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/compat/harness"
)

const (
	producers  = 3
	partitions = 6
	members    = 2
	// beatMs is how often each producer writes one record to each partition: some 900 records a second in all.
	beatMs  = 20
	waitMax = 60 * time.Second
)

// load is clients at work on one topic: idempotent producers with default settings, a reader of fixed partitions, and
// a group of two members.
type load struct {
	t       *testing.T
	c       *harness.Cluster
	topic   string
	h       *history
	writing func() // ends the producers and waits for every acknowledgement
	reading func() // ends the readers

	// joinsMayFail is for scenarios that kill: kgo tells of each failed attempt to reach a dead coordinator, and tries again.
	joinsMayFail bool
}

func startLoad(t *testing.T, c *harness.Cluster) *load {
	t.Helper()
	l := &load{t: t, c: c, topic: harness.Name(t), h: newHistory()}
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	if _, err := kadm.NewClient(l.client()).CreateTopic(ctx, partitions, -1, nil, l.topic); err != nil {
		t.Fatal(err)
	}
	var readers []func()
	starts := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		starts[p] = kgo.NewOffset().AtStart()
	}
	readers = append(readers, l.read(readerAssigned, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: starts})))
	for range members {
		readers = append(readers, l.read(readerGroup, kgo.ConsumeTopics(l.topic), kgo.ConsumerGroup(l.topic)))
	}
	l.reading = sync.OnceFunc(func() {
		for _, stop := range readers {
			stop()
		}
	})
	var writers []func()
	for p := range producers {
		writers = append(writers, l.write(p))
	}
	l.writing = sync.OnceFunc(func() {
		var wg sync.WaitGroup
		for _, stop := range writers {
			wg.Go(stop)
		}
		wg.Wait()
	})
	t.Cleanup(func() { l.writing(); l.reading() })
	return l
}

func (l *load) client(opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(l.c.Seeds()...)}, opts...)...)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(cl.Close)
	return cl
}

// write starts a producer of numbered records; the returned function ends it and waits for its acknowledgements.
func (l *load) write(producer int) (stop func()) {
	cl := l.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(l.topic))
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		beat := time.NewTicker(beatMs * time.Millisecond)
		defer beat.Stop()
		for index := int64(0); ; index++ {
			select {
			case <-quit:
				return
			case <-beat.C:
			}
			for p := range int32(partitions) {
				l.send(cl, p, number{producer, index})
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		ctx, cancel := context.WithTimeout(context.Background(), waitMax)
		defer cancel()
		if err := cl.Flush(ctx); err != nil {
			l.h.fail(fmt.Errorf("producer %d: not all was acknowledged within %v: %w", producer, waitMax, err))
		}
		cl.Close()
	}
}

func (l *load) send(cl *kgo.Client, partition int32, n number) {
	r := &kgo.Record{Partition: partition, Value: fmt.Appendf(nil, "%d %d", n.producer, n.index)}
	cl.Produce(context.Background(), r, func(r *kgo.Record, err error) {
		if err != nil {
			l.h.fail(fmt.Errorf("producing %v to partition %d: %w", n, partition, err))
			return
		}
		l.h.ack(place{r.Partition, r.Offset}, n, time.Now())
	})
}

// read starts a reader that notes all it is given.
func (l *load) read(reader string, opts ...kgo.Opt) (stop func()) {
	cl := l.client(append(opts, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			fetches := cl.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachError(func(_ string, p int32, err error) {
				l.h.fail(fmt.Errorf("%s, partition %d: %w", reader, p, err))
			})
			fetches.EachRecord(func(r *kgo.Record) {
				l.h.deliver(reader, place{r.Partition, r.Offset}, l.parse(r), time.Now())
			})
		}
	}()
	return func() {
		cl.Close()
		<-done
	}
}

func (l *load) parse(r *kgo.Record) (n number) {
	if _, err := fmt.Sscan(string(r.Value), &n.producer, &n.index); err != nil {
		l.h.fail(fmt.Errorf("partition %d offset %d holds %q: %w", r.Partition, r.Offset, r.Value, err))
	}
	return n
}

// finish ends the load, waits until all readers have everything, reads the log afresh and gives the verdict.
func (l *load) finish() {
	l.t.Helper()
	l.writing()
	log := l.log()
	ends := map[int32]int64{}
	total := 0
	for p, part := range log {
		ends[p] = int64(len(part))
		total += len(part)
	}
	for _, reader := range []string{readerAssigned, readerGroup} {
		for end := time.Now().Add(waitMax); !l.h.reached(reader, ends); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				l.t.Errorf("unseen: the %s was not given all of %d records within %v", reader, total, waitMax)
				break
			}
		}
	}
	l.reading()
	const show = 20
	for i, wrong := range l.h.verify(log) {
		if i == show {
			l.t.Errorf("and more")
			break
		}
		l.t.Error(wrong)
	}
	l.judgeErrors()
	if len(l.h.acked) == 0 {
		l.t.Error("nothing was acknowledged: the load did no work")
	}
	l.t.Logf("%d records acknowledged, %d in the log", len(l.h.acked), total)
}

// judgeErrors fails the test for what clients were told, each text once.
func (l *load) judgeErrors() {
	l.t.Helper()
	times := map[string]int{}
	for _, err := range l.h.errors {
		times[err.Error()]++
	}
	for _, err := range l.h.errors {
		text := err.Error()
		count := times[text]
		delete(times, text)
		var session *kgo.ErrGroupSession
		switch {
		case count == 0: // said already
		case errors.As(err, &session) && l.joinsMayFail:
			l.t.Logf("a client was told, and tried again (%d times): %v", count, err)
		default:
			l.t.Errorf("a client was told (%d times): %v", count, err)
		}
	}
}

// log reads every partition from its start to its end with a client of its own.
func (l *load) log() map[int32][]number {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	ends, err := kadm.NewClient(l.client()).ListEndOffsets(ctx, l.topic)
	if err != nil {
		l.t.Fatal(err)
	}
	log, missing := map[int32][]number{}, int64(0)
	starts := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		end, _ := ends.Lookup(l.topic, p)
		missing += end.Offset
		starts[p] = kgo.NewOffset().AtStart()
	}
	cl := l.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: starts}))
	for missing > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			l.t.Fatalf("reading the log with %d records to come: %v", missing, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset != int64(len(log[r.Partition])) {
				l.t.Fatalf("reading the log: partition %d has offset %d as record %d", r.Partition, r.Offset, len(log[r.Partition]))
			}
			log[r.Partition] = append(log[r.Partition], l.parse(r))
			missing--
		})
	}
	return log
}
