package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/meter"
	"github.com/millrace-io/millrace/internal/segment"
)

// waitMax bounds every wait of these tests.
const waitMax = 20 * time.Second

// bed is a bucket in memory, and what agents on it log.
type bed struct {
	*testing.T
	store objstore.Store
	log   lines
}

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// has reports whether a line holds all of the words.
func (l *lines) has(words ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range strings.Split(l.b.String(), "\n") {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return true
		}
	}
	return false
}

func newBed(t *testing.T) *bed { return &bed{T: t, store: memstore.New(time.Now)} }

// start starts an agent that makes a snapshot every few entries, and uploads its segments.
func (b *bed) start() (*Agent, error) { return b.startWith(true) }

func (b *bed) startWith(noRides bool) (*Agent, error) {
	b.Helper()
	e := env.Real()
	a, err := New(b.Context(), e, meter.New(e, b.store), Config{
		Listen: "127.0.0.1:0", Roles: admin.AllRoles, BatchTimeout: 10 * time.Millisecond, BatchBytes: 1 << 20, MemoryBytes: 256 << 20,
		Pace: control.Pace{SnapshotEntries: 10, SnapshotAfter: time.Hour, SweepEvery: time.Hour}, NoRides: noRides, Version: "test", Log: slog.New(slog.NewTextHandler(&b.log, nil)),
	}, console.NewMetrics())
	if err != nil {
		return nil, err
	}
	b.Cleanup(func() { a.Kill(time.Now().Add(time.Second)) })
	return a, a.Start()
}

func (b *bed) mustStart() *Agent {
	b.Helper()
	a, err := b.start()
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func (b *bed) stop(a *Agent) {
	b.Helper()
	if err := a.Drain(time.Now().Add(waitMax)); err != nil {
		b.Fatal(err)
	}
}

func (b *bed) client(a *Agent, opts ...kgo.Opt) *kgo.Client {
	b.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(a.Advertised())}, opts...)...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

// fill makes the topic "orders" of two partitions and writes rounds records to each, each in a segment of its own.
func (b *bed) fill(a *Agent, rounds int) {
	b.Helper()
	c := b.client(a, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if _, err := kadm.NewClient(c).CreateTopic(b.Context(), 2, -1, nil, "orders"); err != nil {
		b.Fatal(err)
	}
	for n := range rounds {
		for p := range int32(2) {
			r := &kgo.Record{Topic: "orders", Partition: p, Value: fmt.Appendf(nil, "record %d of %d", n, p)}
			if err := c.ProduceSync(b.Context(), r).FirstErr(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// read consumes both partitions from the start until each has given n records or an error.
func (b *bed) read(a *Agent, n int) (values [2][]string, errs [2]error) {
	b.Helper()
	start := kgo.NewOffset().AtStart()
	c := b.client(a, kgo.KeepRetryableFetchErrors(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"orders": {0: start, 1: start}}))
	ctx, cancel := context.WithTimeout(b.Context(), waitMax)
	defer cancel()
	for p := range 2 {
		for len(values[p]) < n && errs[p] == nil {
			fetches := c.PollFetches(ctx)
			if ctx.Err() != nil {
				b.Fatalf("not read in time: %d and %d records", len(values[0]), len(values[1]))
			}
			fetches.EachError(func(_ string, p int32, err error) { errs[p] = err })
			fetches.EachRecord(func(r *kgo.Record) { values[r.Partition] = append(values[r.Partition], string(r.Value)) })
		}
	}
	return values, errs
}

func (b *bed) keys(prefix string) (keys []string) {
	b.Helper()
	page, err := b.store.List(b.Context(), prefix, "", 1000)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range page.Entries {
		keys = append(keys, e.Key)
	}
	return keys
}

// flip changes a byte in the middle of an object, or where text begins in it.
func (b *bed) flip(key, text string) {
	b.Helper()
	o, err := b.store.GetRange(b.Context(), key, 0, -1)
	if err != nil {
		b.Fatal(err)
	}
	body := bytes.Clone(o.Body)
	at := len(body) / 2
	if text != "" {
		at = bytes.Index(body, []byte(text))
	}
	body[at] ^= 1
	if _, err := b.store.Put(b.Context(), key, body); err != nil {
		b.Fatal(err)
	}
}

// holding is the data file with the text, rides the journal entry.
func (b *bed) holding(text string) string { return b.with(segment.Prefix, text) }
func (b *bed) rides(text string) string   { return b.with("journal/", text) }

func (b *bed) with(prefix, text string) string {
	b.Helper()
	for _, key := range b.keys(prefix) {
		if o, err := b.store.GetRange(b.Context(), key, 0, -1); err == nil && bytes.Contains(o.Body, []byte(text)) {
			return key
		}
	}
	b.Fatalf("nothing in %s holds %q", prefix, text)
	return ""
}

func (b *bed) get(key string) []byte {
	b.Helper()
	o, err := b.store.GetRange(b.Context(), key, 0, -1)
	if err != nil {
		b.Fatal(err)
	}
	return o.Body
}

func (b *bed) delete(keys ...string) {
	b.Helper()
	if err := b.store.Delete(b.Context(), keys...); err != nil {
		b.Fatal(err)
	}
}

func (b *bed) until(what string, holds func() bool) {
	b.Helper()
	for end := time.Now().Add(waitMax); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("not in %v: %s", waitMax, what)
		}
	}
}

// What a reader of damaged and of missing files sees, and that the other partition of the same Fetch is served.
func TestReadersOfDamagedFiles(t *testing.T) {
	tests := []struct {
		name    string
		damage  func(b *bed, key string)
		want    *kerr.Error
		missing bool
	}{
		{"flipped bit", func(b *bed, key string) { b.flip(key, "record 3 of 0") }, kerr.CorruptMessage, false},
		{"cut short", func(b *bed, key string) {
			if _, err := b.store.Put(b.Context(), key, make([]byte, 30)); err != nil {
				b.Fatal(err)
			}
		}, kerr.CorruptMessage, false},
		{"empty", func(b *bed, key string) {
			if _, err := b.store.Put(b.Context(), key, nil); err != nil {
				b.Fatal(err)
			}
		}, kerr.CorruptMessage, false},
		{"missing", func(b *bed, key string) { b.delete(key) }, kerr.KafkaStorageError, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t)
			a := b.mustStart()
			b.fill(a, 6)
			b.stop(a)
			key := b.holding("record 3 of 0")
			test.damage(b, key)

			a = b.mustStart()
			values, errs := b.read(a, 6)
			if !errors.Is(errs[0], test.want) || len(values[0]) != 3 || errs[1] != nil || len(values[1]) != 6 {
				t.Errorf("read %q, errors %v", values, errs)
			}
			for _, d := range a.Stats().Damage {
				if d.File == key && d.Missing == test.missing && d.Reads > 0 {
					if !b.log.has("level=ERROR", "file="+key, "from=", "topic=orders", "partition=0") {
						t.Error("the log does not name the file")
					}
					return
				}
			}
			t.Errorf("no alarm about %s: %+v", key, a.Stats().Damage)
		})
	}
}

