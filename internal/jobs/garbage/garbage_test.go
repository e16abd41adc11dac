package garbage_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/jobs/garbage"
	"github.com/millrace-io/millrace/internal/jobs/jobtest"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// bed is one agent with the job, in virtual time.
type bed struct {
	*control.Control
	proc  *sim.Proc
	store objstore.Store
	asks  *asked
	job   *garbage.Job
	topic base.TopicID
	files uint16 // so far

	proposed int                               // by the job
	answer   func() *env.Future[*meta.Verdict] // in place of the journal, unless nil
}

// asked is the bucket as the job sees it: anything but a deletion panics.
type asked struct {
	objstore.Store
	bucket objstore.Store
	times  int
	fails  bool
	held   string              // an object that cannot be deleted
	before func(keys []string) // a deletion; once
}

func (a *asked) Delete(ctx context.Context, keys ...string) error {
	if a.times++; a.fails || slices.Contains(keys, a.held) {
		return &objstore.Error{Kind: objstore.Throttled, Op: "delete", Key: keys[0], Cause: io.EOF}
	}
	if f := a.before; f != nil {
		a.before = nil
		f(keys)
	}
	return a.bucket.Delete(ctx, keys...)
}

// observed is the journal as the job sees it: what is proposed to be forgotten has to be gone.
type observed struct{ *bed }

func (o observed) Propose(op meta.Op) *env.Future[*meta.Verdict] {
	o.proposed++
	for _, n := range op.(*log.RemoveFiles).Files {
		if f, ok := o.View().Log.File(n); ok && o.there(f.Ref) {
			panic(fmt.Sprintf("file %d is to be forgotten, and is still there", n))
		}
	}
	if o.answer != nil {
		return o.answer()
	}
	return o.Control.Propose(op)
}

func none(uint64) bool { return false }

var check, quiet = jobtest.Check, jobtest.Quiet

// tell tells a story, which fails by panicking, of an agent with these roles; others may have come before it.
func tell(t *testing.T, roles admin.Roles, story func(b *bed), before ...func(b *bed)) {
	t.Helper()
	jobtest.Tell(t, 100*time.Hour, func(p *sim.Proc, store *memstore.Store) {
		b := &bed{proc: p, store: store, asks: &asked{bucket: store}, topic: base.TopicID{1}}
		for _, f := range before {
			f(b)
		}
		b.Control = jobtest.Join(p, b.store, jobtest.Config(roles))
		b.propose(&log.CreateTopic{Name: "t", ID: b.topic, Partitions: 2})
		b.job = garbage.New(p, observed{b}, b.asks, quiet)
		b.job.Start()
		story(b)
		b.job.Stop(p.Now().Add(time.Second))
	})
}

func (b *bed) propose(op meta.Op) { jobtest.Propose(b.proc, b.Control, op) }

// file uploads a file and makes the command that commits a record of each of these partitions in it.
func (b *bed) file(topic base.TopicID, partitions ...int32) *log.CommitSegment {
	b.files++
	c := &log.CommitSegment{File: base.FileRef{ID: base.ULID{8: byte(b.files >> 8), 9: byte(b.files), 15: byte(b.files)}}, SizeBytes: 1000, LastModified: b.Now()}
	for i, p := range partitions {
		c.Batches = append(c.Batches, log.Batch{Topic: topic, Partition: p, Pos: uint32(100 + 10*i), Len: 10, Count: 1, ProducerID: -1})
	}
	b.put(c.File)
	return c
}

func (b *bed) put(ref base.FileRef) {
	_, err := b.store.Put(context.Background(), segment.Key(ref), make([]byte, 1000))
	check(err)
}

func (b *bed) commit(partitions ...int32) { b.propose(b.file(b.topic, partitions...)) }

func (b *bed) trim(partition int32, offset int64) {
	b.propose(&log.DeleteRecords{ID: b.topic, Index: partition, Offset: offset})
}

func (b *bed) there(ref base.FileRef) bool {
	_, err := b.store.Head(context.Background(), segment.Key(ref))
	return err == nil
}

// expect wants these files, by number, in the state and no others, and in the bucket those that are objects.
func (b *bed) expect(what string, files ...uint64) {
	var known []uint64
	objects := 0
	b.View().Log.Files(func(n uint64, f log.File) bool {
		known = append(known, n)
		if f.Where == log.Own {
			if objects++; !b.there(f.Ref) {
				panic(fmt.Sprintf("%s: file %d is not in the bucket", what, n))
			}
		}
		return true
	})
	page, err := b.store.List(context.Background(), segment.Prefix, "", 1000)
	check(err)
	if !slices.Equal(known, files) || len(page.Entries) != objects {
		panic(fmt.Sprintf("%s: files %v, %d in the bucket; want %v", what, known, len(page.Entries), files))
	}
	check(b.View().Check())
}

