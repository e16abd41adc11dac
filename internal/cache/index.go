package cache

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base/crc32c"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// mark says where a batch begins: its place in the extent, and how many offsets of the extent come before it.
type mark struct{ pos, delta uint32 }

// after is where the batch that follows on b, which begins at the mark, begins.
func (m mark) after(b looked) mark { return mark{m.pos + b.size, m.delta + b.offsets} }

// marks are those of an extent's first batches, and one more for where the last of them ends.
type marks []mark

// end says how far the marks reach.
func (m marks) end() mark { return m[len(m)-1] }

// find gives the batch that holds an offset before the marks' end.
func (m marks) find(delta uint32) int {
	return sort.Search(len(m)-1, func(i int) bool { return m[i+1].delta > delta })
}

// known is what was learnt of an extent's batches, from its beginning on. A known that was published never changes.
type known struct {
	marks marks
	asIs  asIs
	bad   []fault   // the damaged ones among them, in order
	rest  error     // why the batches behind the marks cannot be told apart; nil: they were not looked at
	until time.Time // bad and rest are believed up to then
}

// asIs counts the batches, from an extent's first on, whose bytes are what a consumer is to get: they bear the offsets that the log gave
// them, and one leader epoch. It is what was seen of the bytes at hand: no checksum vouches for it.
type asIs struct {
	batches int
	epoch   int32
}

// add counts batch n of an extent from offset base on, which begins at the mark, if all before it were counted.
func (a *asIs) add(n int, base int64, at mark, b looked) {
	bears := b.base == base+int64(at.delta) || plant.LeftOut(plant.HeadersLookedAt)
	if n == a.batches && bears && (n == 0 || b.epoch == a.epoch) {
		*a = asIs{n + 1, b.epoch}
	}
}

// from counts those among n batches from batch i on.
func (a asIs) from(i, n int) asIs { return asIs{max(0, min(n, a.batches-i)), a.epoch} }

// fault is a batch that is damaged in the bucket.
type fault struct {
	batch int // its place in the marks
	err   error
}

// from gives the sound batches in a row from batch i on, which end at pos at the latest; one mark alone: there is none. The
// error is batch i's, if that is damaged.
func (k *known) from(i int, pos int64) (marks, error) {
	to := len(k.marks)
	j := sort.Search(len(k.bad), func(j int) bool { return k.bad[j].batch >= i })
	if j < len(k.bad) {
		if k.bad[j].batch == i {
			return nil, k.bad[j].err
		}
		to = k.bad[j].batch + 1
	}
	n := i + 1
	for n < to && int64(k.marks[n].pos) <= pos {
		n++
	}
	return k.marks[i:n], nil
}

// scan adds the batches of v that follow on the marks, up to one that is not whole in v (need says how far to read), or damaged.
func (k *known) scan(v *View) (need uint32, err error) {
	for at := k.marks.end(); at.pos < v.x.Len; {
		var b looked
		if b, need, err = v.batchAt(at.pos); need > 0 || err != nil {
			break
		}
		k.asIs.add(len(k.marks)-1, v.x.Base, at, b)
		at = at.after(b)
		k.marks = append(k.marks, at)
		v.c.stats.checked.Add(1)
	}
	// Another reader's View may know a longer extent.
	if end := k.marks.end(); err == nil && end.pos <= v.x.Len && (end.pos == v.x.Len) != (end.delta == v.x.Count) {
		k.marks, k.asIs, k.bad = marks{{}}, asIs{}, nil
		return 0, v.damaged(0, int64(v.x.Len), "its batches take %d offsets up to byte %d of %d, the extent has %d", end.delta, end.pos, v.x.Len, v.x.Count)
	}
	return need, err
}

// settle decides what to believe of damage that the bucket has shown twice. If the damaged batch's length and offsets are those
// that were written, the batches behind it come to what the state says of the extent: then it alone is damaged. All of the
// extent is looked at for that; until v holds it need is set.
func (k *known) settle(v *View, damage error) (need uint32, err error) {
	if v.to < int64(v.x.Len) && !v.short {
		return v.x.Len, nil
	}
	all := *k
	for at := all.marks.end(); at.pos < v.x.Len; {
		b, _, err := v.batchAt(at.pos)
		if b.size == 0 {
			break
		}
		if err != nil {
			all.bad = append(all.bad, fault{len(all.marks) - 1, err})
		}
		at = at.after(b)
		all.marks = append(all.marks, at)
	}
	if all.marks.end() == (mark{v.x.Len, v.x.Count}) {
		*k = all
	} else {
		k.rest = damage
	}
	k.until = v.c.env.Now().Add(badKept)
	return 0, k.rest
}

