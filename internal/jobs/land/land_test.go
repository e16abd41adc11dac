package land_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/jobs"
	"github.com/millrace-io/millrace/internal/jobs/jobtest"
	"github.com/millrace-io/millrace/internal/jobs/land"
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
	proc    *sim.Proc
	store   *counting
	job     *land.Job
	topic   base.TopicID
	n       byte              // riders so far
	written map[string][]byte // chunks, by partition and offset of their one record
}

// counting is a bucket that counts what the job does, and can fail it.
type counting struct {
	objstore.Store
	reads, puts int
	damage      bool // entries are read with a wrong bit
	full        bool // nothing can be written
}

func (c *counting) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	if c.full {
		return objstore.Meta{}, &objstore.Error{Kind: objstore.Throttled, Op: "put", Key: key, Cause: io.EOF}
	}
	c.puts++
	return c.Store.Put(ctx, key, body...)
}

func (c *counting) riders(ctx context.Context, slot base.Slot) ([]log.Rider, error) {
	c.reads++
	riders, err := control.ReadRiders(ctx, c.Store, slot)
	if c.damage && len(riders) > 0 {
		riders[0].Body = bytes.Clone(riders[0].Body)
		riders[0].Body[20] ^= 1
	}
	return riders, err
}

// tell tells a story, which fails by panicking, of an agent with these roles and this pace. Nothing is at hand but in the journal.
func tell(t *testing.T, roles admin.Roles, pace land.Pace, story func(b *bed)) {
	t.Helper()
	jobtest.Tell(t, 24*time.Hour, func(p *sim.Proc, store *memstore.Store) {
		b := &bed{proc: p, store: &counting{Store: store}, topic: base.TopicID{1}, written: map[string][]byte{}}
		b.Control = jobtest.Join(p, b.store, jobtest.Config(roles))
		b.propose(&log.CreateTopic{Name: "t", ID: b.topic, Partitions: 3})
		b.job = b.begin(b.Control, pace, func(base.FileRef, int64) []byte { return nil })
		story(b)
		b.job.Stop(p.Now().Add(time.Second))
	})
}

var check, quiet = jobtest.Check, jobtest.Quiet

func (b *bed) begin(c *control.Control, pace land.Pace, cached func(base.FileRef, int64) []byte) *land.Job {
	j := land.New(b.proc, c, b.store, land.Source{Cached: cached, Riders: b.store.riders}, pace, quiet)
	j.Start()
	return j
}

func (b *bed) propose(op meta.Op) { jobtest.Propose(b.proc, b.Control, op) }

// rider lays a segment out that has a chunk of size bytes for each partition; what is in it is known by partition and offset.
func (b *bed) rider(size int, partitions ...int32) *log.CommitSegment {
	b.n++
	w := segment.NewBuilder(0)
	c := &log.CommitSegment{File: base.FileRef{ID: base.ULID{8: b.n, 15: b.n}}}
	for _, i := range partitions {
		_, p, _ := b.View().Log.PartitionOf(b.topic, i)
		chunk := bytes.Repeat([]byte{b.n, byte(i)}, size/2)
		at := w.Add(b.topic, i, segment.Summed(chunk))
		c.Batches = append(c.Batches, log.Batch{Topic: b.topic, Partition: i, Pos: uint32(at.Pos), Len: at.Len, Count: 1, ProducerID: -1})
		b.written[fmt.Sprint(i, "@", p.End)] = chunk
	}
	c.Body = w.Finish()
	c.SizeBytes = int64(len(c.Body))
	return c
}

func (b *bed) ride(size int, partitions ...int32) { b.propose(b.rider(size, partitions...)) }

// expect holds what rides and what lies in files against what is wanted, and every extent against what was written.
func (b *bed) expect(what string, riders, files int) {
	rides := 0
	b.View().Log.Riders(func(uint64, log.File) bool { rides++; return true })
	objects, err := b.store.List(context.Background(), segment.Prefix, "", 100)
	check(err)
	if rides != riders || len(objects.Entries) != files {
		panic(fmt.Sprintf("%s: %d files ride, %d are in the bucket; want %d, %d", what, rides, len(objects.Entries), riders, files))
	}
	check(b.View().Check())
	for i := range int32(3) {
		_, p, _ := b.View().Log.PartitionOf(b.topic, i)
		p.Extents.From(p.Start, func(x log.Extent) bool {
			at, _ := b.View().Log.Place(x)
			if got := b.bytes(at, x.Len); !bytes.Equal(got, b.written[fmt.Sprint(i, "@", x.Base)]) {
				panic(fmt.Sprintf("%s: offset %d of partition %d reads %.10q", what, x.Base, i, got))
			}
			return true
		})
	}
}

func (b *bed) bytes(at log.Place, n uint32) []byte {
	if at.Slot == 0 {
		o, err := b.store.GetRange(context.Background(), segment.Key(at.File), int64(at.Pos), int64(n))
		check(err)
		return o.Body
	}
	riders, err := control.ReadRiders(context.Background(), b.store.Store, at.Slot)
	check(err)
	i := slices.IndexFunc(riders, func(r log.Rider) bool { return r.Ref == at.File })
	return riders[i].Body[at.Pos : at.Pos+n]
}