// A damaged or missing entry that stands in no agent's way any more, as a snapshot stands for it, but in which something rides, is to
// readers as a data file that is.
func TestReadersOfDamagedEntries(t *testing.T) {
	for name, missing := range map[string]bool{"damaged": false, "missing": true} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			a, err := b.startWith(false)
			if err != nil {
				t.Fatal(err)
			}
			b.fill(a, 6)
			b.until("a snapshot of all that was written", func() bool {
				_ = a.Control().Propose(&admin.Renew{}) // the snapshot is due after some more entries
				return base.Slot(a.Stats().SnapshotSlot) > a.Control().View().Log.NewestRide()
			})
			b.stop(a)
			key, want := b.rides("record 3 of 0"), kerr.CorruptMessage
			if missing {
				want = kerr.KafkaStorageError
				b.delete(key)
			} else {
				b.flip(key, "")
			}

			a = b.mustStart()
			values, errs := b.read(a, 6)
			if !errors.Is(errs[0], want) || len(values[0]) != 3 || errs[1] != nil || len(values[1]) != 6 {
				t.Errorf("read %q, errors %v", values, errs)
			}
			for _, d := range a.Stats().Damage {
				if d.File == key && d.Missing == missing && d.Reads > 0 {
					if !b.log.has("level=ERROR", "file="+key, "rides", "topic=orders", "partition=0") {
						t.Error("the log does not name the entry")
					}
					return
				}
			}
			t.Errorf("no alarm about %s: %+v", key, a.Stats().Damage)
		})
	}
}

// What rides is told with its age and with the entries that stay for it.
func TestWhatRidesIsTold(t *testing.T) {
	b := newBed(t)
	a, err := b.startWith(false)
	if err != nil {
		t.Fatal(err)
	}
	if r := a.Stats().Riding; r != (console.Riding{}) {
		t.Errorf("nothing rides, told is %+v", r)
	}
	b.fill(a, 3)
	v := a.Control().View()
	oldest, err := journal.DecodeEntry(b.get(journal.EntryKey(v.Log.OldestRide())))
	if err != nil {
		t.Fatal(err)
	}
	want := console.Riding{Segments: 6, Bytes: v.Log.RidingBytes(), KeptSlots: int64(v.Slot-oldest.Slot) + 1, AgeMs: 90_000}
	if r := riding(v, oldest.Time+90_000); r != want || r.KeptSlots < 6 || r.Bytes < 600 {
		t.Errorf("told is %+v, want %+v", r, want)
	}
}

// snapshots waits for n of them, and gives their keys.
func (b *bed) snapshots(n int) (keys []string) {
	b.Helper()
	b.until(fmt.Sprintf("%d snapshots", n), func() bool {
		keys = b.keys("snapshot/")
		return len(keys) >= n
	})
	return keys
}