// wants holds what the job did against what is wanted.
func (b *bed) wants(what string, proposed, deletions int, removed int64) {
	if got := b.job.Stats(); b.proposed != proposed || b.asks.times != deletions || got.Removed != removed {
		panic(fmt.Sprintf("%s: %d proposals after %d deletions, %+v; want %d, %d, %d", what, b.proposed, b.asks.times, got, proposed, deletions, removed))
	}
}

// Files go ten minutes after the last record in them, whatever took that.
func TestWhatNothingIsLeftOfGoes(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.commit(0)
		b.commit(0, 1)
		b.commit(1)
		b.trim(0, 2)
		b.proc.Sleep(9*time.Minute + 50*time.Second)
		b.expect("nearly ten minutes after a trim", 1, 2, 3)
		b.proc.Sleep(3 * time.Minute)
		b.expect("after a trim", 2, 3)
		b.wants("after a trim", 1, 1, 1)

		b.propose(&log.DeleteTopic{ID: b.topic})
		b.proc.Sleep(9*time.Minute + 50*time.Second)
		b.expect("nearly ten minutes after the topic was deleted", 2, 3)
		b.proc.Sleep(3 * time.Minute)
		b.expect("after the topic was deleted")
		b.wants("after the topic was deleted", 2, 2, 3)
	})
}

// What others landed in goes with the last of them, and what was merged with the merge.
func TestLandedAndMergedGo(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		rider := b.file(b.topic, 0)
		check(b.store.Delete(context.Background(), segment.Key(rider.File)))
		rider.Body = make([]byte, rider.SizeBytes)
		b.propose(rider)
		container := b.file(b.topic)
		b.propose(&log.LandFiles{File: container.File, SizeBytes: 1000, LastModified: b.Now(), Landings: []log.Landing{{File: 1}}})
		b.commit(0)
		b.proc.Sleep(time.Hour)
		b.expect("landed", 1, 2, 3)

		_, p, _ := b.View().Log.PartitionOf(b.topic, 0)
		stretch := log.Stretch{Base: 0, Extents: 2}
		d, ok := p.Extents.Sum(stretch)
		if !ok {
			panic("no such stretch")
		}
		merged := b.file(b.topic)
		b.propose(&log.MergeExtents{File: merged.File, SizeBytes: 1000, LastModified: b.Now(),
			Stretches: []log.MergeStretch{{Topic: b.topic, Partition: 0, Stretch: stretch, Hash: d.Hash, Pos: 100}}})
		b.proc.Sleep(13 * time.Minute)
		b.expect("merged", 4)
		b.wants("merged", 1, 1, 2)
	})
}

// What cannot be deleted is not forgotten, and is tried again.
func TestFailedDeletion(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.commit(0)
		b.trim(0, 1)
		b.asks.fails = true
		b.proc.Sleep(20 * time.Minute)
		b.expect("nothing can be deleted", 1)
		if b.proposed != 0 || b.asks.times < 1 || b.asks.times > 3 {
			panic(fmt.Sprintf("%d deletions in ten minutes, %d proposals", b.asks.times, b.proposed))
		}
		b.asks.fails = false
		b.proc.Sleep(13 * time.Minute)
		b.expect("it can again")
	})
}

// Of a few files that cannot be deleted together all go but the one that is held, and none has to wait for that.
func TestHeldAmongAFew(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 5 {
			b.commit(0)
		}
		b.View().Log.Files(func(n uint64, f log.File) bool {
			b.asks.held = segment.Key(f.Ref)
			return n < 3
		})
		b.trim(0, 5)
		b.proc.Sleep(18 * time.Minute)
		b.expect("but the one that is held", 3)
	})
}

// One object that cannot be deleted, as it is held, keeps no others.
func TestHeldObject(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.much(2500)
		b.View().Log.Files(func(_ uint64, f log.File) bool {
			b.asks.held = segment.Key(f.Ref)
			return false
		})
		b.proc.Sleep(time.Hour)
		left := 0
		b.View().Log.Files(func(uint64, log.File) bool {
			left++
			return true
		})
		if left != 1 || b.asks.times > 60 {
			panic(fmt.Sprintf("%d files are left after %d deletions", left, b.asks.times))
		}
	})
}

// Another agent that does the same in the same moment does no harm: what it left to do is nothing.
func TestTwoDoTheSame(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 3 {
			b.commit(0)
		}
		b.trim(0, 2)
		b.asks.before = func(keys []string) {
			plan := garbage.Plan(b.View(), b.Now(), 10, none)
			if len(plan) != 2 || len(keys) != 2 {
				panic(fmt.Sprint(plan, keys))
			}
			check(b.store.Delete(context.Background(), keys...))
			b.propose(&log.RemoveFiles{Files: []uint64{1, 2}})
		}
		b.proc.Sleep(15 * time.Minute)
		b.expect("both did it", 3)
		b.wants("both did it", 1, 1, 0)

		// One that took only some of it.
		b.trim(0, 3)
		b.commit(1)
		b.trim(1, 1)
		b.asks.before = func([]string) {
			check(b.store.Delete(context.Background(), segment.Key(garbage.Plan(b.View(), b.Now(), 1, none)[0].Ref)))
			b.propose(&log.RemoveFiles{Files: []uint64{3}})
		}
		b.proc.Sleep(15 * time.Minute)
		b.expect("one did some of it")
	})
}