// Few bytes land when the oldest have ridden for half a minute, all of them in one file.
func TestFewBytesLandInTime(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
		b.ride(100, 0, 1)
		b.proc.Sleep(20 * time.Second)
		b.ride(300, 1, 2)
		b.ride(200, 0)
		b.expect("after 20 s", 3, 0)
		b.proc.Sleep(12 * time.Second)
		b.expect("after 32 s", 0, 1)
		b.proc.Sleep(time.Hour)
		b.expect("after an hour", 0, 1)
		if s := b.job.Stats(); s != (jobs.OfferStats{Uploaded: 1, Accepted: 1}) || b.store.puts != 1 || b.store.reads != 3 {
			panic(fmt.Sprintf("%+v, %d PUTs, %d entries read", s, b.store.puts, b.store.reads))
		}
		var container log.File
		b.View().Log.Files(func(_ uint64, f log.File) bool { container = f; return true })
		o, err := b.store.GetRange(context.Background(), segment.Key(container.Ref), 0, -1)
		check(err)
		file, err := segment.Parse(o.Body)
		check(err)
		if len(file.Entries) != 5 || container.Refs != 3 || container.SizeBytes != int64(len(o.Body)) {
			panic(fmt.Sprintf("%d chunks, %+v", len(file.Entries), container))
		}
	})
}

// Many bytes land at once, as many as a container holds.
func TestManyBytesLandAtOnce(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{Bytes: 10_000, After: time.Hour}, func(b *bed) {
		for range 9 {
			b.ride(1000, 0)
		}
		b.proc.Sleep(5 * time.Second)
		b.expect("9 KB", 9, 0)
		for range 4 {
			b.ride(1000, 1)
		}
		b.proc.Sleep(10 * time.Second)
		b.expect("13 KB", 4, 1)
		for range 20 {
			b.ride(1000, 2)
		}
		b.proc.Sleep(10 * time.Second)
		b.expect("24 KB", 6, 3)
	})
}

// Bytes that are at hand are not read; damaged ones are read from the journal.
func TestBytesAtHandAreNotRead(t *testing.T) {
	tell(t, 0, land.Pace{}, func(b *bed) {
		other := jobtest.Join(b.proc, b.store, jobtest.Config(admin.AllRoles))
		bodies := map[base.FileRef][]byte{}
		for n := range 5 {
			c := b.rider(100, 0)
			bodies[c.File] = bytes.Clone(c.Body)
			if n == 2 {
				bodies[c.File][30] ^= 1
			}
			b.propose(c)
		}
		j := b.begin(other, land.Pace{}, func(ref base.FileRef, _ int64) []byte { return bodies[ref] })
		b.proc.Sleep(time.Minute)
		_, err := b.Barrier(time.Time{})
		check(err)
		b.expect("after a minute", 0, 1)
		if b.store.reads != 1 {
			panic(fmt.Sprintf("%d entries were read", b.store.reads))
		}
		j.Stop(b.proc.Now().Add(time.Second))
	})
}

// What cannot be read right stays where it is, and holds up nothing else; it is tried again.
func TestDamagedRiderStays(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
		b.ride(100, 0)
		b.store.damage = true
		b.proc.Sleep(40 * time.Second)
		b.expect("damaged", 1, 0)
		b.proc.Sleep(30 * time.Second)
		if b.store.reads > 3 {
			panic(fmt.Sprintf("%d entries were read in a minute", b.store.reads))
		}
		b.store.damage = false
		b.ride(100, 1)
		b.proc.Sleep(2 * time.Minute)
		b.expect("mended", 0, 1)
	})
}

// A bucket that takes nothing is asked again.
func TestFullBucket(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
		b.ride(100, 0)
		b.store.full = true
		b.proc.Sleep(40 * time.Second)
		b.expect("full", 1, 0)
		b.store.full = false
		b.proc.Sleep(5 * time.Second)
		b.expect("no more", 0, 1)
	})
}

// A command that lands what has landed already is refused, and changes nothing.
func TestTwoLandTheSame(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
		b.ride(100, 0, 1)
		b.ride(100, 1)
		plan := land.Plan(b.View(), b.Now()+31_000, land.DefaultPace, func(uint64) bool { return false })
		if len(plan) != 2 {
			panic(len(plan))
		}
		b.proc.Sleep(33 * time.Second)
		b.expect("landed", 0, 1)
		again := &log.LandFiles{File: base.FileRef{ID: base.ULID{15: 99}}, SizeBytes: 1000, LastModified: b.Now(), Landings: []log.Landing{{File: plan[0].Number}, {File: plan[1].Number}}}
		if v, err := b.Propose(again).Wait(time.Time{}); err != nil || v.Kind() != base.InvalidRequest {
			panic(fmt.Sprint(err, v))
		}
		b.expect("landed again", 0, 1)
	})
}

// What is deleted meanwhile does not land; the rest does.
func TestDeletedMeanwhile(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
		b.ride(100, 0)
		b.ride(100, 1)
		b.ride(100, 0, 1)
		b.proc.Sleep(20 * time.Second)
		b.propose(&log.DeleteRecords{ID: b.topic, Index: 0, Offset: 1})
		b.expect("before", 2, 0)
		b.proc.Sleep(20 * time.Second)
		b.expect("landed", 0, 1)
		b.propose(&log.DeleteTopic{ID: b.topic})
		b.View().Log.Files(func(_ uint64, f log.File) bool {
			if f.Refs != 0 || f.Released < 0 {
				panic(fmt.Sprintf("%+v", f))
			}
			return true
		})
	})
}

// An agent without the role leaves it to others.
func TestOnlyWithTheRole(t *testing.T) {
	tell(t, admin.AllRoles&^admin.RoleJobs, land.Pace{}, func(b *bed) {
		b.ride(100, 0)
		b.proc.Sleep(time.Hour)
		b.expect("after an hour", 1, 0)
	})
}
