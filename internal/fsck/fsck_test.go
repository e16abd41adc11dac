package fsck_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/fault"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

var topic = base.TopicID{1}

func soon() time.Time { return time.Now().Add(10 * time.Second) }

// bed is a bucket that an agent has filled and left.
type bed struct {
	t     *testing.T
	store objstore.Store
	rides bool // its segments ride

	landings byte
}

// filled fills a bucket through control and ingest: a topic, and 6 segments of 2 partitions with 3 records each.
func filled(t *testing.T, store objstore.Store) *bed {
	t.Helper()
	b := &bed{t: t, store: store}
	b.serve(func(c *control.Control, i *ingest.Ingest) {
		if v, err := c.Propose(&log.CreateTopic{Name: "orders", ID: topic, Partitions: 4}).Wait(soon()); err != nil || v.Kind() != base.OK {
			t.Fatal(err, v)
		}
		for n := range 6 {
			b.produce(i, n)
		}
	})
	return b
}

func (b *bed) serve(f func(*control.Control, *ingest.Ingest)) {
	b.t.Helper()
	e, quiet := env.Real(), slog.New(slog.NewTextHandler(io.Discard, nil))
	cluster, err := journal.OpenCluster(context.Background(), e, b.store)
	if err != nil {
		b.t.Fatal(err)
	}
	c := control.New(e, b.store, cluster, control.Config{Profile: admin.Profile{Roles: admin.AllRoles}, W: journal.W, Log: quiet}, nil)
	i := ingest.New(e, c, b.store, ingest.Config{BatchTimeout: 10 * time.Millisecond, BatchBytes: 1 << 20, Log: quiet, Rides: b.rides})
	if err := c.Start(); err != nil {
		b.t.Fatal(err)
	}
	f(c, i)
	i.Stop(soon())
	c.Stop(soon())
}

func (b *bed) produce(i *ingest.Ingest, n int) {
	b.t.Helper()
	var batches []ingest.Batch
	for p := range int32(2) {
		w := batch.Plain(batch.None)
		w.ProducerID, w.Epoch, w.BaseSequence = 7, 0, int32(3*n)
		var records []batch.NewRecord
		for k := range 3 {
			records = append(records, batch.NewRecord{Timestamp: int64(1000 + 3*n + k), Value: fmt.Appendf(nil, "value %d", k)})
		}
		built := w.Build(records...)
		batches = append(batches, ingest.Batch{Topic: topic, Partition: p, Bytes: built,
			Info: batch.Info{Count: 3, MaxTimestamp: built.MaxTimestamp(), ProducerID: 7, BaseSequence: int32(3 * n)}})
	}
	r, err := i.Append(batches).Wait(soon())
	if err != nil || r[0].Kind != base.OK || r[1].Kind != base.OK {
		b.t.Fatal(err, r)
	}
}

// plain is a batch of n records that is not idempotent.
func plain(n int) batch.Batch {
	var records []batch.NewRecord
	for k := range n {
		records = append(records, batch.NewRecord{Timestamp: int64(1000 + k), Value: fmt.Appendf(nil, "value %d", k)})
	}
	return batch.Plain(batch.None).Build(records...)
}

