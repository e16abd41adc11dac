package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// upload is a commit of a file that is worth an entry of its own.
func (a *inhabitant) upload(n int) *upload { return a.uploadOf(n, control.DefaultFlightBytes) }

func (a *inhabitant) uploadOf(n int, sizeBytes int64) *upload {
	u := &upload{file: base.FileRef{ID: base.ULID{13: a.p.Name()[0], 14: byte(n >> 8), 15: byte(n)}}}
	began := a.x.w.Elapsed()
	reply := a.Propose(&log.CommitSegment{File: u.file, SizeBytes: sizeBytes, LastModified: a.Now(), Batches: []log.Batch{
		{Topic: topicOfUploads, Len: 100, Count: 1, ProducerID: -1}}})
	reply.OnDone(func(v *meta.Verdict, err error) {
		u.took, u.done, u.slot = a.x.w.Elapsed()-began, true, a.View().Slot
		if err != nil || v.Kind() != base.OK || len(v.Log.Batches) != 1 || v.Log.Batches[0].Kind != base.OK {
			a.x.Errorf("seed %d: upload %d: %+v, %v", a.x.w.Seed(), n, v, err)
			return
		}
		u.offset = v.Log.Batches[0].Base
	})
	return u
}

// upload is what became of one.
type upload struct {
	file   base.FileRef
	done   bool
	took   time.Duration
	slot   base.Slot // of the View when it was acknowledged
	offset int64
}

var topicOfUploads = base.TopicID{9}

// withTopic makes the topic that uploads are of.
func (a *inhabitant) withTopic() *inhabitant {
	a.x.Helper()
	if v, err := a.Propose(&log.CreateTopic{Name: "uploads", ID: topicOfUploads, Partitions: 1}).Wait(time.Time{}); err != nil || v.Kind() != base.OK {
		a.x.Errorf("no topic: %v, %v", v, err)
	}
	return a
}

// entryTakes has every PUT of a journal entry take so long, and of some slots longer.
func (x *world) entryTakes(d time.Duration, longer map[base.Slot]time.Duration) {
	x.pause = func(key string) time.Duration {
		for slot, d := range longer {
			if key == journal.EntryKey(slot) {
				return d
			}
		}
		if strings.HasPrefix(key, "journal/") {
			return d
		}
		return 0
	}
}

// A commit that is worth it does not wait for the entry before it; a small one does.
func TestSideBySide(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a := x.join("a", false, admin.AllRoles).withTopic()
		x.entryTakes(200*time.Millisecond, nil)
		first := a.upload(1)
		x.main.Sleep(50 * time.Millisecond)
		second := a.upload(2)
		x.main.Sleep(50 * time.Millisecond)
		small := a.uploadOf(3, 1000)
		x.main.Sleep(time.Second)
		if first.took > 220*time.Millisecond || second.took > 220*time.Millisecond || small.took < 300*time.Millisecond {
			t.Errorf("the first took %v, the second %v, the small one %v", first.took, second.took, small.took)
		}
		if s := a.Stats(); s.EntriesBehind != 1 || second.slot != first.slot+1 {
			t.Errorf("%d entries were sent behind another; the two were acknowledged in slots %d and %d", s.EntriesBehind, first.slot, second.slot)
		}
	})
}

// What many small commits have in common is worth an entry too.
func TestManySmallOnesAreWorthIt(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a := x.join("a", false, admin.AllRoles).withTopic()
		x.entryTakes(200*time.Millisecond, nil)
		a.upload(1)
		x.main.Sleep(50 * time.Millisecond)
		for n := range 8 {
			a.uploadOf(2+n, control.DefaultFlightBytes/8)
		}
		x.main.Sleep(time.Second)
		if s := a.Stats(); s.EntriesBehind != 1 {
			t.Errorf("%d entries were sent behind another", s.EntriesBehind)
		}
	})
}

// The reply to the second waits for the first, however soon its entry is in the bucket.
func TestRepliesInOrder(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a := x.join("a", false, admin.AllRoles).withTopic()
		next := a.View().Slot + 1
		x.entryTakes(0, map[base.Slot]time.Duration{next: time.Second})
		first, second := a.upload(1), (*upload)(nil)
		x.main.Sleep(100 * time.Millisecond)
		second = a.upload(2)
		x.main.Sleep(700 * time.Millisecond)
		if first.done || second.done || a.View().Slot >= next {
			t.Errorf("acknowledged before the first is there: %t, %t; the view is of slot %d", first.done, second.done, a.View().Slot)
		}
		x.main.Sleep(time.Second)
		if !first.done || !second.done || second.offset != first.offset+1 {
			t.Errorf("%+v, %+v", first, second)
		}
	})
}

