package merge

import (
	"bytes"
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
	// readMax bounds one read, and so what is read besides what is wanted, at any moment: a MiB, of whole blocks of a disk.
	readMax = 1<<20 - 4096
	// ReadsAtOnce bounds the reads under way. A file out of 256 MiB in segments of 8 MiB takes 32.
	ReadsAtOnce = 8
	// readsMax bounds the reads of one file: on S3 they take some ten seconds.
	readsMax = 2048
)

// piece is an extent whose bytes are wanted.
type piece struct {
	log.Extent
	at    log.Place
	bytes []byte // nil: they could not be read
	err   error  // why
}

// gathering lists the pieces of a merged file: stretch by stretch, and object by object. With thousands of partitions there are ten thousand or so
// of them, in few objects.
type gathering struct {
	log     *log.State
	files   map[uint64]home // by number
	numbers map[base.FileRef]int
	objects [][]*piece // by number; in the order in which they came
}

// home is where the bytes of a file lie: from Pos on in an object.
type home struct {
	log.Place
	object int // its number
}

func newGathering(l *log.State) *gathering {
	return &gathering{log: l, files: map[uint64]home{}, numbers: map[base.FileRef]int{}}
}

// home looks the place of a file up.
func (g *gathering) home(file uint64) home {
	h, ok := g.files[file]
	if ok {
		return h
	}
	h.Place, _ = g.log.Place(log.Extent{File: file})
	h.object = g.object(h.File)
	g.files[file] = h
	return h
}

// object gives the number of one.
func (g *gathering) object(ref base.FileRef) int {
	n, ok := g.numbers[ref]
	if !ok {
		n = len(g.objects)
		g.numbers[ref], g.objects = n, append(g.objects, nil)
	}
	return n
}

// pieces lists the extents of a stretch in order of offsets.
func (g *gathering) pieces(s *Stretch) []piece {
	p, ok := g.log.Partition(s.Key)
	if !ok {
		return nil
	}
	out := make([]piece, s.Extents)
	w := p.Extents.Walk(s.Base)
	for i := range out {
		x, _ := w.Next()
		h := g.home(x.File)
		h.Pos += x.Pos
		out[i] = piece{Extent: x, at: h.Place}
		g.objects[h.object] = append(g.objects[h.object], &out[i])
	}
	return out
}

// reads gives what is to be read, object by object.
func (g *gathering) reads() (all []read) {
	for _, pieces := range g.objects {
		all = append(all, readsOf(pieces)...)
	}
	return all
}

// read is one read of an object, and what of it is wanted.
type read struct {
	file   base.FileRef
	pos    int64
	end    int64
	wanted int64 // bytes of pieces
	pieces []*piece
	object objstore.Object // what was read; empty if no piece refers to it
}

// isSparse reports whether what is wanted is less than half of what is read: then it is copied out, so that a file takes no more memory than twice
// its size.
func (r *read) isSparse() bool { return 2*r.wanted < r.end-r.pos }

// held is what reads take until their file is written.
func held(reads []read) (bytes int64) {
	for i := range reads {
		if r := &reads[i]; r.isSparse() {
			bytes += r.wanted
		} else {
			bytes += r.end - r.pos
		}
	}
	return bytes
}

// readsOf brings pieces of one object that lie near each other together, in order of their positions. Those of a segment come in that, as it has
// partitions in their order; what landed in an object does not.
func readsOf(pieces []*piece) (reads []read) {
	byPos := func(a, b *piece) int { return cmp.Compare(a.at.Pos, b.at.Pos) }
	if !slices.IsSortedFunc(pieces, byPos) {
		slices.SortFunc(pieces, byPos)
	}
	for _, p := range pieces {
		pos, end := int64(p.at.Pos), int64(p.at.Pos)+int64(p.Len)
		if n := len(reads); n > 0 {
			if r := &reads[n-1]; pos-r.end <= gapMax && max(end, r.end)-r.pos <= readMax {
				r.end = max(r.end, end)
				r.wanted += int64(p.Len)
				r.pieces = append(r.pieces, p)
				continue
			}
		}
		reads = append(reads, read{file: p.at.File, pos: pos, end: end, wanted: int64(p.Len), pieces: []*piece{p}})
	}
	return reads
}

// readAll gives pieces their bytes, or says why they have none. What was not read when ctx ended has its error. The memory may be lent by the store: then
// it is to be released.
func readAll(ctx context.Context, e env.Env, store objstore.Store, reads []read, lent bool) {
	group := env.NewGroup(e)
	for n := range min(ReadsAtOnce, len(reads)) {
		group.Go("merge read", func() {
			for i := n; i < len(reads); i += ReadsAtOnce {
				reads[i].do(ctx, store, lent)
			}
		})
	}
	group.Wait(time.Time{}) // ctx ends them
}

// do reads. Nothing is lent for what is copied out: it would lie between what is held for long, and be given back with that.
func (r *read) do(ctx context.Context, store objstore.Store, lent bool) {
	var o objstore.Object
	err := ctx.Err()
	if err == nil {
		if lent && !r.isSparse() {
			ctx = objstore.Lending(ctx)
		}
		o, err = store.GetRange(ctx, segment.Key(r.file), r.pos, r.end-r.pos)
	}
	for _, p := range r.pieces {
		p.err = err
		from := int64(p.at.Pos) - r.pos
		if to := from + int64(p.Len); to <= int64(len(o.Body)) {
			if p.bytes = o.Body[from:to:to]; r.isSparse() {
				p.bytes = bytes.Clone(p.bytes)
			}
		}
	}
	if !r.isSparse() {
		r.object = o
	}
}

// release gives the memory of reads back, whose pieces nobody looks at any more.
func release(reads []read) {
	for i := range reads {
		reads[i].object.Release()
	}
}
