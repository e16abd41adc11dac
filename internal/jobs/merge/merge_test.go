package merge_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/jobs/jobtest"
	"github.com/millrace-io/millrace/internal/jobs/merge"
	"github.com/millrace-io/millrace/internal/kafka/batch"
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
	store *counting
	job   *merge.Job
	topic base.TopicID
	n     int
	log   [3][]string // the values of each partition, by offset
}

// counting is a bucket that counts what the job does, and can fail it.
type counting struct {
	objstore.Store
	gets, puts, deletes int
	full                bool                  // nothing can be written
	slow                func()                // between a write and its answer
	vague               bool                  // what was written is said to be perhaps not
	deaf                func(key string) bool // data files that cannot be read
	bodyFree            bool                  // nobody looks at a body after its Put
	lent, released      int                   // reads of data files that were lent memory, and gave it back: it is somebody else's then
}

func (c *counting) Info() objstore.Info {
	info := c.Store.Info()
	info.BodyFree = c.bodyFree
	return info
}

func (c *counting) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	if strings.HasPrefix(key, segment.Prefix) {
		c.gets++
		if c.deaf != nil && c.deaf(key) {
			return objstore.Object{}, &objstore.Error{Kind: objstore.Other, Op: "get", Key: key, Cause: io.EOF}
		}
		if objstore.IsLending(ctx) {
			return c.lend(c.Store.GetRange(ctx, key, off, n))
		}
	}
	return c.Store.GetRange(ctx, key, off, n)
}

func (c *counting) lend(o objstore.Object, err error) (objstore.Object, error) {
	body := bytes.Clone(o.Body)
	c.lent++
	o.Body, o.Free = body, func() {
		clear(body)
		c.released++
	}
	return o, err
}

func (c *counting) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	if c.full {
		return objstore.Meta{}, &objstore.Error{Kind: objstore.Throttled, Op: "put", Key: key, Cause: io.EOF}
	}
	c.puts++
	stored, err := c.Store.Put(ctx, key, body...)
	if c.slow != nil {
		c.slow()
	}
	if c.vague && err == nil {
		err = &objstore.Error{Kind: objstore.Ambiguous, Op: "put", Key: key, Cause: io.EOF}
	}
	return stored, err
}

func (c *counting) Delete(ctx context.Context, keys ...string) error {
	c.deletes++
	return c.Store.Delete(ctx, keys...)
}

var (
	check, quiet = jobtest.Check, jobtest.Quiet
	pace         = merge.Pace{Small: 2000, Whole: 10_000, Bytes: 20_000, After: 10 * time.Second, File: 8000}
)

// tell tells a story, which fails by panicking, of an agent with these roles.
func tell(t *testing.T, roles admin.Roles, story func(b *bed)) {
	t.Helper()
	jobtest.Tell(t, 24*time.Hour, func(p *sim.Proc, store *memstore.Store) {
		b := &bed{proc: p, store: &counting{Store: store}, topic: base.TopicID{1}}
		b.Control = jobtest.Join(p, b.store, jobtest.Config(roles))
		b.propose(&log.CreateTopic{Name: "t", ID: b.topic, Partitions: 3})
		b.job = b.begin(b.Control)
		story(b)
		b.job.Stop(p.Now().Add(time.Second))
	})
}

func (b *bed) begin(c *control.Control) *merge.Job {
	j := merge.New(b.proc, c, b.store, pace, 1<<20, quiet)
	j.Start()
	return j
}

func (b *bed) propose(op meta.Op) { jobtest.Propose(b.proc, b.Control, op) }

// segment lays a segment out with batches of so many records for partitions 0, 1, …; none where it is 0. Values tell where they belong.
func (b *bed) segment(records ...int) (*log.CommitSegment, [][]byte) {
	b.n++
	w := segment.NewBuilder(0)
	c := &log.CommitSegment{File: base.FileRef{ID: base.ULID{8: byte(b.n >> 8), 9: byte(b.n), 15: byte(b.n)}}, LastModified: b.Now()}
	for i, n := range records {
		if n == 0 {
			continue
		}
		var rs []batch.NewRecord
		for range n {
			value := fmt.Sprintf("record %06d of partition %d", len(b.log[i]), i)
			b.log[i] = append(b.log[i], value)
			rs = append(rs, batch.NewRecord{Timestamp: 1000 + int64(b.n), Value: []byte(value)})
		}
		raw := batch.Plain(batch.None).Build(rs...)
		at := w.Add(b.topic, int32(i), segment.Summed(raw))
		c.Batches = append(c.Batches, log.Batch{Topic: b.topic, Partition: int32(i), Pos: uint32(at.Pos), Len: at.Len, Count: int32(n), MaxTimestamp: 1000 + int64(b.n), ProducerID: -1})
	}
	c.SizeBytes = int64(w.SizeBytes())
	return c, w.Pieces()
}

