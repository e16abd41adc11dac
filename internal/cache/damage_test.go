package cache

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// edit changes the object of a file in the bucket, and gives what it was.
func (b *bed) edit(n byte, f func(body []byte) []byte) (before []byte) {
	b.Helper()
	o, err := b.Store.GetRange(b.Context(), segment.Key(ref(n)), 0, -1)
	if err != nil {
		b.Fatal(err)
	}
	b.put(n, f(bytes.Clone(o.Body)))
	return o.Body
}

func (b *bed) put(n byte, body []byte) {
	b.Helper()
	if _, err := b.Put(b.Context(), segment.Key(ref(n)), body); err != nil {
		b.Fatal(err)
	}
}

// flip is an edit of one bit.
func flip(at int) func([]byte) []byte {
	return func(body []byte) []byte {
		body[at] ^= 1
		return body
	}
}

// next gives the offsets that one read from offset on brings: from, to, or the error.
func (b *bed) next(x Extent, offset int64) (from, to int64, err error) {
	v, run, err := b.cache.Next(Read{Extent: x, Offset: offset, Bytes: 10 * mib}, true, time.Time{})
	if err != nil {
		return 0, 0, err
	}
	defer v.Release()
	from, _, _ = run.At(0)
	return from, run.End(), nil
}

// served expects the batches from offset on to come up to offset to.
func (b *bed) served(x Extent, offset, to int64) {
	b.Helper()
	if first, end, err := b.next(x, offset); err != nil || first != offset || end != to {
		b.Errorf("from %d: batches from %d to %d, %v; want them up to %d", offset, first, end, err, to)
	}
}

// refused expects the file's bytes [from, to) to be named as damaged.
func (b *bed) refused(x Extent, offset, from, to int64) {
	b.Helper()
	_, _, err := b.next(x, offset)
	if e := fileError(err); base.KindOf(err) != base.CorruptMessage || e.File != x.File || e.From != from || e.To != to || e.Missing {
		b.Errorf("at %d: %v; want bytes %d to %d", offset, err, from, to)
	}
}

// sizes of the batches that tests damage: 10 of them, with 2 records each.
const small = 1000

func batchBytes() int64 { return int64(len(data(1, small))) }

// A damaged batch is not served, and all the others are. Coming back to it costs no request for a while.
func TestOneDamagedBatch(t *testing.T) {
	in(t, 0, func(b *bed) {
		x, n := b.file(1, 10, small), batchBytes()
		whole := b.edit(1, flip(16+int(3*n+n/2)))
		get := fmt.Sprintf("1 0+%d", x.FileBytes)
		b.served(x, 100, 106)
		b.got(get)
		b.refused(x, 106, 16+3*n, 16+4*n)
		b.got(get) // once more, to be sure
		b.refused(x, 107, 16+3*n, 16+4*n)
		b.served(x, 108, 120)
		b.served(x, 102, 106)
		b.got()

		b.put(1, whole)
		b.env.Sleep(badKept)
		b.served(x, 106, 120)
		b.got(get)
	})
}

func TestDamageOnTheWayIsNotDamage(t *testing.T) {
	in(t, 0, func(b *bed) {
		x, n := b.file(1, 10, small), batchBytes()
		whole := b.edit(1, flip(16+int(n-1)))
		b.env.Go("mender", func() {
			b.env.Sleep(15 * time.Millisecond) // a GET takes 10
			b.put(1, whole)
		})
		b.served(x, 100, 120)
		if s := b.cache.Stats(); s.Gets != 2 || s.Damaged != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A header that lies hides what comes behind it: nothing may be served under a wrong offset.
func TestDamagedHeader(t *testing.T) {
	const lengthAt, lastOffsetDeltaAt = 11, 26
	for name, at := range map[string]int{"length": lengthAt, "offsets": lastOffsetDeltaAt} {
		t.Run(name, func(t *testing.T) {
			in(t, 0, func(b *bed) {
				x, n := b.file(1, 10, small), batchBytes()
				b.edit(1, flip(16+int(3*n)+at))
				b.served(x, 100, 106)
				for offset := int64(106); offset < 120; offset++ {
					if first, end, err := b.next(x, offset); base.KindOf(err) != base.CorruptMessage || fileError(err).From != 16+3*n {
						t.Errorf("at %d: batches from %d to %d, %v", offset, first, end, err)
					}
				}
				b.env.Sleep(2 * badKept)
				b.served(x, 100, 106)
			})
		})
	}
}

// Two damaged batches, in an extent of several blocks that is read in small pieces, from its end.
func TestDamageInALongExtent(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 60, 100_000)
		n := (x.FileBytes - 16) / 60
		b.edit(1, flip(16+int(10*n+90)))
		b.edit(1, flip(16+int(45*n+90)))
		r := Read{Extent: x, Offset: 218, Bytes: 1}
		v, run, err := b.cache.Next(r, true, time.Time{})
		if err != nil || run.Len() == 0 || run.End() != 220 {
			t.Fatalf("%+v, %v", run, err)
		}
		v.Release()
		b.refused(x, 120, 16+10*n, 16+11*n)
		b.served(x, 122, 190)
		b.refused(x, 190, 16+45*n, 16+46*n)
	})
}

