package fetch

import (
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// A batch, or a row of batches that lie as they are to be sent, is copied if it has fewer bytes: to send it by reference takes two more
// buffers, or out of an open file two more system calls.
const (
	copyBelow     = 4 << 10
	copyBelowOpen = 16 << 10
)

// taking adds batches of a run to a partition's answer.
type taking struct {
	*reading
	out    *Fetched
	epoch  int32
	asIs   int    // the run's first batches are to be sent as they lie
	copied uint32 // what is smaller is copied
	left   int64  // bytes that may still be added
}

// take adds the batches of the run that left bytes allow, and keeps the View if it must. It reports whether more may follow.
func (r *reading) take(out *Fetched, part *Part, left int64) (more bool, err error) {
	t := taking{reading: r, out: out, epoch: part.Epoch, copied: copyBelow, left: left}
	v, run := &r.look, &r.run
	if v.IsOpen() {
		t.copied = copyBelowOpen
	}
	if !plant.LeftOut(plant.BatchOffsets) {
		t.asIs = run.AsIs(part.Epoch)
	}
	covered := int64(v.End()-run.Pos(0)) >= left // what is not whole in the View is beyond the limit
	referenced, i := false, 0
	for n := 1; n > 0 && i < run.Len() && t.fits(i, 1) && err == nil; i += n {
		if n = t.row(i); t.size(i, n) < t.copied {
			n, err = t.copy(i)
		} else if n = t.refer(i, n); n > 0 {
			referenced = true
		}
	}
	if err != nil {
		v.Discard() // an open file that is not what it was
	}
	if referenced {
		r.views = append(r.views, *v)
	} else {
		v.Release()
	}
	return err == nil && i == run.Len() && !covered, err
}

// size is that of n batches from i on, in bytes.
func (t *taking) size(i, n int) uint32 { return t.run.Pos(i+n) - t.run.Pos(i) }

// fits reports whether n batches from i on may be added: the first batch of the answer may in any case.
func (t *taking) fits(i, n int) bool {
	return int64(t.size(i, n)) <= t.left || t.bytes == 0 && n == 1
}

// row gives how many batches from i on, which fits, are sent in one piece: those that lie as they are to be sent, as far as they fit and
// there is memory; or one.
func (t *taking) row(i int) int {
	if i >= t.asIs {
		return 1
	}
	most := t.left
	if !t.look.IsOpen() {
		most = min(most, t.spare())
	}
	return max(1, t.run.Within(i, t.asIs, most))
}

// held takes memory for n batches, and gives how many may be added: all or, if it is not to be had, none, and the answer ends. Its first
// batch goes out in any case.
func (t *taking) held(n int, memory int64) int {
	switch {
	case t.hold(memory):
		return n
	case t.bytes == 0:
		return 1
	}
	t.full = true
	return 0
}

// copy adds batch i and the small ones that follow it as one copy, and gives how many they are: none if there is no memory.
func (t *taking) copy(i int) (n int, err error) {
	most := min(chunkMax, t.spare())
	for n = 1; i+n < t.run.Len() && t.size(i+n, 1) < t.copied && int64(t.size(i, n+1)) <= most && t.fits(i, n+1); n++ {
	}
	if n = t.held(n, int64(t.size(i, n))); n == 0 {
		return 0, nil
	}
	begin := t.run.Pos(i)
	b := t.copies.room(t.out, int(t.size(i, n)))
	if err := t.look.Fill(b, begin); err != nil {
		t.copies.giveBack(len(b))
		return 0, err
	}
	for j := max(i, t.asIs); j < i+n; j++ {
		t.putFront(j, b[t.run.Pos(j)-begin:])
	}
	t.count(i, n)
	return n, nil
}

// refer adds n batches from i on by reference, and gives how many they are: none if there is no memory. If they do not lie as they are to be
// sent it is one, and its front is written anew.
func (t *taking) refer(i, n int) int {
	memory := int64(t.size(i, n))
	if t.look.IsOpen() {
		memory = refBytes
	}
	if n = t.held(n, memory); n == 0 {
		return 0
	}
	pos, size := t.run.Pos(i), t.size(i, n)
	if i >= t.asIs {
		t.putFront(i, t.copies.room(t.out, batch.FrontSize))
		pos, size = pos+batch.FrontSize, size-batch.FrontSize
	}
	t.copies.flush(t.out)
	t.out.Records = t.look.Append(t.out.Records, pos, size)
	t.count(i, n)
	return n
}

// putFront writes the front of batch i, with its offset and leader epoch.
func (t *taking) putFront(i int, front []byte) {
	offset := t.run.Offset(i)
	if plant.LeftOut(plant.BatchOffsets) {
		offset = t.run.Offset(0)
	}
	batch.PutFront(front, offset, t.size(i, 1), t.epoch)
}

// count notes that n batches from i on were added. They have as many records as they take offsets: so clients write them, and nothing
// is taken out of them later.
func (t *taking) count(i, n int) {
	size := int64(t.size(i, n))
	t.out.End = t.run.Offset(i + n)
	t.records += t.out.End - t.run.Offset(i)
	t.batches += int64(n)
	t.asTheyLay += int64(max(0, min(n, t.asIs-i)))
	t.left -= size
	t.bytes += size
}