// commit uploads such a segment and commits it.
func (b *bed) commit(records ...int) {
	c, body := b.segment(records...)
	_, err := b.store.Store.Put(context.Background(), segment.Key(c.File), body...)
	check(err)
	b.propose(c)
}

// ride has such a segment ride in its entry.
func (b *bed) ride(records ...int) {
	c, body := b.segment(records...)
	c.Body = bytes.Join(body, nil)
	b.propose(c)
}

// expect wants so many extents of each partition, and that every record is where it belongs, in batches that say so.
func (b *bed) expect(what string, extents ...int) {
	check(b.View().Check())
	for i, n := range extents {
		_, p, _ := b.View().Log.PartitionOf(b.topic, int32(i))
		if p.Extents.Len() != n {
			panic(fmt.Sprintf("%s: partition %d has %d extents, want %d", what, i, p.Extents.Len(), n))
		}
		p.Extents.From(p.Start, func(x log.Extent) bool {
			b.expectExtent(what, i, x)
			return true
		})
	}
}

func (b *bed) expectExtent(what string, partition int, x log.Extent) {
	at, _ := b.View().Log.Place(x)
	if at.Slot > 0 {
		return
	}
	o, err := b.store.Store.GetRange(context.Background(), segment.Key(at.File), 0, -1)
	check(err)
	_, err = segment.Parse(o.Body)
	check(err)
	offset := x.Base
	for rest := o.Body[at.Pos:][:x.Len]; len(rest) > 0; {
		raw, behind, err := batch.Next(rest)
		check(err)
		if raw.ComputeCRC() != raw.CRC() {
			panic(what + ": a batch is damaged")
		}
		it, err := batch.Iterate(raw, 1<<20)
		check(err)
		for it.Next() {
			if got := string(it.Record().Value); got != b.log[partition][offset] {
				panic(fmt.Sprintf("%s: offset %d of partition %d is %q", what, offset, partition, got))
			}
			offset++
		}
		check(it.Err())
		rest = behind
	}
	if offset != x.End() {
		panic(fmt.Sprintf("%s: the extent ends at %d, its records at %d", what, x.End(), offset))
	}
}

// What is small is brought together when it is old enough, one file for all; what is said of the partition stays.
func TestSmallExtentsBecomeOne(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 9 {
			b.commit(2, 0, 1)
		}
		b.commit(1, 3)
		_, before, _ := b.View().Log.PartitionOf(b.topic, 0)
		b.proc.Sleep(9 * time.Second)
		b.expect("young", 10, 1, 9)
		b.proc.Sleep(11 * time.Second)
		b.expect("old", 1, 1, 1)
		_, after, _ := b.View().Log.PartitionOf(b.topic, 0)
		x, _ := after.Extents.MaxTimestamp()
		if after.Start != before.Start || after.End != before.End || x.MaxTimestamp != 1010 || x.Base != 0 {
			panic(fmt.Sprintf("%d to %d, highest timestamp %d at %d", after.Start, after.End, x.MaxTimestamp, x.Base))
		}
		if s := b.job.Stats(); s.Uploaded != 1 || s.Accepted != 1 || b.store.puts != 1 || b.store.gets != 10 {
			panic(fmt.Sprintf("%+v, %d PUTs, %d GETs", s, b.store.puts, b.store.gets))
		}
		b.proc.Sleep(time.Hour)
		if b.store.puts != 1 || b.store.gets != 10 {
			panic(fmt.Sprintf("idle: %d PUTs, %d GETs", b.store.puts, b.store.gets))
		}
	})
}

// The memory of what was read is given back once it is written, where nobody looks at it then; to a store that may send a file twice nothing is promised.
func TestWhatWasReadIsReleased(t *testing.T) {
	for _, bodyFree := range []bool{true, false} {
		tell(t, admin.AllRoles, func(b *bed) {
			b.store.bodyFree = bodyFree
			for range 9 {
				b.commit(2, 0, 1)
			}
			b.proc.Sleep(20 * time.Second)
			b.expect("merged", 1, 0, 1)
			if want := map[bool]int{true: b.store.gets}[bodyFree]; b.store.released != want || b.store.gets == 0 {
				panic(fmt.Sprintf("body free: %t: %d of %d reads were released, want %d", bodyFree, b.store.released, b.store.gets, want))
			}
		})
	}
}

