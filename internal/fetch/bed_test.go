package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// bed is one agent from the bucket up to fetch.
type bed struct {
	testing.TB
	store   objstore.Store
	control *control.Control
	ingest  *ingest.Ingest
	cache   *cache.Cache
	fetch   *fetch.Fetch
	memory  *env.Semaphore
	journal *counting
	clock   *clock
	log     *bytes.Buffer
}

// clock is the real environment with a clock that a test can set forward.
type clock struct {
	env.Env
	ahead atomic.Int64 // nanoseconds
}

func (c *clock) Now() time.Time { return c.Env.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// counting is a journal that counts those who wait for news, and barriers.
type counting struct {
	*control.Control
	interest, barriers atomic.Int64
	cut                atomic.Bool            // no barrier comes back
	viewed             atomic.Pointer[func()] // called once, when somebody has taken a View
}

func (c *counting) View() meta.View {
	v := c.Control.View()
	if f := c.viewed.Swap(nil); f != nil {
		(*f)()
	}
	return v
}

func (c *counting) Barrier(deadline time.Time) (meta.View, error) {
	c.barriers.Add(1)
	if c.cut.Load() {
		return c.View(), env.ErrDeadline
	}
	return c.Control.Barrier(deadline)
}

func (c *counting) Interest(n int) {
	c.interest.Add(int64(n))
	c.Control.Interest(n)
}

// settings are what tests set differently.
type settings struct {
	store      objstore.Store
	fill       bool  // segments that are uploaded, or ride, enter the cache
	rides      bool  // small segments ride
	cacheBytes int64 // 0: 64 MiB
	batchBytes int
	memory     int64 // for answers; 0: 256 MiB
	opener     objstore.Opener
}

func soon() time.Time { return time.Now().Add(10 * time.Second) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func start(t testing.TB, s settings) *bed {
	t.Helper()
	e := env.Real()
	if s.store == nil {
		s.store = memstore.New(time.Now)
	}
	if s.cacheBytes == 0 {
		s.cacheBytes = 64 << 20
	}
	if s.batchBytes == 0 {
		s.batchBytes = 8 << 20
	}
	if s.memory == 0 {
		s.memory = 256 << 20
	}
	cluster, err := journal.OpenCluster(t.Context(), e, s.store)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{TB: t, store: s.store, memory: env.NewSemaphore(e, s.memory), clock: &clock{Env: e}, log: &bytes.Buffer{}}
	b.control = control.New(e, s.store, cluster, control.Config{
		Profile: admin.Profile{Kafka: "127.0.0.1:9092", Roles: admin.AllRoles}, W: journal.W, Log: quiet(), Rode: func(ref base.FileRef, body []byte) {
			if s.fill {
				b.cache.Put(ref, bytes.Clone(body))
			}
		},
	}, nil)
	b.cache = cache.New(b.clock, cache.Source{Store: s.store, Opener: s.opener, Riders: func(ctx context.Context, slot base.Slot) ([]log.Rider, error) {
		return control.ReadRiders(ctx, s.store, slot)
	}}, s.cacheBytes)
	config := ingest.Config{BatchTimeout: 10 * time.Millisecond, BatchBytes: s.batchBytes, Rides: s.rides, Log: quiet()}
	if s.fill {
		config.Uploaded = b.cache.Put
	}
	b.ingest = ingest.New(e, b.control, s.store, config)
	b.journal = &counting{Control: b.control}
	b.fetch = fetch.New(b.clock, b.journal, b.cache, fetch.Config{Memory: b.memory, Log: slog.New(slog.NewTextHandler(b.log, nil))})
	if err := b.control.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.fetch.Stop()
		b.ingest.Stop(soon())
		b.cache.Stop(soon())
		b.control.Kill(soon())
	})
	return b
}

func (b *bed) propose(op meta.Op) *meta.Verdict {
	b.Helper()
	v, err := b.control.Propose(op).Wait(soon())
	if err != nil {
		b.Fatalf("%T: %v", op, err)
	}
	return v
}

func (b *bed) topic(name string, partitions int32) base.TopicID {
	b.Helper()
	id := base.TopicID{1, byte(len(name)), name[0]}
	copy(id[3:], name)
	if v := b.propose(&log.CreateTopic{Name: name, ID: id, Partitions: partitions}); v.Kind() != base.OK {
		b.Fatalf("create %s: %v %s", name, v.Kind(), v.Text())
	}
	return id
}

