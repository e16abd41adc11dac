package sim

import (
	"context"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
	landing "github.com/millrace-io/millrace/internal/jobs/land"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// riders is where an agent without a cache has the bytes from that are to land.
func (a *agent) riders(store objstore.Store) landing.Source {
	return landing.Source{
		Cached: func(base.FileRef, int64) []byte { return nil },
		Riders: func(ctx context.Context, slot base.Slot) ([]log.Rider, error) {
			return control.ReadRiders(ctx, store, slot)
		},
	}
}

// bytes reads n bytes of what lies at a place. Something that rides no more in its entry is not found.
func (r *reader) bytes(at log.Place, n uint32) ([]byte, error) {
	if at.Slot == 0 {
		o, err := r.store.GetRange(context.Background(), segment.Key(at.File), int64(at.Pos), int64(n))
		return o.Body, err
	}
	r.c.marks.Hit(RiderRead)
	riders, err := control.ReadRiders(context.Background(), r.store, at.Slot)
	for _, one := range riders {
		if one.Ref == at.File {
			if _, err := segment.Parse(one.Body); err != nil {
				r.c.audit.violated(CheckLostWrite, "a segment that rides in slot %d: %v", at.Slot, err)
			}
			return one.Body[at.Pos : at.Pos+n], nil
		}
	}
	if err == nil {
		err = failure(objstore.NotFound, "get", at.File.ID.String(), "it does not ride in the entry")
	}
	return nil, err
}

// moved reports whether an extent that was not found where it was is somewhere else by now, or deleted: by a view behind a
// barrier that began after. If nobody can tell, it may be.
func (r *reader) moved(partition int32, x log.Extent, from log.Place) bool {
	a := r.c.anyAgent()
	if a == nil {
		return true
	}
	v, err := ask(r.p, a, 30*time.Second, func() (meta.View, error) { return a.control.Barrier(a.p.Now().Add(20 * time.Second)) })
	if err != nil {
		return true
	}
	_, p, ok := v.Log.PartitionOf(r.c.topic, partition)
	still := false
	if ok {
		p.Extents.From(max(x.Base, p.Start), func(now log.Extent) bool {
			at, _ := v.Log.Place(now)
			still = now.Base == x.Base && at == from
			return false
		})
	}
	if !still && from.Slot > 0 {
		r.c.marks.Hit(RiderMoved)
	}
	return !still
}
