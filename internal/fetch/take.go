package fetch

import (
	"encoding/binary"

	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

const (
	// rebasedBytes at the head of a batch are written anew: base offset, length, leader epoch.
	rebasedBytes = 16
	// copyBelow is the size below which a batch is copied: to send it by reference takes two more buffers, or out of an open file
	// two more system calls.
	copyBelow     = 4 << 10
	copyBelowOpen = 16 << 10
)

// taking adds batches of a run to a partition's answer.
type taking struct {
	*reading
	out    *Fetched
	epoch  int32
	copied uint32 // batches that are smaller are copied
	left   int64  // bytes that may still be added
}

// take adds the batches of the run that left allows, and keeps the View if it must. It reports whether more may follow.
func (r *reading) take(out *Fetched, part *Part, left *int64) (more bool, err error) {
	t := taking{reading: r, out: out, epoch: part.Epoch, copied: copyBelow, left: *left}
	v, run := &r.look, &r.run
	if v.IsOpen() {
		t.copied = copyBelowOpen
	}
	_, begin, _ := run.At(0)
	covered := int64(v.End()-begin) >= *left // what is not whole in the View is beyond the limit
	referenced, i := false, 0
	for n := 0; i < run.Len() && err == nil; i += n {
		if _, _, size := run.At(i); !t.fits(size) {
			break
		} else if size >= t.copied {
			n, err = 1, t.refer(i)
			referenced = true
		} else {
			n, err = t.copy(i)
		}
	}
	*left = t.left
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

// fits: the first batch of the answer goes out in any case.
func (t *taking) fits(size uint32) bool { return int64(size) <= t.left || t.bytes == 0 }

// copy adds batch i and the small ones that follow it as one copy, and gives how many they are.
func (t *taking) copy(i int) (n int, err error) {
	_, begin, size := t.run.At(i)
	total := size
	for n = 1; i+n < t.run.Len(); n++ {
		_, _, size := t.run.At(i + n)
		if size >= t.copied || total+size > chunkMax || int64(total+size) > t.left {
			break
		}
		total += size
	}
	b := t.copies.room(t.out, int(total))
	if err := t.look.Fill(b, begin); err != nil {
		t.copies.giveBack(len(b))
		return 0, err
	}
	for j := i; j < i+n; j++ {
		_, pos, size := t.run.At(j)
		t.rebase(j, b[pos-begin:])
		t.count(size)
	}
	return n, nil
}

// refer adds batch i: what is written anew as a copy, the rest by reference.
func (t *taking) refer(i int) error {
	_, pos, size := t.run.At(i)
	header := t.header[:]
	if err := t.look.Fill(header, pos); err != nil {
		return err
	}
	t.rebase(i, header)
	copy(t.copies.room(t.out, rebasedBytes), header)
	t.copies.flush(t.out)
	t.out.Records = t.look.Append(t.out.Records, pos+rebasedBytes, size-rebasedBytes)
	t.count(size)
	return nil
}

// rebase writes the offset and leader epoch of batch i into the copy of its header, and notes what the header says.
func (t *taking) rebase(i int, header []byte) {
	const leaderEpochAt = 12
	offset, _, _ := t.run.At(i)
	if plant.LeftOut(plant.BatchOffsets) {
		offset, _, _ = t.run.At(0)
	}
	binary.BigEndian.PutUint64(header, uint64(offset))
	binary.BigEndian.PutUint32(header[leaderEpochAt:], uint32(t.epoch))
	b := batch.Batch(header)
	t.out.End = offset + int64(b.LastOffsetDelta()) + 1
	t.records += int64(b.Count())
}

func (t *taking) count(size uint32) {
	t.batches++
	t.left -= int64(size)
	t.room -= int64(size)
	t.bytes += int64(size)
}