// What lies far apart in a read is copied out of it, and nothing is lent for it.
func TestNothingIsLentToSparseReads(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.store.bodyFree = true
		for range 9 {
			b.commit(2, 100, 1) // of the partition between them there is too much to be small
		}
		b.proc.Sleep(20 * time.Second)
		b.expect("merged", 1, 9, 1)
		if b.store.gets != 9 || b.store.lent != 0 {
			panic(fmt.Sprintf("%d of %d reads were lent their memory", b.store.lent, b.store.gets))
		}
	})
}

// Batches bear their own offsets and the partition's leader epoch, so that readers get them as they lie.
func TestMergedBatchesBearTheirOffsets(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 8 {
			b.commit(3)
		}
		b.proc.Sleep(20 * time.Second)
		_, p, _ := b.View().Log.PartitionOf(b.topic, 0)
		x, _ := p.Extents.MaxTimestamp()
		at, _ := b.View().Log.Place(x)
		o, err := b.store.GetRange(context.Background(), segment.Key(at.File), int64(at.Pos), int64(x.Len))
		check(err)
		n := int64(0)
		for rest := o.Body; len(rest) > 0; n++ {
			var raw batch.Batch
			raw, rest, err = batch.Next(rest)
			check(err)
			if raw.BaseOffset() != 3*n || raw.LeaderEpoch() != log.FirstEpoch {
				panic(fmt.Sprintf("batch %d says offset %d, epoch %d", n, raw.BaseOffset(), raw.LeaderEpoch()))
			}
		}
		if n != 8 {
			panic(n)
		}
	})
}

// An extent may have several batches; each gets its own offset. Topics are told by their ids in another order than by their numbers.
func TestExtentsOfSeveralBatches(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		first := base.TopicID{0xff}
		b.propose(&log.DeleteTopic{ID: b.topic})
		for _, id := range []base.TopicID{first, b.topic} {
			b.propose(&log.CreateTopic{Name: fmt.Sprintf("t%x", id[0]), ID: id, Partitions: 1})
		}
		raw := batch.Plain(batch.None).Build(batch.NewRecord{Value: []byte("one")}, batch.NewRecord{Value: []byte("two")})
		for n := range byte(8) {
			w, c := segment.NewBuilder(0), &log.CommitSegment{File: base.FileRef{ID: base.ULID{15: 100 + n}}, LastModified: b.Now()}
			for _, id := range []base.TopicID{first, b.topic} {
				pos := uint32(w.Add(id, 0, segment.Summed(raw), segment.Summed(raw)).Pos)
				for range 2 {
					c.Batches = append(c.Batches, log.Batch{Topic: id, Pos: pos, Len: uint32(len(raw)), Count: 2, ProducerID: -1})
					pos += uint32(len(raw))
				}
			}
			c.SizeBytes = int64(w.SizeBytes())
			_, err := b.store.Store.Put(context.Background(), segment.Key(c.File), w.Pieces()...)
			check(err)
			b.propose(c)
		}
		b.proc.Sleep(20 * time.Second)
		for _, id := range []base.TopicID{first, b.topic} {
			_, p, _ := b.View().Log.PartitionOf(id, 0)
			x, _ := p.Extents.MaxTimestamp()
			at, _ := b.View().Log.Place(x)
			o, err := b.store.GetRange(context.Background(), segment.Key(at.File), int64(at.Pos), int64(x.Len))
			check(err)
			offset := int64(0)
			for rest := o.Body; len(rest) > 0; offset += 2 {
				var one batch.Batch
				one, rest, err = batch.Next(rest)
				check(err)
				if one.BaseOffset() != offset {
					panic(fmt.Sprintf("the batch at offset %d says %d", offset, one.BaseOffset()))
				}
			}
			if p.Extents.Len() != 1 || offset != 32 {
				panic(fmt.Sprintf("%d extents, %d offsets", p.Extents.Len(), offset))
			}
		}
	})
}

// A file that was uploaded long before it is proposed may be an orphan: it is refused.
func TestFileThatMayBeAnOrphan(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 8 {
			b.commit(2)
		}
		b.store.slow = func() { b.proc.Sleep(time.Duration(log.OrphanAfter) * time.Millisecond) }
		b.proc.Sleep(2 * time.Hour)
		if s := b.job.Stats(); s.Accepted > 0 || s.Refused == 0 {
			panic(fmt.Sprintf("%+v", s))
		}
	})
}