// index holds what is known of an extent.
type index struct {
	base  int64
	len   uint32 // guarded by the cache's mu
	known atomic.Pointer[known]
	mu    sync.Mutex // held by the one that adds
}

// nothing is known of an extent that nobody has looked at. Whoever adds marks to it makes room for them elsewhere: it has none.
var nothing = &known{marks: marks{{}}}

func newIndex(x *Extent) *index {
	i := &index{base: x.Base, len: x.Len}
	i.known.Store(nothing)
	return i
}

// extend adds what v shows of the batches that follow on what is known. Damage is settled only when v is sure: its bytes were
// read from the bucket for the second time.
func (i *index) extend(v *View, sure bool) (k *known, need uint32, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if k = i.known.Load(); k.rest != nil {
		return k, 0, k.rest
	}
	next := *k
	need, err = next.scan(v)
	if err != nil && sure {
		need, err = next.settle(v, err)
	}
	i.known.Store(&next)
	v.charge(markBytes * (len(next.marks) - len(k.marks)))
	return &next, need, err
}

// remembers reports whether the damage that is known of is still believed.
func (i *index) remembers(now time.Time) bool { return now.Before(i.known.Load().until) }

// batchAt looks at the batch at pos, and checks it. If not all of it is in v, need says where it ends, or how far to read in order
// to learn that. Damage is an error; then there is a batch only where its header is one that may be right.
func (v *View) batchAt(pos uint32) (b looked, need uint32, err error) {
	at, left := int64(pos), int64(v.x.Len)-int64(pos)
	if left < batch.HeaderSize {
		return looked{}, 0, v.damaged(at, int64(v.x.Len), "%d bytes are left, less than a batch has", left)
	}
	if at < v.from || at+batch.HeaderSize > v.to {
		return looked{}, pos + batch.HeaderSize, nil
	}
	bytes, err := v.Bytes(pos, batch.HeaderSize)
	if err != nil {
		return looked{}, 0, err
	}
	header := batch.Batch(bytes)
	size, crc, magic, delta := batchSize(header), header.CRC(), header.Magic(), header.LastOffsetDelta()
	base, epoch := header.BaseOffset(), header.LeaderEpoch()
	switch {
	case size < batch.HeaderSize || size > left:
		return looked{}, 0, v.damaged(at, int64(v.x.Len), "a batch of %d bytes where %d are left", size, left)
	case at+size > v.to:
		return looked{}, pos + uint32(size), nil
	case delta < 0:
		return looked{}, 0, v.damaged(at, int64(v.x.Len), "a batch whose last offset is %d after its first", delta)
	}
	sum, err := v.checksum(pos, uint32(size))
	if err != nil {
		return looked{}, 0, err
	}
	if magic != 2 || sum != crc {
		err = v.damaged(at, at+size, "a batch of %d bytes has checksum %08x, its bytes have %08x", size, crc, sum)
	}
	return looked{uint32(size), uint32(delta) + 1, base, epoch}, 0, err
}

// looked is what was seen of a batch.
type looked struct {
	size    uint32 // in bytes; 0: there is no batch
	offsets uint32 // that it takes
	base    int64  // offset that it bears
	epoch   int32  // leader epoch that it bears
}

// checksum computes that of a batch, of one in an open file piece by piece: it may be larger than what readers may take of memory.
func (v *View) checksum(pos, size uint32) (sum uint32, err error) {
	step := size
	if v.IsOpen() {
		step = aheadBytes
	}
	for from, to := pos+batch.CRCStart, pos+size; from < to && err == nil; from += step {
		var b []byte
		b, err = v.Bytes(from, min(step, to-from))
		sum = crc32c.Update(sum, b)
	}
	return sum, err
}

func batchSize(header []byte) int64 {
	const lengthAt, prefix = 8, 12
	return prefix + int64(int32(uint32(header[lengthAt])<<24|uint32(header[lengthAt+1])<<16|uint32(header[lengthAt+2])<<8|uint32(header[lengthAt+3])))
}

func (v *View) damaged(from, to int64, format string, args ...any) error {
	return v.x.damaged(from, to, format, args...)
}