func (b *bed) keys(prefix string) (keys []string) {
	b.t.Helper()
	page, err := b.store.List(b.t.Context(), prefix, "", 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, o := range page.Entries {
		keys = append(keys, o.Key)
	}
	return keys
}

func (b *bed) get(key string) []byte {
	b.t.Helper()
	o, err := b.store.GetRange(b.t.Context(), key, 0, -1)
	if err != nil {
		b.t.Fatal(err)
	}
	return bytes.Clone(o.Body)
}

func (b *bed) put(key string, body []byte) {
	b.t.Helper()
	if _, err := b.store.Put(b.t.Context(), key, body); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) delete(keys ...string) {
	b.t.Helper()
	if err := b.store.Delete(b.t.Context(), keys...); err != nil {
		b.t.Fatal(err)
	}
}

// replica reads the bucket as an agent does, and gives its place in the journal and the state there.
func (b *bed) replica() (*journal.Log, *meta.State) {
	b.t.Helper()
	e := env.Real()
	cluster, err := journal.OpenCluster(b.t.Context(), e, b.store)
	if err != nil {
		b.t.Fatal(err)
	}
	l, r := journal.Open(e, b.store, cluster, journal.W), &restorer{}
	m, err := l.Load(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	s := meta.New()
	if m.Slot > 0 {
		if s, err = r.Finish(); err != nil {
			b.t.Fatal(err)
		}
	}
	for {
		entry, status, err := l.Next(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		if status != journal.Believed {
			return l, s
		}
		if entry.Void {
			continue
		}
		outcomes, err := meta.DecodeOutcomes(entry.Payload)
		if err != nil {
			b.t.Fatal(err)
		}
		s.Begin(entry.Slot, entry.Time)
		for i := range outcomes {
			if err := s.Apply(&outcomes[i]); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

type restorer struct{ *meta.Restorer }

func (r *restorer) Begin(journal.Manifest) error {
	r.Restorer = meta.NewRestorer()
	return nil
}

// snapshot writes one of the journal's end, with whatever digest is added to the true one. The bucket has none before.
func (b *bed) snapshot(wrongBy uint64) string {
	b.t.Helper()
	return b.snapshotWith(wrongBy)
}

// snapshotWith adds parts to it.
func (b *bed) snapshotWith(wrongBy uint64, more ...journal.PartSource) string {
	b.t.Helper()
	l, s := b.replica()
	slot, chain := l.Position()
	point := journal.Point{Slot: slot, Chain: chain, Time: s.Time, Digest: s.Digest() + wrongBy}
	_, err := l.Snapshots().Write(b.t.Context(), point, nil, func(yield func(journal.PartSource) bool) {
		for _, p := range s.Parts(nil) {
			if !yield(journal.PartSource{Key: p.Key, Body: p.Encode()}) {
				return
			}
		}
		for _, p := range more {
			if !yield(p) {
				return
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return journal.SnapshotKey(slot)
}

func (b *bed) check(opts fsck.Options) fsck.Report {
	b.t.Helper()
	r, err := fsck.Run(b.t.Context(), env.Real(), b.store, opts)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func TestSoundBucket(t *testing.T) {
	dir, err := filestore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]objstore.Store{"memory": memstore.New(time.Now), "files": dir} {
		t.Run(name, func(t *testing.T) {
			b := filled(t, store)
			b.snapshot(0)
			b.serve(func(_ *control.Control, i *ingest.Ingest) { b.produce(i, 6) })
			r := b.check(fsck.Options{})
			if len(r.Problems) != 0 || !r.OK() {
				t.Errorf("problems: %+v", r.Problems)
			}
			if r.Snapshots != 1 || r.Topics != 1 || r.Partitions != 4 || r.Extents != 14 || r.Records != 42 || r.Batches != 14 ||
				r.FilesRead != r.Files || r.Files == 0 || r.FirstSlot != 0 || r.Entries == 0 || r.Level != meta.FeatureLevel || r.DigestsCompared < r.Entries {
				t.Errorf("%+v", r)
			}
			quick := b.check(fsck.Options{Quick: true})
			if quick.FilesRead != 0 || quick.Files != r.Files || len(quick.Problems) != 0 {
				t.Errorf("quick: %+v", quick)
			}
		})
	}
}

// A broken entry that a snapshot stands for is damage, and the rest is checked from there.
func TestBrokenEntryBehindSnapshot(t *testing.T) {
	b := filled(t, memstore.New(time.Now))
	b.snapshot(0)
	b.serve(func(_ *control.Control, i *ingest.Ingest) { b.produce(i, 6) })
	b.put(journal.EntryKey(4), []byte("not an entry"))
	r := b.check(fsck.Options{})
	if r.Damage != 1 || r.Problems[0].Key != journal.EntryKey(4) || r.Records != 42 || r.LastSlot != base.Slot(len(b.keys("journal/"))) {
		t.Errorf("%+v", r)
	}
}

// Entries that an old snapshot stands for may be gone, and those that came back are garbage.
func TestTruncatedJournal(t *testing.T) {
	now := time.Now()
	b := filled(t, memstore.New(func() time.Time { return now }))
	b.snapshot(0)
	now = now.Add(2 * time.Hour)
	entries := b.keys("journal/")
	b.delete(entries[:len(entries)-1]...)
	b.put(entries[1], []byte("late"))
	r := b.check(fsck.Options{})
	if !r.OK() || r.Garbage != 1 || r.Problems[0].Severity != fsck.Garbage || r.Problems[0].Key != entries[1] || r.Records != 36 {
		t.Errorf("%+v", r)
	}
}

// A snapshot may be of a void entry's slot: what follows it follows that, and not the last valid one's.
func TestSnapshotAtAVoidEntry(t *testing.T) {
	now := time.Now()
	b := filled(t, memstore.New(func() time.Time { return now }))
	void, err := journal.EncodeEntry(journal.Header{Slot: base.Slot(len(b.keys("journal/")) + 1), Prev: [32]byte{1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.put(fmt.Sprintf("journal/%020d", len(b.keys("journal/"))+1), void)
	b.snapshot(0)
	now = now.Add(2 * time.Hour)
	b.delete(b.keys("journal/")...)
	b.serve(func(_ *control.Control, i *ingest.Ingest) { b.produce(i, 6) })
	if r := b.check(fsck.Options{}); !r.OK() || r.Records != 42 {
		t.Errorf("%+v", r)
	}
}

// A PUT that was under way while its snapshot was deleted brings the manifest back, but not its parts.
func TestSnapshotBroughtBack(t *testing.T) {
	now := time.Now()
	b := filled(t, memstore.New(func() time.Time { return now }))
	first := b.snapshot(0)
	old, parts := b.get(first), b.keys("part/")
	b.delete(append(parts, first)...)
	b.serve(func(_ *control.Control, i *ingest.Ingest) { b.produce(i, 6) })
	newer := b.snapshot(0)
	now = now.Add(2 * time.Hour)
	b.put(first, old)
	r := b.check(fsck.Options{})
	if !r.OK() || len(r.Problems) == 0 || r.Problems[0].Key != first || r.Problems[0].Severity != fsck.Garbage || r.Snapshots != 1 {
		t.Errorf("%+v", r)
	}
	b.delete(newer)
	if r := b.check(fsck.Options{}); r.OK() {
		t.Errorf("nothing stands for it: %+v", r)
	}
}

func TestEmptyBucketIsNotFounded(t *testing.T) {
	b := &bed{t: t, store: memstore.New(time.Now)}
	r := b.check(fsck.Options{})
	if !r.OK() || r.Notes != 1 || len(b.keys("")) != 0 {
		t.Errorf("%+v, keys %v", r, b.keys(""))
	}
}

func TestReportForPeopleAndPrograms(t *testing.T) {
	b := filled(t, memstore.New(time.Now))
	b.put("other", []byte("x"))
	steps := 0
	r := b.check(fsck.Options{Progress: func(_ string, n int) { steps = n }})
	var table strings.Builder
	if err := r.Table(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no damage, 0 garbage, 1 notes", "note", "not an object of Millrace", "partitions"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
	var back fsck.Report
	text, err := json.Marshal(r)
	if err != nil || json.Unmarshal(text, &back) != nil || back.Records != r.Records || len(back.Problems) != 1 {
		t.Errorf("%v %s", err, text)
	}
	if steps == 0 {
		t.Error("no progress was told")
	}
}

// What a newer version wrote is no damage, to an older one: it says that it is too old, and repairs nothing. An agent does not start.
func TestSnapshotOfANewerVersion(t *testing.T) {
	for _, key := range []string{"log/indexes/0", "tables/0"} {
		b := filled(t, memstore.New(time.Now))
		b.snapshotWith(0, journal.PartSource{Key: key, Body: []byte("?")})
		r, err := fsck.Run(t.Context(), env.Real(), b.store, fsck.Options{Repair: true})
		if base.KindOf(err) != base.UnsupportedVersion || !strings.Contains(err.Error(), key) || r.Damage != 0 || r.Deleted != (fsck.Deleted{}) {
			t.Errorf("fsck: %v, %+v", err, r)
		}
		e := env.Real()
		cluster, err := journal.OpenCluster(t.Context(), e, b.store)
		if err != nil {
			t.Fatal(err)
		}
		c := control.New(e, b.store, cluster, control.Config{W: journal.W, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, nil)
		if err := c.Start(); base.KindOf(err) != base.UnsupportedVersion || !strings.Contains(err.Error(), "start a newer one") {
			t.Errorf("an agent starts: %v", err)
		}
	}
}

// A store that cannot be read is no finding, whenever it fails.
func TestUnreadableStore(t *testing.T) {
	b := filled(t, memstore.New(time.Now))
	b.snapshot(0)
	store := fault.New(b.store)
	if r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{}); err != nil || !r.OK() {
		t.Fatal(err)
	}
	for _, op := range []string{"get", "list", "head"} {
		for skip := range store.Count(op) {
			store := fault.New(b.store)
			store.Inject(fault.Fault{Op: op, Skip: skip, Times: -1, Kind: objstore.Throttled})
			if r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{}); err == nil || r.Damage != 0 {
				t.Errorf("%s after %d: %+v, %v", op, skip, r, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := fsck.Run(ctx, env.Real(), b.store, fsck.Options{}); err == nil || r.Damage != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