// Many bytes merge at once, in files of a bounded size.
func TestManyBytesMergeAtOnce(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 8 {
			b.commit(30, 30, 30)
		}
		b.proc.Sleep(8 * time.Second)
		b.expect("many", 1, 1, 1)
		if b.store.puts != 3 { // of 9 KB each: a file is full with one
			panic(fmt.Sprintf("%d files", b.store.puts))
		}
	})
}

// What rides lands first, and is merged where it landed.
func TestLandedFilesMerge(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 8 {
			b.ride(1, 1)
		}
		b.proc.Sleep(time.Minute)
		b.expect("riding", 8, 8)
		b.land()
		before := b.store.gets
		b.proc.Sleep(20 * time.Second)
		b.expect("landed", 1, 1)
		if n := b.store.gets - before; n != 1 {
			panic(fmt.Sprintf("%d GETs: what landed in one object is read at once", n))
		}
		b.View().Log.Files(func(n uint64, f log.File) bool {
			if f.Where != log.Own {
				panic(fmt.Sprintf("file %d is kept: %+v", n, f))
			}
			return true
		})
	})
}

// land has all that rides lie in one file.
func (b *bed) land() {
	w, op := segment.NewBuilder(0), &log.LandFiles{File: base.FileRef{ID: base.ULID{15: 200}}, LastModified: b.Now()}
	b.View().Log.Riders(func(n uint64, f log.File) bool {
		riders, err := control.ReadRiders(context.Background(), b.store, base.Slot(f.In))
		check(err)
		file, err := segment.Parse(riders[0].Body)
		check(err)
		for i, e := range file.Entries {
			if at := w.Add(e.Topic, e.Partition, file.Part(e)); i == 0 {
				op.Landings = append(op.Landings, log.Landing{File: n, Delta: uint32(at.Pos - e.Pos)})
			}
		}
		return true
	})
	op.SizeBytes = int64(w.SizeBytes())
	_, err := b.store.Store.Put(context.Background(), segment.Key(op.File), w.Pieces()...)
	check(err)
	b.propose(op)
}

// A partition whose bytes are damaged, cut short or gone stays as it is; the others are merged, and it is when its bytes are right again.
func TestDamagedExtentsStay(t *testing.T) {
	for name, change := range map[string]func(b *bed, key string, body []byte){
		"damaged": func(b *bed, key string, body []byte) {
			body[segment.DataStart+batch.HeaderSize+3] ^= 1
			_, err := b.store.Store.Put(context.Background(), key, body)
			check(err)
		},
		"gone": func(b *bed, key string, _ []byte) { check(b.store.Store.Delete(context.Background(), key)) },
		"cut to nothing": func(b *bed, key string, _ []byte) {
			_, err := b.store.Store.Put(context.Background(), key, []byte("?"))
			check(err)
		},
		"cut short": func(b *bed, key string, body []byte) {
			_, err := b.store.Store.Put(context.Background(), key, body[:segment.DataStart+20])
			check(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, admin.AllRoles, func(b *bed) {
				for n := range 8 {
					if n == 4 {
						b.commit(2)
						continue
					}
					b.commit(2, 2, 2)
				}
				b.commit(0, 2, 2)
				var key string
				b.View().Log.Files(func(n uint64, f log.File) bool {
					key = segment.Key(f.Ref)
					return n < 5
				})
				o, err := b.store.Store.GetRange(context.Background(), key, 0, -1)
				check(err)
				change(b, key, bytes.Clone(o.Body))
				b.proc.Sleep(50 * time.Second)
				for i, want := range []int{8, 1, 1} {
					if _, p, _ := b.View().Log.PartitionOf(b.topic, int32(i)); p.Extents.Len() != want {
						panic(fmt.Sprintf("partition %d has %d extents, want %d", i, p.Extents.Len(), want))
					}
				}
				if b.store.gets > 8+2*8 {
					panic(fmt.Sprintf("%d GETs", b.store.gets))
				}
				_, err = b.store.Store.Put(context.Background(), key, o.Body)
				check(err)
				b.proc.Sleep(2 * time.Minute)
				b.expect("mended", 1, 1, 1)
			})
		})
	}
}

// A bucket that takes or gives nothing is asked again, after a while.
func TestBucketOutOfReach(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 8 {
			b.commit(2)
		}
		b.store.full = true
		b.proc.Sleep(time.Hour)
		b.expect("full", 8)
		if b.store.gets > 8*150 {
			panic(fmt.Sprintf("full: %d GETs in an hour", b.store.gets))
		}
		b.store.full, b.store.deaf, b.store.gets = false, func(string) bool { return true }, 0
		b.proc.Sleep(time.Hour)
		b.expect("deaf", 8)
		if b.store.gets > 8*70 {
			panic(fmt.Sprintf("deaf: %d GETs in an hour", b.store.gets))
		}
		b.store.deaf = nil
		b.proc.Sleep(2 * time.Minute)
		b.expect("well", 1)
	})
}