// Of a file that is cut short what is there is served.
func TestCutShort(t *testing.T) {
	n := batchBytes()
	for _, size := range []int64{0, 1, 15, 16, 17, 16 + n - 1, 16 + n, 16 + 5*n + 30, 16 + 10*n - 1} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			in(t, 0, func(b *bed) {
				x := b.file(1, 10, small)
				whole := b.edit(1, func(body []byte) []byte { return body[:size] })
				sound := max(0, (size-16)/n)
				if sound > 0 {
					b.served(x, 100, 100+2*sound)
				}
				_, _, err := b.next(x, 100+2*sound)
				if e := fileError(err); base.KindOf(err) != base.CorruptMessage || e.From > max(16, size) || e.To != x.FileBytes {
					t.Errorf("%v", err)
				}
				if s := b.cache.Stats(); s.HeldBytes != 0 || s.UsedBytes != size+size>>overheadShift || (size > 0) != (len(b.cache.files) > 0) {
					t.Errorf("of %d bytes: %+v", size, s)
				}
				gets := len(b.gets)
				for range 3 {
					b.next(x, 119)
				}
				if len(b.gets) != gets {
					t.Errorf("the bucket is asked again and again: %q", b.gets)
				}
				b.put(1, whole)
				b.env.Sleep(badKept)
				b.served(x, 100+2*sound, 120)
				if s := b.cache.Stats(); s.HeldBytes != 0 || s.UsedBytes < x.FileBytes || s.UsedBytes > x.FileBytes+x.FileBytes>>overheadShift {
					t.Errorf("mended: %+v", s)
				}
			})
		})
	}
}

// The end of a file of several blocks is gone, also for somebody who reads there alone.
func TestCutInALaterBlock(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 60, 100_000)
		n := (x.FileBytes - 16) / 60
		b.edit(1, func(body []byte) []byte { return body[:2*mib+5] })
		sound := (2*mib + 5 - 16) / n
		end := Extent{File: x.File, FileBytes: x.FileBytes, Pos: uint32(16 + 50*n), Len: uint32(10 * n), Base: 200, Count: 20}
		b.refused(end, 200, int64(end.Pos), x.FileBytes)
		b.served(x, 100, 100+2*sound)
		b.refused(x, 100+2*sound, 2*mib+5, x.FileBytes)
		b.forget()
		if reads := []Read{{Extent: x, Offset: 100, Bytes: mib}, {Extent: end, Offset: 200, Bytes: mib}}; b.cache.Prefetch(reads) != 2 {
			t.Error("not prefetched")
		}
		b.served(x, 100, 100+2*sound)
		b.refused(end, 200, int64(end.Pos), x.FileBytes)
	})
}

func TestMissingFileIsNotLookedForAllTheTime(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 10, small)
		whole := b.edit(1, func(body []byte) []byte { return body })
		if err := b.Store.Delete(b.Context(), segment.Key(x.File)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			_, _, err := b.next(x, 100)
			if e := fileError(err); base.KindOf(err) != base.StorageError || !e.Missing || e.From != 16 || e.To != x.FileBytes || e.File != x.File || !objstore.Is(err, objstore.NotFound) {
				t.Errorf("%v", err)
			}
		}
		b.cache.Prefetch([]Read{{Extent: x, Offset: 100, Bytes: mib}})
		b.got(fmt.Sprintf("1 0+%d", x.FileBytes))
		b.put(1, whole)
		b.env.Sleep(badKept)
		b.served(x, 100, 120)
	})
}

// The neighbours of damaged bytes in a block are not read anew with them all the time.
func TestNeighboursOfDamage(t *testing.T) {
	in(t, 0, func(b *bed) {
		n := batchBytes()
		b.put(1, append(make([]byte, 16), data(10, small)...))
		size := 16 + 10*n
		part := func(i int64) Extent {
			return Extent{File: ref(1), FileBytes: size, Pos: uint32(16 + i*n), Len: uint32(n), Base: 100 * i, Count: 2}
		}
		b.edit(1, flip(16+int(5*n+90)))
		for range 10 {
			for i := range int64(10) {
				if i == 5 {
					b.refused(part(i), 500, 16+5*n, 16+6*n)
				} else {
					b.served(part(i), 100*i, 100*i+2)
				}
			}
		}
		if len(b.gets) != 2 {
			t.Errorf("%d GETs", len(b.gets))
		}
	})
}

func TestAilingFilesAreForgottenInTime(t *testing.T) {
	in(t, 0, func(b *bed) {
		for i := range 2 * ailingMax {
			x := extentOf(0, make([]byte, 100), 1)
			x.File.ID[0], x.File.ID[1] = byte(i>>8), byte(i)
			if _, _, err := b.next(x, 100); !fileError(err).Missing {
				t.Fatal(err)
			}
		}
		if n := len(b.cache.ailings); n > ailingMax {
			t.Errorf("%d files are remembered", n)
		}
	})
}
