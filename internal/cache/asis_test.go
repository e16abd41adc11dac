package cache

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// bear gives the batches of a file made by bed.file the offsets that the log has for them, and leader epoch 1.
func bear(body []byte) []byte {
	offset := int64(100)
	for rest := body[16:]; len(rest) > 0; {
		b, after, err := batch.Next(rest)
		if err != nil {
			panic(err)
		}
		b.Rebase(offset, 1)
		offset, rest = b.LastOffset()+1, after
	}
	return body
}

// asIs expects of a read from offset on that so many batches of so many are to be sent as they lie to readers of leader epoch 1.
func (b *bed) asIs(x Extent, offset int64, want, batches int) {
	b.Helper()
	v, run, err := b.cache.Next(Read{Extent: x, Offset: offset, Bytes: 10 * mib}, true, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Release()
	if n := run.AsIs(1); n != want || run.Len() != batches {
		b.Errorf("from %d: %d of %d batches lie as they are to be sent, want %d of %d", offset, n, run.Len(), want, batches)
	}
	if n := run.AsIs(2); n != 0 {
		b.Errorf("from %d: %d batches lie as they are to be sent under another leader epoch", offset, n)
	}
}

// inBoth runs f with a bucket whose files are read into memory, and with one that is a folder.
func inBoth(t *testing.T, f func(b *bed)) {
	t.Run("in memory", func(t *testing.T) { in(t, 0, func(b *bed) { b.T = t; f(b) }) })
	t.Run("open files", func(t *testing.T) {
		b, _, _ := folder(t, 0)
		f(b)
	})
}

// rebased is an edit of one batch of a file made by bed.file.
func rebased(n int, offset int64, epoch int32) func(body []byte) []byte {
	return func(body []byte) []byte {
		batch.Batch(body[16+int64(n)*batchBytes():]).Rebase(offset, epoch)
		return body
	}
}

// The batches that bear what the log says are told from the first on up to one that does not.
func TestBatchesThatLieAsTheyAreToBeSent(t *testing.T) {
	inBoth(t, func(b *bed) {
		all := b.file(1, 10, small)
		b.edit(1, bear)
		b.asIs(all, 100, 10, 10)
		b.asIs(all, 113, 4, 4) // from the middle of a batch
		b.asIs(all, 100, 10, 10)

		none := b.file(2, 10, small) // they bear offset 0, as from clients
		b.asIs(none, 100, 0, 10)

		some := b.file(3, 10, small)
		b.edit(3, bear)
		b.edit(3, rebased(6, 7, 1))
		b.asIs(some, 100, 6, 10)
		b.asIs(some, 108, 2, 6)
		b.asIs(some, 112, 0, 4)

		epochs := b.file(4, 10, small)
		b.edit(4, bear)
		b.edit(4, rebased(3, 106, 2))
		b.asIs(epochs, 100, 3, 10)

		first := b.file(5, 10, small)
		b.edit(5, bear)
		b.edit(5, rebased(0, 100, 3))
		b.asIs(first, 102, 0, 9) // the extent's batches are counted from its first on
	})
}

// The extent may be another than the one that the batches were written for: then they bear other offsets.
func TestTheExtentsOffsetsCount(t *testing.T) {
	inBoth(t, func(b *bed) {
		x := b.file(1, 10, small)
		b.edit(1, bear)
		b.asIs(x, 100, 10, 10)
		x.Base = 102
		b.asIs(x, 102, 0, 10)
	})
}

// What was seen of a file is not believed of bytes that were read anew.
func TestFrontDamagedLater(t *testing.T) {
	inBoth(t, func(b *bed) {
		x := b.file(1, 10, small)
		b.edit(1, bear)
		b.asIs(x, 100, 10, 10)
		b.forget()
		const offsetAt, epochAt = 7, 15
		b.edit(1, flip(16+int(4*batchBytes())+offsetAt))
		b.asIs(x, 100, 4, 10)
		b.forget()
		b.edit(1, flip(16+int(2*batchBytes())+epochAt))
		b.asIs(x, 100, 2, 10)
	})
}

// Behind a damaged batch all are given their offsets one by one.
func TestBehindADamagedBatch(t *testing.T) {
	inBoth(t, func(b *bed) {
		x, n := b.file(1, 10, small), batchBytes()
		b.edit(1, bear)
		b.edit(1, flip(16+int(3*n+n/2)))
		b.asIs(x, 100, 3, 3)
		b.refused(x, 106, 16+3*n, 16+4*n)
		b.asIs(x, 108, 0, 6)
		b.asIs(x, 102, 2, 2)
	})
}

// A reader with an older View knows a shorter extent; what is learnt by the one holds for the other.
func TestAsIsOfAnExtentThatGrows(t *testing.T) {
	inBoth(t, func(b *bed) {
		x := b.file(1, 10, small)
		b.edit(1, bear)
		b.edit(1, rebased(8, 0, 1))
		short := x
		short.Len, short.Count = uint32(5*batchBytes()), 10
		b.asIs(short, 104, 3, 3)
		b.asIs(x, 104, 6, 8)
	})
}

// A settled extent tells the same as when it was looked at first.
func TestSettledBatchesThatLieAsTheyAreToBeSent(t *testing.T) {
	inBoth(t, func(b *bed) {
		for n, test := range []struct {
			edits []func([]byte) []byte
			asIs  int // of two batches
		}{
			{[]func([]byte) []byte{bear}, 2},
			{nil, 0},
			{[]func([]byte) []byte{bear, rebased(1, 7, 1)}, 1},
			{[]func([]byte) []byte{bear, rebased(1, 102, 2)}, 1},
			{[]func([]byte) []byte{bear, rebased(0, 7, 1)}, 0},
		} {
			file := byte(n + 1)
			x := b.file(file, 2, small)
			for _, edit := range test.edits {
				b.edit(file, edit)
			}
			b.asIs(x, 100, test.asIs, 2)
			if len(b.cache.files[x.File].settled) != 1 {
				b.Errorf("file %d: what was seen of its extent is not settled", file)
			}
			b.asIs(x, 100, test.asIs, 2)
			b.asIs(x, 102, max(0, test.asIs-1), 1)
		}
	})
}
