package fsck_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// merge makes one extent of the first n of a partition, or of fewer if there are no more; if there are two at least, and none rides.
func (b *bed) merge(c *control.Control, partition int32, n int) {
	b.t.Helper()
	_, p, _ := c.View().Log.PartitionOf(topic, partition)
	stretch := log.Stretch{Base: -1}
	rides := false
	var chunks []segment.Part
	p.Extents.From(p.Start, func(x log.Extent) bool {
		at, _ := c.View().Log.Place(x)
		if rides = at.Slot > 0; rides {
			return false
		}
		if stretch.Extents == 0 {
			stretch.Base = x.Base
		}
		stretch.Extents++
		chunks = append(chunks, segment.Summed(b.get(segment.Key(at.File))[at.Pos:at.Pos+x.Len]))
		return len(chunks) < n
	})
	if len(chunks) < 2 {
		return
	}
	sum, ok := p.Extents.Sum(stretch)
	if !ok {
		b.t.Fatalf("%+v", stretch)
	}
	w := segment.NewBuilder(0)
	at := w.Add(topic, partition, chunks...)
	b.landings++
	op := &log.MergeExtents{File: base.FileRef{ID: base.ULID{8, 15: b.landings}}, LastModified: c.Now(),
		Stretches: []log.MergeStretch{{Topic: topic, Partition: partition, Stretch: stretch, Pos: uint32(at.Pos), Hash: sum.Hash}}}
	body := w.Finish()
	op.SizeBytes = int64(len(body))
	b.put(segment.Key(op.File), body)
	if v, err := c.Propose(op).Wait(soon()); err != nil || v.Kind() != base.OK {
		b.t.Fatal(err, v)
	}
}

// remove deletes the files that may go, and has the state forget them, as agents do.
func (b *bed) remove(c *control.Control) {
	b.t.Helper()
	op := &log.RemoveFiles{}
	v := c.View()
	v.Log.Files(func(n uint64, f log.File) bool {
		if f.Removable(v.Time) {
			op.Files = append(op.Files, n)
			b.delete(segment.Key(f.Ref))
		}
		return true
	})
	if len(op.Files) == 0 {
		return
	}
	if v, err := c.Propose(op).Wait(soon()); err != nil || v.Kind() != base.OK {
		b.t.Fatal(err, v)
	}
}

// meanwhile checks a bucket to which things happen once the journal was read, before data files are, and wants the check not to begin anew.
func (a *aged) meanwhile(opts fsck.Options, happens func()) fsck.Report {
	a.t.Helper()
	store := &hooked{Store: a.store, prefix: segment.Prefix, n: 1, f: happens}
	r, err := fsck.Run(a.t.Context(), env.Real(), store, opts)
	if err != nil || store.n != 0 {
		a.t.Errorf("%v; data files were listed %d times", err, 1-store.n)
	}
	return r
}

// What was merged or trimmed away while the check read, and is gone, is no damage: it is counted, and named once.
func TestFilesGoMeanwhile(t *testing.T) {
	trimmed := func(b *aged) {
		b.proceed(6, trim(b.t, 0, 6), trim(b.t, 1, 6))
	}
	merged := func(b *aged) {
		b.proceed(6, func(c *control.Control) {
			b.merge(c, 0, 2)
			b.merge(c, 1, 2)
		})
	}
	removed := func(b *aged) {
		b.pass(11 * time.Minute)
		b.proceed(7)
		b.proceed(8, b.remove)
	}
	deleted := func(b *aged) { b.delete(b.files()[:2]...) }
	spoilt := func(b *aged) {
		for _, key := range b.files()[:2] {
			b.flip(key, 60)
		}
	}
	for name, happens := range map[string][]func(b *aged){
		"trimmed, and deleted":  {trimmed, deleted},
		"merged, and deleted":   {merged, deleted},
		"trimmed, and damaged":  {trimmed, spoilt},
		"trimmed, and removed":  {trimmed, removed},
		"merged, and removed":   {merged, removed},
		"merged, and truncated": {merged, removed, func(b *aged) { truncate(b, 9) }},
	} {
		for _, quick := range []bool{false, true} {
			if quick && strings.Contains(name, "damaged") {
				continue // of the same size
			}
			t.Run(fmt.Sprint(name, ", quick ", quick), func(t *testing.T) {
				b := newAged(t)
				r := b.meanwhile(fsck.Options{Quick: quick}, func() {
					for _, f := range happens {
						f(b)
					}
				})
				note := fsck.Problem{Severity: fsck.Note, Text: "trimmed away while this check read: 2; what"}
				if !r.OK() || r.FilesGone != 2 || r.Files != 6 || r.Garbage > 0 || !found(r, note) || strings.Count(fmt.Sprint(r.Problems), "while this check read") != 1 || !quick && r.Records < 24 {
					t.Errorf("%+v", r)
				}
				if r := b.check(fsck.Options{}); !r.OK() || r.FilesGone != 0 || r.Notes != 0 {
					t.Errorf("after that: %+v", r)
				}
			})
		}
	}
}