// No more than a few are under way.
func TestInFlightIsBounded(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a := x.join("a", false, admin.AllRoles).withTopic()
		next := a.View().Slot + 1
		sent := map[string]bool{}
		x.pause = func(key string) time.Duration {
			if sent[key] = true; key == journal.EntryKey(next) {
				return time.Second
			}
			return 0
		}
		var all []*upload
		for n := range 20 {
			all = append(all, a.upload(n))
			x.main.Sleep(20 * time.Millisecond)
		}
		if len(sent) != 4 {
			t.Errorf("under way are %v", sent)
		}
		x.main.Sleep(2 * time.Second)
		for n, u := range all {
			if !u.done || u.offset != int64(n) {
				t.Errorf("upload %d: %+v", n, u)
			}
		}
	})
}

// An agent that joins takes the slot of the first of several: what was sent behind is void, and everything is decided again, once. The
// next entry is sent alone.
func TestLostTogether(t *testing.T) {
	grounded := int64(0)
	for seed := range uint64(20) {
		inWorld(t, seed, func(x *world) {
			a := x.join("a", true, admin.AllRoles).withTopic()
			x.pause = func(string) time.Duration { return x.w.Between(0, 100*time.Millisecond) }
			var all []*upload
			var b *inhabitant
			a.p.Go("load", func() {
				for n := range 400 {
					a.Active()
					all = append(all, a.upload(n))
					a.p.Sleep(10 * time.Millisecond)
				}
			})
			x.main.Sleep(500 * time.Millisecond)
			for _, name := range []string{"b", "c", "d"} {
				b = x.join(name, true, admin.AllRoles)
			}
			x.within(20*time.Second, "all are acknowledged", func() bool {
				for _, u := range all {
					if !u.done {
						return false
					}
				}
				return len(all) == 400
			})
			for n, u := range all {
				if u.offset != int64(n) {
					t.Errorf("seed %d: upload %d is at offset %d", seed, n, u.offset)
					break
				}
			}
			v, err := b.Barrier(time.Time{})
			if err != nil {
				t.Error(err)
				return
			}
			if _, p, _ := v.Log.PartitionOf(topicOfUploads, 0); p.End != 400 {
				t.Errorf("seed %d: the partition ends at %d", seed, p.End)
			}
			grounded += a.Stats().EntriesGrounded
		})
	}
	if grounded == 0 {
		t.Error("no entry was sent behind one that lost its slot")
	}
}

// Commands of followers are sent side by side too, and happen once.
func TestFollowersSideBySide(t *testing.T) {
	inWorld(t, 4, func(x *world) {
		a, b := x.join("a", true, admin.AllRoles).withTopic(), x.join("b", true, admin.AllRoles)
		x.main.Sleep(2 * time.Second)
		x.entryTakes(100*time.Millisecond, nil)
		var all []*upload
		for n := range 50 {
			all = append(all, b.upload(n))
			x.main.Sleep(20 * time.Millisecond)
		}
		x.main.Sleep(time.Second)
		for n, u := range all {
			if !u.done || u.offset != int64(n) || u.took > 250*time.Millisecond {
				t.Errorf("upload %d: %+v", n, u)
			}
		}
		if n := a.Stats().EntriesBehind; n < 20 {
			t.Errorf("%d entries were sent behind another", n)
		}
	})
}

// Beside an agent of another domain nobody has two entries under way: the next slot may be its turn.
func TestAloneBesideAnotherDomain(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a := x.join("a", true, admin.AllRoles).withTopic()
		b := x.join("b", false, admin.AllRoles)
		uploads := func(first int) {
			for n := range 20 {
				a.upload(first + n)
				x.main.Sleep(20 * time.Millisecond)
			}
			x.main.Sleep(5 * time.Second)
		}
		x.entryTakes(100*time.Millisecond, nil)
		if _, err := a.Barrier(time.Time{}); err != nil {
			t.Error(err)
		}
		uploads(0)
		if n := a.Stats().EntriesBehind; n != 0 {
			t.Errorf("%d entries were sent behind another", n)
		}
		if err := b.Stop(time.Time{}); err != nil {
			t.Error(err)
		}
		if _, err := a.Barrier(time.Time{}); err != nil {
			t.Error(err)
		}
		uploads(20)
		if n := a.Stats().EntriesBehind; n == 0 {
			t.Error("none was, once the other had left")
		}
	})
}

