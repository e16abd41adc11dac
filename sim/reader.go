package sim

import (
	"errors"
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/retry"
)

// reader follows the log from the beginning, by the views of whatever agent there is, and reads the bytes from the bucket.
type reader struct {
	c     *Cluster
	p     *sim.Proc
	store objstore.Store
	next  []int64 // by partition
}

func (c *Cluster) newReader(name string) *reader {
	p := c.w.Proc(name)
	return &reader{c: c, p: p, store: retry.New(p, c.bucket.For(p), retry.DefaultPolicy), next: make([]int64, c.options.Partitions)}
}

// follow reads for ever.
func (r *reader) follow() {
	for {
		r.p.Sleep(r.c.pause(4 * time.Second))
		if a := r.c.anyAgent(); a != nil {
			if v := r.view(a); v != nil {
				r.readAll(v)
			}
		}
	}
}

// view asks an agent for its view, as it is or behind a barrier.
func (r *reader) view(a *agent) meta.View {
	if r.c.w.Uint64()%2 == 0 {
		v := a.journal.View()
		if v.Slot < r.c.audit.newest {
			r.c.marks.Hit(ReaderStale)
		}
		return v
	}
	before := append([]int64(nil), r.c.audit.ackedEnd...)
	v, err := ask(r.p, a, 30*time.Second, func() (meta.View, error) { return a.journal.Barrier(a.p.Now().Add(20 * time.Second)) })
	if err != nil {
		return nil
	}
	r.c.audit.barrier(a.name, v, before)
	return v
}

// readAll reads on in every partition up to the view's end.
func (r *reader) readAll(v meta.View) {
	for i := range r.next {
		_, p, ok := v.Log.PartitionOf(r.c.topic, int32(i))
		if !ok {
			return
		}
		r.c.audit.start(r.p.Name(), int32(i), p.Start)
		r.next[i] = max(r.next[i], p.Start)
		p.Extents.From(r.next[i], func(x log.Extent) bool {
			at, _ := v.Log.Place(x)
			err := r.readExtent(int32(i), x, at)
			if err == nil {
				r.next[i] = x.End()
			}
			return err == nil
		})
	}
}

var errBytes = errors.New("the bytes of an extent are not what they should be")

// readExtent reads the batches of an extent. An error that is not errBytes is the bucket's, and may pass.
func (r *reader) readExtent(partition int32, x log.Extent, place log.Place) error {
	body, err := r.bytes(place, x.Len)
	switch {
	case objstore.Is(err, objstore.NotFound), objstore.Is(err, objstore.InvalidRange):
		if r.moved(partition, x, place) {
			return err
		}
		r.c.audit.violated(CheckLostWrite, "offsets %d to %d of partition %d: %v", x.Base, x.End()-1, partition, err)
		return errBytes
	case err != nil:
		return err
	}
	at := x.Base // may lie below the log start: an extent goes as a whole
	for rest := body; len(rest) > 0; {
		var b batch.Batch
		if b, rest, err = batch.Next(rest); err != nil || len(b) == 0 || b.ComputeCRC() != b.CRC() {
			r.c.audit.violated(CheckLostWrite, "offset %d of partition %d: damaged bytes: %v", at, partition, err)
			return errBytes
		}
		it, err := batch.Iterate(b, 1<<20)
		if err != nil {
			return errBytes
		}
		for it.Next() {
			r.c.audit.read(partition, at, string(it.Record().Value))
			at++
		}
	}
	if at != x.End() {
		r.c.audit.violated(CheckInconsistentOffsets, "the extent of offsets %d to %d of partition %d holds %d records", x.Base, x.End()-1, partition, at-x.Base)
		return errBytes
	}
	return nil
}
