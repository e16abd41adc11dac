package merge

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

const (
	// gapMax is how many bytes that nobody wants are read rather than to read twice.
	gapMax = 64 << 10
	// readMax bounds one read.
	readMax = 4 << 20
	// ReadsAtOnce bounds the reads under way. A file of 256 MiB in segments of 8 MiB takes 32 of them.
	ReadsAtOnce = 8
)

// piece is an extent whose bytes are wanted.
type piece struct {
	log.Extent
	at    log.Place
	bytes []byte // nil: they could not be read
	err   error  // why
}

// piecesOf lists the extents of a stretch in order of offsets.
func piecesOf(l *log.State, s *Stretch) []piece {
	p, ok := l.Partition(s.Key)
	if !ok {
		return nil
	}
	out := make([]piece, s.Extents)
	w := p.Extents.Walk(s.Base)
	for i := range out {
		out[i].Extent, _ = w.Next()
		out[i].at, _ = l.Place(out[i].Extent)
	}
	return out
}

// read is one read of an object, and what of it is wanted.
type read struct {
	file   base.FileRef
	pos    int64
	end    int64
	pieces []*piece
}

// readsOf brings pieces that lie near each other together. Those of files that landed in one lie there in the order of these files.
func readsOf(pieces []*piece) (reads []read) {
	slices.SortFunc(pieces, func(a, b *piece) int {
		if a.File != b.File {
			return cmp.Compare(a.File, b.File)
		}
		return cmp.Compare(a.at.Pos, b.at.Pos)
	})
	for _, p := range pieces {
		pos, end := int64(p.at.Pos), int64(p.at.Pos)+int64(p.Len)
		if n := len(reads); n > 0 {
			if r := &reads[n-1]; r.file == p.at.File && pos >= r.pos && pos-r.end <= gapMax && max(end, r.end)-r.pos <= readMax {
				r.end = max(r.end, end)
				r.pieces = append(r.pieces, p)
				continue
			}
		}
		reads = append(reads, read{p.at.File, pos, end, []*piece{p}})
	}
	return reads
}

// readAll gives pieces their bytes. An object that is gone, or shorter than it should be, is an error of its pieces; any other that of the
// whole.
func readAll(ctx context.Context, e env.Env, store objstore.Store, pieces []*piece) error {
	reads := readsOf(pieces)
	errs := make([]error, ReadsAtOnce)
	group := env.NewGroup(e)
	for n := range ReadsAtOnce {
		group.Go("merge read", func() {
			for i := n; i < len(reads) && errs[n] == nil; i += ReadsAtOnce {
				errs[n] = reads[i].do(ctx, store)
			}
		})
	}
	group.Wait(time.Time{}) // ctx ends them
	return cmp.Or(errs...)
}

func (r *read) do(ctx context.Context, store objstore.Store) error {
	o, err := store.GetRange(ctx, segment.Key(r.file), r.pos, r.end-r.pos)
	if err != nil && !objstore.Is(err, objstore.NotFound) && !objstore.Is(err, objstore.InvalidRange) {
		return err
	}
	for _, p := range r.pieces {
		from := int64(p.at.Pos) - r.pos
		if p.err = err; err == nil && from+int64(p.Len) <= int64(len(o.Body)) {
			p.bytes = o.Body[from : from+int64(p.Len) : from+int64(p.Len)]
		}
	}
	return nil
}