// A damaged newest snapshot is passed over where an older one and the entries after it prove what it said.
func TestStartBesideADamagedSnapshot(t *testing.T) {
	for name, damage := range map[string]func(b *bed, newest string){
		"manifest": func(b *bed, newest string) { b.flip(newest, "") },
		"part":     func(b *bed, _ string) { b.flip(b.youngestPart(), "") },
		"no part":  func(b *bed, _ string) { b.delete(b.youngestPart()) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			a := b.mustStart()
			b.fill(a, 20)
			b.snapshots(2)
			b.stop(a)
			all := b.keys("snapshot/")
			newest := all[len(all)-1]
			damage(b, newest)

			a = b.mustStart()
			if values, errs := b.read(a, 20); len(values[0]) != 20 || len(values[1]) != 20 || errs != [2]error{} {
				t.Errorf("read %q, errors %v", values, errs)
			}
			if a.Stats().SnapshotsPassedOver != 1 || !b.log.has("level=ERROR", "passed over", newest, "millrace fsck") {
				t.Errorf("passed over: %d; the log:\n%s", a.Stats().SnapshotsPassedOver, b.log.b.String())
			}
		})
	}
}

// youngestPart is a snapshot part that only the newest snapshot names.
func (b *bed) youngestPart() string {
	b.Helper()
	page, err := b.store.List(b.Context(), "part/", "", 1000)
	if err != nil {
		b.Fatal(err)
	}
	youngest := page.Entries[0]
	for _, e := range page.Entries {
		if e.LastModified.After(youngest.LastModified) {
			youngest = e
		}
	}
	return youngest.Key
}

// Where nothing proves what a damaged snapshot or entry said, or an entry is missing, an agent does not start, names the object,
// and changes nothing.
func TestNoStartWithoutProof(t *testing.T) {
	tests := []struct {
		name   string
		damage func(b *bed) (named string)
	}{
		{"snapshot whose entries are gone", func(b *bed) string {
			all := b.keys("snapshot/")
			newest := all[len(all)-1]
			for _, key := range b.keys("journal/") {
				if key[len("journal/"):] <= newest[len("snapshot/"):] {
					b.delete(key)
				}
			}
			b.flip(newest, "")
			return newest
		}},
		{"entry", func(b *bed) string {
			all := b.keys("journal/")
			key := all[len(all)-1]
			b.flip(key, "")
			return key
		}},
		{"missing entry", func(b *bed) string {
			all := b.keys("journal/")
			key := all[len(all)-2]
			b.delete(key)
			return key
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t)
			a := b.mustStart()
			b.fill(a, 20)
			b.snapshots(2)
			b.stop(a)
			for b.tail() < 2 {
				b.stop(b.mustStart())
			}
			named := test.damage(b)
			before := b.contents()

			a, err := b.start()
			if base.KindOf(err) != base.StorageError || !strings.Contains(err.Error(), named) || !strings.Contains(err.Error(), "millrace fsck") {
				t.Errorf("%v; want it to name %s", err, named)
			}
			if after := b.contents(); after != before {
				t.Errorf("the bucket has changed:\n%s\nwas:\n%s", after, before)
			}
		})
	}
}

// tail is how many entries come after the newest snapshot.
func (b *bed) tail() int {
	b.Helper()
	entries, snapshots := b.keys("journal/"), b.keys("snapshot/")
	n := 0
	for _, key := range entries {
		if key[len("journal/"):] > snapshots[len(snapshots)-1][len("snapshot/"):] {
			n++
		}
	}
	return n
}

// contents lists all objects with their sizes and times.
func (b *bed) contents() string {
	b.Helper()
	page, err := b.store.List(b.Context(), "", "", 1000)
	if err != nil || page.More {
		b.Fatal(err, page.More)
	}
	var text strings.Builder
	for _, e := range page.Entries {
		fmt.Fprintln(&text, e.Key, e.SizeBytes, e.LastModified.UnixNano())
	}
	return text.String()
}

// A running agent that follows another one stops at a damaged entry, and says which; it serves nothing that it guessed.
func TestRunningAgentMeetsADamagedEntry(t *testing.T) {
	b := newBed(t)
	a := b.mustStart()
	b.fill(a, 2)
	damaged := ""
	for slot := base.Slot(len(b.keys("journal/"))); damaged == ""; slot++ { // the agent itself may be faster: it renews now and then
		if _, err := b.store.PutIfAbsent(b.Context(), journal.EntryKey(slot), []byte("MREN, and then nothing that was meant")); err == nil {
			damaged = journal.EntryKey(slot)
		}
	}
	select {
	case err := <-a.Failed():
		if base.KindOf(err) != base.StorageError || !strings.Contains(err.Error(), damaged) || !strings.Contains(err.Error(), "millrace fsck") {
			t.Error(err)
		}
	case <-time.After(waitMax):
		t.Error("the agent goes on")
	}
}
