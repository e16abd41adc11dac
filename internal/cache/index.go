package cache

import (
	"sort"
	"sync"
	"sync/atomic"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// mark says where a batch begins: its place in the extent, and how many offsets of the extent come before it.
type mark struct{ pos, delta uint32 }

// marks are those of an extent's first batches, and one more for where the last of them ends. Empty: nothing is known.
type marks []mark

// end says how far the marks reach.
func (m marks) end() mark {
	if len(m) == 0 {
		return mark{}
	}
	return m[len(m)-1]
}

// find gives the batch that holds an offset before the marks' end.
func (m marks) find(delta uint32) int {
	return sort.Search(len(m)-1, func(i int) bool { return m[i+1].delta > delta })
}

// index holds the batches of an extent that were found right, from its beginning on.
type index struct {
	base  int64
	len   uint32 // guarded by the cache's mu
	marks atomic.Pointer[marks]
	mu    sync.Mutex // held by the one that adds
}

func newIndex(x *Extent) *index {
	i := &index{base: x.Base, len: x.Len}
	i.marks.Store(&marks{})
	return i
}

// extend checks the batches of v that follow on the index, up to the last that is whole, and gives the marks then. need
// is where the batch after them ends, 0 if there is none.
func (i *index) extend(v *View) (m marks, need uint32, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m = *i.marks.Load()
	before := len(m)
	if before == 0 {
		m = marks{{}}
	}
	for at := m.end(); at.pos < v.x.Len; {
		var b batch.Batch
		if b, need, err = v.batchAt(at.pos); b == nil {
			break
		}
		at = mark{at.pos + uint32(len(b)), at.delta + uint32(b.LastOffsetDelta()) + 1}
		m = append(m, at)
		v.c.stats.checked.Add(1)
	}
	// Another reader's View may know a longer extent.
	if end := m.end(); err == nil && end.pos <= v.x.Len && (end.pos == v.x.Len) != (end.delta == v.x.Count) {
		return nil, 0, v.damaged(end.pos, "the batches before take %d offsets of the extent's %d", end.delta, v.x.Count)
	}
	if len(m) > max(before, 1) {
		known := m
		i.marks.Store(&known)
	}
	return m, need, err
}

// batchAt gives the batch at pos, nil if not all of it is in v: then need says where it ends, or how far to read in
// order to learn that. A batch that cannot be right is CorruptMessage.
func (v *View) batchAt(pos uint32) (b batch.Batch, need uint32, err error) {
	if int64(v.x.Len)-int64(pos) < batch.HeaderSize {
		return nil, 0, v.damaged(pos, "%d bytes are left, less than a batch has", v.x.Len-pos)
	}
	if int64(pos) < v.from || int64(pos)+batch.HeaderSize > v.to {
		return nil, pos + batch.HeaderSize, nil
	}
	size := batchSize(v.bytes(pos, batch.HeaderSize))
	if size < batch.HeaderSize || size > int64(v.x.Len)-int64(pos) {
		return nil, 0, v.damaged(pos, "a batch of %d bytes where %d are left", size, v.x.Len-pos)
	}
	if int64(pos)+size > v.to {
		return nil, pos + uint32(size), nil
	}
	b = batch.Batch(v.bytes(pos, uint32(size)))
	if b.Magic() != 2 || b.LastOffsetDelta() < 0 || b.ComputeCRC() != b.CRC() {
		return nil, 0, v.damaged(pos, "a batch of %d bytes has checksum %08x, its bytes have %08x", size, b.CRC(), b.ComputeCRC())
	}
	return b, 0, nil
}

func batchSize(header []byte) int64 {
	const lengthAt, prefix = 8, 12
	return prefix + int64(int32(uint32(header[lengthAt])<<24|uint32(header[lengthAt+1])<<16|uint32(header[lengthAt+2])<<8|uint32(header[lengthAt+3])))
}

func (v *View) damaged(pos uint32, format string, args ...any) error {
	text := base.Errorf(base.CorruptMessage, format, args...)
	return base.Errorf(base.CorruptMessage, "data file %s at byte %d: %w", v.x.File.ID, v.x.Pos+pos, text)
}
