package control_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/fault"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// holds is told of every View: what rides in it and was applied as it came has been handed over before.
func (a *inhabitant) holds(c control.Change) {
	c.View.Log.Riders(func(_ uint64, f log.File) bool {
		if c.Everything {
			a.rode[f.Ref] = nil // it was there when the agent started
		}
		if _, ok := a.rode[f.Ref]; !ok {
			a.x.Errorf("%s is told of a file in slot %d and has not been given it", a.p.Name(), f.In)
		}
		return true
	})
}

// ride has an agent commit a batch that rides, with a body of so many bytes, and gives its file.
func (a *inhabitant) ride(id base.TopicID, n byte, bytes int) base.FileRef {
	a.x.Helper()
	ref := base.FileRef{ID: base.ULID{8: n, 15: n}}
	op := &log.CommitSegment{File: ref, SizeBytes: int64(bytes), Body: make([]byte, bytes), Batches: []log.Batch{
		{Topic: id, Len: 100, Count: 1, ProducerID: -1}}}
	op.Body[0] = n
	v, err := a.Propose(op).Wait(a.p.Now().Add(time.Minute))
	if err != nil || v.Kind() != base.OK || v.Log.Batches[0].Kind != base.OK {
		a.x.Errorf("rider %d: %v %v", n, err, v)
	}
	return ref
}

// What rides reaches the cache of every agent that applies the entry as it comes, whoever wrote it.
func TestRidersReachEveryAgent(t *testing.T) {
	for _, peers := range []bool{true, false} {
		inWorld(t, 21, func(x *world) {
			a, b := x.join("a", peers, admin.AllRoles), x.join("b", peers, admin.AllRoles)
			id := createTopicIn(x, a)
			x.main.Sleep(5 * time.Second)
			one := a.ride(id, 1, 1000)
			two := b.ride(id, 2, 120_000)
			for _, k := range []*inhabitant{a, b} {
				if _, err := k.Barrier(time.Time{}); err != nil {
					x.Error(err)
				}
				if len(k.rode[one]) != 1000 || k.rode[one][0] != 1 || len(k.rode[two]) != 120_000 || k.rode[two][0] != 2 {
					x.Errorf("peers %t: %s was given %d and %d bytes", peers, k.p.Name(), len(k.rode[one]), len(k.rode[two]))
				}
			}
			late := x.join("late", peers, admin.AllRoles)
			n := 0
			late.View().Log.Riders(func(_ uint64, f log.File) bool {
				riders, err := control.ReadRiders(context.Background(), x.bucket, base.Slot(f.In))
				if err != nil || len(riders) == 0 || !bytes.Equal(riders[0].Body, a.rode[f.Ref]) && !bytes.Equal(riders[len(riders)-1].Body, a.rode[f.Ref]) {
					x.Errorf("%v, %d riders in slot %d", err, len(riders), f.In)
				}
				n++
				return true
			})
			if n != 2 {
				x.Errorf("%d files ride by a state that was read from the journal", n)
			}
		})
	}
}

func createTopicIn(x *world, a *inhabitant) base.TopicID {
	x.Helper()
	id := base.TopicID{3}
	if v, err := a.Propose(&log.CreateTopic{Name: "t", ID: id, Partitions: 1}).Wait(time.Time{}); err != nil || v.Kind() != base.OK {
		x.Error(err, v)
	}
	return id
}