// truncate has agents write a snapshot, and delete the journal for it when it is old enough; round n of work is the next.
func truncate(b *aged, n int) {
	b.proceed(n)
	b.snapshot(0)
	entries := b.keys("journal/")
	b.pass(2 * time.Hour)
	b.delete(entries...)
	b.proceed(n + 1)
}

// What is still referred to is damage, whatever else happened meanwhile.
func TestDamageMeanwhile(t *testing.T) {
	for name, happens := range map[string]func(b *aged, key string){
		"nothing":                        func(*aged, string) {},
		"others were written":            func(b *aged, _ string) { b.proceed(6) },
		"others were trimmed":            func(b *aged, _ string) { b.proceed(6, trim(b.t, 0, 6), trim(b.t, 1, 6)) },
		"some of it was trimmed":         func(b *aged, _ string) { b.proceed(6, trim(b.t, 0, 12)) },
		"some of it was merged":          func(b *aged, _ string) { b.proceed(6, func(c *control.Control) { b.merge(c, 0, 4) }) },
		"and the journal was truncated":  func(b *aged, _ string) { truncate(b, 6) },
		"a snapshot stands for the news": func(b *aged, _ string) { b.proceed(6); b.snapshot(0); b.pass(40 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newAged(t)
			key := b.files()[3]
			r := b.meanwhile(fsck.Options{Repair: true}, func() {
				happens(b, key)
				b.delete(key)
			})
			if r.Damage != 1 || r.FilesGone != 0 || !found(r, fsck.Problem{Severity: fsck.Damage, Key: key, Text: "lost are orders-0 offsets 9 to 11, orders-1 offsets 9 to 11"}) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Files that go one by one while the check reads are told from one that is lost between them.
func TestLostBesideWhatWent(t *testing.T) {
	b := newAged(t)
	files := b.files()
	r := b.meanwhile(fsck.Options{}, func() {
		b.proceed(6, trim(t, 0, 6), trim(t, 1, 6))
		b.delete(files[0], files[1], files[4])
	})
	if r.Damage != 1 || r.FilesGone != 2 || !found(r, fsck.Problem{Severity: fsck.Damage, Key: files[4]}) {
		t.Errorf("%+v", r)
	}
}

// That bytes are referred to twice is of the state: a merge carries it into another file.
func TestReferredToTwiceAndGone(t *testing.T) {
	b := newAged(t)
	file, size, first, _ := b.upload()
	b.commit(file, size, first, first)
	r := b.meanwhile(fsck.Options{}, func() {
		b.proceed(6, func(c *control.Control) { b.merge(c, 0, 100) })
		b.delete(segment.Key(file))
	})
	if r.Damage != 1 || r.FilesGone != 1 || !found(r, fsck.Problem{Severity: fsck.Damage, Key: segment.Key(file), Text: "referred to twice"}) {
		t.Errorf("%+v", r)
	}
}

// A segment that rode, and whose records were deleted, is like any other file that went; one that landed has the check begin anew.
func TestRiderGoesMeanwhile(t *testing.T) {
	b, first := rode(t)
	container := b.keys(segment.Prefix)[0]
	r := b.meanwhile(fsck.Options{}, func() {
		b.proceed(6, trim(t, 0, 12), trim(t, 1, 12))
		b.delete(journal.EntryKey(first), container)
	})
	if !r.OK() || r.FilesGone != 2 || r.Records != 12 || r.Notes != 1 {
		t.Errorf("%+v", r)
	}
}

// emptied is a bucket of which the snapshots are taken away once the check looks for one that it has met.
type emptied struct {
	*hooked
	b     *aged
	looks int // for snapshots since the hook
}

func (e *emptied) List(ctx context.Context, prefix, after string, limit int) (objstore.Page, error) {
	if prefix == "snapshot/" && e.n == 0 {
		if e.looks++; e.looks == 2 {
			e.b.delete(e.b.keys("snapshot/")...)
		}
	}
	return e.hooked.List(ctx, prefix, after, limit)
}

// A journal of which less is there than before does not say that anything went as it should: the check begins anew.
func TestBucketEmptiedMeanwhile(t *testing.T) {
	b := newAged(t)
	store := &emptied{b: b}
	store.hooked = &hooked{Store: b.store, prefix: segment.Prefix, n: 1, f: func() {
		b.proceed(6)
		b.snapshot(0)
		b.pass(2 * time.Hour)
		b.delete(append(b.keys("journal/"), b.keys("data/")...)...)
	}}
	if r, err := fsck.Run(t.Context(), env.Real(), store, fsck.Options{}); err != nil || store.looks < 2 || r.FilesGone > 0 || r.LastSlot > 0 {
		t.Errorf("%v, %d looks, %+v", err, store.looks, r)
	}
}

// probes counts reads of one key.
type probes struct {
	objstore.Store
	key   string
	times int
}

func (p *probes) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	if key == p.key {
		p.times++
	}
	return p.Store.GetRange(ctx, key, off, n)
}

// The journal's news are read once for many files, and not at all if nothing is wrong.
func TestNewsAreReadOnce(t *testing.T) {
	count := func(gone int) int {
		b := newAged(t)
		l, _ := b.replica()
		p := &probes{Store: b.store, key: journal.EntryKey(slotOf(l) + 1)} // the slot that is empty
		b.delete(b.files()[:gone]...)
		if r, err := fsck.Run(t.Context(), env.Real(), p, fsck.Options{}); err != nil || r.Damage != gone {
			t.Fatalf("%v, %+v", err, r)
		}
		return p.times
	}
	none, one, many := count(0), count(1), count(5)
	if one != none+1 || many != one {
		t.Errorf("the journal's end was looked at %d times where all is sound, %d times where a file is lost, %d times where five are", none, one, many)
	}
}

// Files that agents remove are nothing that a repair does; an object that a late PUT brings back is an orphan, when it is as old as one.
func TestRemovedAndBroughtBack(t *testing.T) {
	b := newAged(t)
	key := b.files()[0]
	body := b.get(key)
	b.pass(2 * time.Hour)
	b.proceed(6, trim(t, 0, 3), trim(t, 1, 3))
	b.pass(11 * time.Minute)
	b.proceed(7)
	b.proceed(8, b.remove)
	if r := b.check(fsck.Options{Repair: true}); b.has(key) || len(r.Problems) != 0 || r.Deleted != (fsck.Deleted{}) {
		t.Errorf("removed: %+v", r)
	}
	b.put(key, body)
	if r := b.check(fsck.Options{Repair: true}); !b.has(key) || len(r.Problems) != 0 || r.Uncommitted != 1 {
		t.Errorf("brought back: %+v", r)
	}
	b.pass(50 * time.Minute)
	b.proceed(9)
	if r := b.check(fsck.Options{Repair: true}); !b.has(key) || r.Uncommitted != 1 {
		t.Errorf("50 minutes later: %+v", r)
	}
	b.pass(20 * time.Minute)
	b.proceed(10)
	r := b.check(fsck.Options{Repair: true})
	if b.has(key) || r.Deleted.Files != 1 || !found(r, fsck.Problem{Severity: fsck.Garbage, Key: key, Text: "an orphan", Repair: fsck.Done}) {
		t.Errorf("70 minutes later: %+v", r)
	}
	if r := b.check(fsck.Options{}); !r.OK() || len(r.Problems) != 0 || r.Records != 11*6-6 {
		t.Errorf("in the end: %+v", r)
	}
}

// A file of which nothing is left may be deleted ten minutes later, by the journal's time.
func TestReleasedFor(t *testing.T) {
	b := newAged(t)
	key := b.files()[0]
	b.proceed(6, trim(t, 0, 3), trim(t, 1, 3))
	b.pass(9*time.Minute + 30*time.Second)
	b.proceed(7)
	b.pass(time.Hour) // in which no entry is written
	if r := b.check(fsck.Options{Repair: true}); !b.has(key) || r.Repairable != 0 || !found(r, fsck.Problem{Severity: fsck.Garbage, Text: "since less than 10 minutes: 1"}) {
		t.Errorf("%+v", r)
	}
	b.pass(-59 * time.Minute)
	b.proceed(8)
	if r := b.check(fsck.Options{Repair: true}); b.has(key) || r.Deleted.Files != 1 || !found(r, fsck.Problem{Severity: fsck.Garbage, Key: key, Repair: fsck.Done}) {
		t.Errorf("%+v", r)
	}
	if r := b.check(fsck.Options{}); !r.OK() || len(r.Problems) != 0 {
		t.Errorf("the state remembers the file: %+v", r)
	}
}