// An object that the bucket does not give, as its key of encryption is gone, is that of its partitions: all others merge, and what lies behind
// what cannot be read.
func TestOneObjectCannotBeRead(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		b.commit(20)
		var bad string
		b.View().Log.Files(func(_ uint64, f log.File) bool {
			bad = segment.Key(f.Ref)
			return false
		})
		b.store.deaf = func(key string) bool { return key == bad }
		for range 60 {
			b.commit(20, 20, 20)
			b.proc.Sleep(10 * time.Second)
		}
		b.proc.Sleep(5 * time.Minute)
		const whole = 14 // extents of a stretch: so many wait with the one that cannot be read
		for i, most := range []int{whole + 12, 12, 12} {
			if _, p, _ := b.View().Log.PartitionOf(b.topic, int32(i)); p.Extents.Len() > most || i == 0 && p.Extents.Len() < whole {
				panic(fmt.Sprintf("partition %d has %d extents", i, p.Extents.Len()))
			}
		}
		b.store.deaf = nil
		b.proc.Sleep(2 * time.Minute)
		if _, p, _ := b.View().Log.PartitionOf(b.topic, 0); p.Extents.Len() > whole {
			panic(fmt.Sprintf("mended: partition 0 has %d extents", p.Extents.Len()))
		}
	})
}

// Nothing is left of an upload of which the bucket says that it may have happened.
func TestUploadsThatFailLeaveNothing(t *testing.T) {
	tell(t, admin.AllRoles, func(b *bed) {
		for range 8 {
			b.commit(2)
		}
		b.store.vague = true
		b.proc.Sleep(10 * time.Minute)
		page, err := b.store.List(context.Background(), segment.Prefix, "", 100)
		check(err)
		if len(page.Entries) != 8 || b.store.puts < 2 || b.store.puts > 25 {
			panic(fmt.Sprintf("%d files, %d PUTs", len(page.Entries), b.store.puts))
		}
		b.expect("not known", 8)
	})
}

// An agent without the role leaves it to others; of two with it one does it.
func TestWhoMerges(t *testing.T) {
	tell(t, admin.AllRoles&^admin.RoleJobs, func(b *bed) {
		for range 8 {
			b.commit(2)
		}
		b.proc.Sleep(time.Minute)
		b.expect("without the role", 8)
		others := []*merge.Job{b.begin(jobtest.Join(b.proc, b.store, jobtest.Config(admin.AllRoles))), b.begin(jobtest.Join(b.proc, b.store, jobtest.Config(admin.AllRoles)))}
		b.proc.Sleep(time.Minute)
		_, err := b.Barrier(time.Time{})
		check(err)
		b.expect("with others", 1)
		if a, c := others[0].Stats().Uploaded, others[1].Stats().Uploaded; a+c != 1 {
			panic(fmt.Sprintf("%d and %d files", a, c))
		}
		for _, j := range others {
			j.Stop(b.proc.Now().Add(time.Second))
		}
	})
}

// What is deleted while it is merged is left out; a file that holds nothing else is deleted again.
func TestDeletedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		delete  []int64 // up to these offsets of partitions 0, 1
		files   int     // that are left of merges
		extents []int
	}{
		"one":  {[]int64{3}, 1, []int{7, 1}},
		"both": {[]int64{3, 3}, 0, []int{7, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, admin.AllRoles, func(b *bed) {
				b.job.Stop(b.proc.Now().Add(time.Second))
				for range 8 {
					b.commit(2, 2)
				}
				comes := func() {
					for i, offset := range c.delete {
						b.propose(&log.DeleteRecords{ID: b.topic, Index: int32(i), Offset: offset})
					}
				}
				b.job = merge.New(b.proc, &between{Control: b.Control, comes: comes}, b.store, pace, 1<<20, quiet)
				b.job.Start()
				b.proc.Sleep(30 * time.Second)
				b.expect("merged", c.extents...)
				if s := b.job.Stats(); s.Uploaded != 1 || s.Accepted != int64(c.files) || s.Refused != 1-s.Accepted {
					panic(fmt.Sprintf("%+v", s))
				}
			})
		})
	}
}

// between is a journal in which something comes between a file and its command.
type between struct {
	*control.Control
	comes func()
}

func (j *between) Propose(op meta.Op) *env.Future[*meta.Verdict] {
	if j.comes != nil {
		j.comes()
		j.comes = nil
	}
	return j.Control.Propose(op)
}