// A late PUT brings an object back of which the state knows nothing: that is left to fsck.
func TestBroughtBack(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		c := b.file(b.topic, 0)
		b.propose(c)
		b.trim(0, 1)
		b.proc.Sleep(15 * time.Minute)
		b.expect("removed")
		b.put(c.File)
		b.proc.Sleep(2 * time.Hour)
		b.wants("brought back", 1, 1, 1)
	})
}

// An agent without the role leaves it to others.
func TestOnlyWithTheRole(t *testing.T) {
	tell(t, admin.AllRoles&^admin.RoleJobs, func(b *bed) {
		b.commit(0)
		b.trim(0, 1)
		b.proc.Sleep(time.Hour)
		b.expect("after an hour", 1)
		b.wants("after an hour", 0, 0, 0)
	})
}

// What is there to stay costs nothing, however often it is looked at.
func TestNothingToDoCostsNothing(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.commit(0)
		b.commit(0, 1)
		b.trim(0, 2)
		b.proc.Sleep(15 * time.Minute)
		b.wants("the first went", 1, 1, 1)
		b.proc.Sleep(24 * time.Hour)
		b.expect("a day later", 2)
		b.wants("a day later", 1, 1, 1)
	})
}

// While an agent lives that could not read that files were removed, none are, nor are they deleted.
func TestNotBesideAnOlderVersion(t *testing.T) {
	var older *control.Control
	tell(t, admin.AllRoles, func(b *bed) {
		b.commit(0)
		b.trim(0, 1)
		b.proc.Sleep(30 * time.Minute)
		b.expect("beside the older one", 1)
		b.wants("beside the older one", 0, 0, 0)
		older.Stop(b.proc.Now().Add(time.Minute))
		b.proc.Sleep(3 * time.Minute)
		b.expect("without it")
	}, func(b *bed) {
		config := jobtest.Config(0)
		config.Level = log.MergeLevel - 1
		older = jobtest.Join(b.proc, b.store, config)
	})
}

// Nothing is looked for while it is not known what became of the last proposal.
func TestWaitsForTheVerdict(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		verdict := env.NewFuture[*meta.Verdict](b.proc)
		b.answer = func() *env.Future[*meta.Verdict] { return verdict }
		b.commit(0)
		b.trim(0, 1)
		b.proc.Sleep(time.Hour)
		b.wants("not decided", 1, 1, 0)
		b.answer = nil
		verdict.Set(nil, base.Errorf(base.OutcomeUnknown, "scripted"))
		b.proc.Sleep(5 * time.Minute)
		b.expect("once more")
		b.wants("once more", 2, 2, 1)
	})
}

// much commits n files of which nothing is wanted from the first: their topic is not there.
func (b *bed) much(n int) {
	var last *env.Future[*meta.Verdict]
	for range n {
		last = b.Propose(b.file(base.TopicID{9}, 0))
	}
	_, err := last.Wait(time.Time{})
	check(err)
}

// What is refused is not asked for again at once, however much there is.
func TestRefusedHasTime(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.answer = func() *env.Future[*meta.Verdict] {
			verdict := env.NewFuture[*meta.Verdict](b.proc)
			verdict.Set(meta.Refuse(&log.RemoveFiles{}, base.InvalidRequest, "scripted"), nil)
			return verdict
		}
		b.much(1500)
		b.proc.Sleep(20 * time.Minute)
		if b.proposed < 3 || b.proposed > 20 || b.job.Stats().Removed != 0 {
			panic(fmt.Sprintf("%d proposals in ten minutes, %+v", b.proposed, b.job.Stats()))
		}
	})
}

// Much goes in one go, a bounded number of files at a time, and never the same twice.
func TestMuchGoesInOneGo(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.much(2500)
		b.commit(0)
		if plan := garbage.Plan(b.View(), b.Now()+11*60_000, 3, none); !slices.Equal(numbers(plan), []uint64{1, 2, 3}) {
			panic(fmt.Sprint(plan))
		}
		for b.proposed == 0 {
			b.proc.Sleep(time.Second)
		}
		b.proc.Sleep(10 * time.Second)
		b.expect("ten seconds after the first went", 2501)
		b.wants("ten seconds after the first went", 3, 3, 2000) // the last count comes with the next look
		b.proc.Sleep(2 * time.Minute)
		b.wants("after that", 3, 3, 2500)
	})
}

func numbers(plan []garbage.File) (n []uint64) {
	for _, f := range plan {
		n = append(n, f.Number)
	}
	return n
}