// records are n records of some 30 bytes, or of size, that say which they are.
func records(first, n, size int) []batch.NewRecord {
	out := make([]batch.NewRecord, n)
	for i := range out {
		v := []byte(fmt.Sprintf("record %d", first+i))
		if size > len(v) {
			v = append(v, bytes.Repeat([]byte{' '}, size-len(v))...)
		}
		out[i] = batch.NewRecord{Timestamp: int64(1000 + first + i), Value: v}
	}
	return out
}

func info(raw batch.Batch) batch.Info {
	return batch.Info{Count: raw.Count(), MaxTimestamp: raw.MaxTimestamp(), ProducerID: -1}
}

// produce appends batches to a partition and waits for them.
func (b *bed) produce(id base.TopicID, partition int32, batches ...batch.Batch) []ingest.Result {
	b.Helper()
	list := make([]ingest.Batch, len(batches))
	for i, raw := range batches {
		list[i] = ingest.Batch{Topic: id, Partition: partition, Bytes: raw, Info: info(raw)}
	}
	results, err := b.ingest.Append(list).Wait(soon())
	if err != nil {
		b.Fatal(err)
	}
	for i, r := range results {
		if r.Kind != base.OK {
			b.Fatalf("batch %d: %v", i, r.Kind)
		}
	}
	return results
}

func plain(first, n, size int) batch.Batch {
	return batch.Plain(batch.None).Build(records(first, n, size)...)
}

func want(id base.TopicID, partition int32, offset int64) fetch.Want {
	return fetch.Want{Topic: id, Partition: partition, Offset: offset, MaxBytes: 1 << 20, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}
}

// read is a sessionless fetch that waits for nothing.
func (b *bed) read(wants ...fetch.Want) fetch.Response {
	b.Helper()
	return b.fetch.Read(fetch.Request{MinBytes: 1, MaxBytes: 50 << 20, ByID: true, SessionEpoch: -1, Partitions: wants}, time.Now())
}

// only is the one partition of an answer; its memory is given back.
func (b *bed) only(r fetch.Response) fetch.Fetched {
	b.Helper()
	if r.Kind != base.OK || len(r.Partitions) != 1 {
		b.Fatalf("answer %v with %d partitions", r.Kind, len(r.Partitions))
	}
	p := r.Partitions[0]
	p.Records = piece.List{piece.Of(b.bytes(p))}
	if r.Release != nil {
		r.Release()
	}
	return p
}

func (b *bed) bytes(p fetch.Fetched) []byte {
	b.Helper()
	all, err := p.Records.Copy()
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// parse reads an answer as a client does, and checks what every client relies on.
func (b *bed) parse(p fetch.Fetched) (batches []batch.Batch) {
	b.Helper()
	rest := b.bytes(p)
	for len(rest) > 0 {
		raw, after, err := batch.Next(rest)
		if err != nil || raw == nil {
			b.Fatalf("not a row of whole batches: %v", err)
		}
		if raw.CRC() != raw.ComputeCRC() || raw.LeaderEpoch() != 1 {
			b.Fatalf("batch at %d: CRC %x, computed %x, leader epoch %d", raw.BaseOffset(), raw.CRC(), raw.ComputeCRC(), raw.LeaderEpoch())
		}
		if n := len(batches); n > 0 && batches[n-1].LastOffset()+1 != raw.BaseOffset() {
			b.Fatalf("batch at %d follows on %d", raw.BaseOffset(), batches[n-1].LastOffset())
		}
		batches = append(batches, raw)
		rest = after
	}
	return batches
}

func (b *bed) produceAsync(id base.TopicID, partition int32, raw batch.Batch) {
	b.ingest.Append([]ingest.Batch{{Topic: id, Partition: partition, Bytes: raw, Info: info(raw)}})
}

// settle waits until partitions of a topic end at end.
func (b *bed) settle(id base.TopicID, partitions int32, end int64) {
	b.Helper()
	for i := range partitions {
		for until := soon(); ; time.Sleep(time.Millisecond) {
			if _, p, _ := b.control.View().Log.PartitionOf(id, i); p.End == end {
				break
			}
			if time.Now().After(until) {
				b.Fatalf("partition %d does not reach %d", i, end)
			}
		}
	}
}