// Those who ask for the journal's end are not kept waiting by entries that never end, and are told all that was acknowledged.
func TestBarriersAmongEntriesSideBySide(t *testing.T) {
	for seed := range uint64(8) {
		inWorld(t, seed, func(x *world) {
			a, b := x.join("a", true, admin.AllRoles).withTopic(), x.join("b", true, admin.AllRoles)
			x.main.Sleep(2 * time.Second)
			x.pause = func(string) time.Duration { return x.w.Between(0, 100*time.Millisecond) }
			acked := int64(0)
			a.p.Go("load", func() {
				for n := range 1000 {
					u := a.upload(n)
					a.p.Sleep(x.w.Between(0, 20*time.Millisecond))
					a.p.Go("acknowledged", func() {
						for !u.done {
							a.p.Sleep(time.Millisecond)
						}
						acked = max(acked, u.offset+1)
					})
				}
			})
			for x.main.Sleep(500 * time.Millisecond); acked < 900; x.main.Sleep(x.w.Between(0, 50*time.Millisecond)) {
				of, before, began := []*inhabitant{a, b}[x.w.Uint64()%2], acked, x.w.Elapsed()
				v, err := of.Barrier(time.Time{})
				if took := x.w.Elapsed() - began; err != nil || took > 500*time.Millisecond {
					t.Errorf("seed %d: a barrier took %v, %v", seed, took, err)
				}
				if _, p, _ := v.Log.PartitionOf(topicOfUploads, 0); p.End < before {
					t.Errorf("seed %d: a barrier's view ends at %d, %d were acknowledged before", seed, p.End, before)
				}
			}
			if n := a.Stats().EntriesBehind; n < 50 {
				t.Errorf("seed %d: %d entries were sent behind another", seed, n)
			}
		})
	}
}

// Where an agent is of an older version nobody has two entries under way.
func TestAloneWithAnOlderVersion(t *testing.T) {
	for _, level := range []uint16{journal.FlightLevel - 1, journal.FlightLevel} {
		t.Run(fmt.Sprintf("level %d", level), func(t *testing.T) {
			inWorld(t, 1, func(x *world) {
				x.level = level
				a := x.join("a", true, admin.AllRoles).withTopic() // the sequencer
				x.level = journal.FlightLevel
				x.join("b", true, admin.AllRoles)
				x.entryTakes(100*time.Millisecond, nil)
				x.main.Sleep(3 * time.Second)
				for n := range 20 {
					a.upload(n)
					x.main.Sleep(20 * time.Millisecond)
				}
				x.main.Sleep(time.Second)
				if n := a.Stats().EntriesBehind; (n > 0) != (level >= journal.FlightLevel) {
					t.Errorf("%d entries were sent behind another", n)
				}
			})
		})
	}
}

// An agent that stops in the middle of it leaves no call without an answer, and does nothing afterwards.
func TestStopWithSeveralUnderWay(t *testing.T) {
	for seed := range uint64(10) {
		inWorld(t, seed, func(x *world) {
			a := x.join("a", false, admin.AllRoles).withTopic()
			x.entryTakes(x.w.Between(0, 200*time.Millisecond), map[base.Slot]time.Duration{a.View().Slot + 2: 2 * time.Second})
			answered := 0
			for n := range 10 {
				op := &log.CommitSegment{File: base.FileRef{ID: base.ULID{15: byte(n)}}, SizeBytes: control.DefaultFlightBytes, LastModified: a.Now()}
				a.Propose(op).OnDone(func(*meta.Verdict, error) { answered++ })
				x.main.Sleep(20 * time.Millisecond)
			}
			a.Kill(x.main.Now().Add(5 * time.Second))
			if answered != 10 {
				t.Errorf("seed %d: %d of 10 calls were answered", seed, answered)
			}
			before := a.requests()
			x.main.Sleep(time.Minute)
			if n := a.requests() - before; n != 0 {
				t.Errorf("seed %d: %d requests after the end", seed, n)
			}
		})
	}
}

// A command that an entry under way makes impossible, as it ends the agent's registration, waits for that to be known.
func TestDeregisteredByAnEntryUnderWay(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a := x.join("a", false, admin.AllRoles).withTopic()
		x.entryTakes(200*time.Millisecond, nil)
		a.Propose(&admin.Deregister{})
		x.main.Sleep(50 * time.Millisecond)
		u := a.upload(1)
		x.main.Sleep(50 * time.Millisecond)
		v := a.upload(2)
		x.within(5*time.Second, "the agent is registered anew, and its calls are decided", func() bool { return u.done && v.done })
		if a.Self() != 2 || v.offset != 1 {
			t.Errorf("it is agent %d, the second upload is at %d", a.Self(), v.offset)
		}
	})
}