// The journal is not truncated from the first slot on in which something rides; once that has landed, it is.
func TestSlotsWithRidersStay(t *testing.T) {
	inWorld(t, 22, func(x *world) {
		a := x.join("a", false, admin.AllRoles)
		id := createTopicIn(x, a)
		a.ride(id, 1, 1000)
		ride := a.View().Log.OldestRide()
		there := func(slot base.Slot) bool {
			_, err := x.bucket.Head(context.Background(), journal.EntryKey(slot))
			return err == nil
		}
		busy := func(d time.Duration) {
			for end := x.w.Elapsed() + d; x.w.Elapsed() < end; x.main.Sleep(20 * time.Second) {
				if _, err := a.Propose(&log.AllocateProducerIDs{Count: 1}).Wait(time.Time{}); err != nil {
					x.Error(err)
				}
			}
		}
		busy(90 * time.Minute)
		if there(1) || there(ride-1) || !there(ride) || !there(ride+1) || a.Stats().Kept == 0 {
			x.Errorf("slots 1, %d, %d, %d are there: %t, %t, %t, %t; %d kept", ride-1, ride, ride+1, there(1), there(ride-1), there(ride), there(ride+1), a.Stats().Kept)
		}
		number := uint64(0)
		a.View().Log.Riders(func(n uint64, _ log.File) bool { number = n; return false })
		op := &log.LandFiles{File: base.FileRef{ID: base.ULID{9, 15: 9}}, SizeBytes: 2000, LastModified: a.Now(), Landings: []log.Landing{{File: number, Delta: 500}}}
		if v, err := a.Propose(op).Wait(time.Time{}); err != nil || v.Kind() != base.OK {
			x.Error(err, v)
		}
		busy(15 * time.Minute)
		if there(ride) || there(ride+1) {
			x.Error("a slot is there in which nothing rides any more")
		}
	})
}

// What rides makes entries long: a snapshot is due after 64 MiB of them, however few they are.
func TestSnapshotAfterSoManyBytes(t *testing.T) {
	inWorld(t, 23, func(x *world) {
		a := x.join("a", false, admin.AllRoles)
		id := createTopicIn(x, a)
		rounds := 0
		for ; a.Stats().Snapshots == 0 && x.w.Elapsed() < 4*time.Minute; rounds++ {
			a.ride(id, byte(rounds), 120_000)
			x.main.Sleep(10 * time.Millisecond)
			// A name stands for one body: the files of earlier rounds go, so that it can be had again.
			if _, err := a.Propose(&log.DeleteRecords{ID: id, Offset: -1}).Wait(time.Time{}); err != nil {
				x.Error(err)
			}
		}
		if rounds < 550 || rounds > 650 {
			x.Errorf("a snapshot after %d riders of 120,000 bytes", rounds)
		}
	})
}

// An entry that is read for what rides in it: gone, damaged once, damaged for good.
func TestReadRiders(t *testing.T) {
	bucket := fault.New(memstore.New(time.Now))
	key := journal.EntryKey(7)
	if _, err := control.ReadRiders(t.Context(), bucket, 7); !objstore.Is(err, objstore.NotFound) {
		t.Errorf("no such slot: %v", err)
	}
	bucket.Inject(fault.Fault{Op: "get", Kind: objstore.Throttled})
	if _, err := control.ReadRiders(t.Context(), bucket, 7); !objstore.Is(err, objstore.Throttled) {
		t.Errorf("throttled: %v", err)
	}
	good, err := journal.EncodeEntry(journal.Header{Slot: 7}, []byte{0})
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string][]byte{"cut short": good[:len(good)-1], "empty": {}, "not an outcome": must(journal.EncodeEntry(journal.Header{Slot: 7}, []byte{9}))} {
		if _, err := bucket.Put(t.Context(), key, object); err != nil {
			t.Fatal(err)
		}
		before := bucket.Count("get")
		if _, err := control.ReadRiders(t.Context(), bucket, 7); base.KindOf(err) != base.CorruptMessage || bucket.Count("get") != before+2 {
			t.Errorf("%s: %v after %d reads", name, err, bucket.Count("get")-before)
		}
	}
	mended := &mending{Store: bucket, key: key, with: good}
	if riders, err := control.ReadRiders(t.Context(), mended, 7); err != nil || len(riders) != 0 {
		t.Errorf("damaged once: %v, %d riders", err, len(riders))
	}
}

// mending is a bucket that reads an object right from the second time on.
type mending struct {
	objstore.Store
	key  string
	with []byte
	read bool
}

func (m *mending) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	if m.read {
		return objstore.Object{Body: m.with}, nil
	}
	m.read = true
	return m.Store.GetRange(ctx, key, off, n)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
