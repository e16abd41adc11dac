package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// bed is a cache over a store that takes 10 ms for a GET and notes it, in a simulation.
type bed struct {
	*testing.T
	objstore.Store
	env   env.Env
	cache *Cache
	gets  []string // "file from+n", "slot n"

	entries map[base.Slot][]log.Rider
}

func in(t *testing.T, memory int64, f func(b *bed)) {
	t.Helper()
	if err := sim.NewWorld(1).Run(func(p *sim.Proc) {
		b := &bed{T: t, Store: memstore.New(p.Now), env: p}
		b.cache = New(p, Source{Store: b, Riders: b.riders}, memory)
		f(b)
		b.cache.Stop(time.Time{})
	}); err != nil {
		t.Fatal(err)
	}
}

// riders reads an entry, as a GET of 10 ms. One that is nil is damaged.
func (b *bed) riders(_ context.Context, slot base.Slot) ([]log.Rider, error) {
	b.gets = append(b.gets, fmt.Sprintf("slot %d", slot))
	b.env.Sleep(10 * time.Millisecond)
	riders, ok := b.entries[slot]
	if ok && riders == nil {
		return nil, base.Errorf(base.CorruptMessage, "scripted")
	}
	if !ok {
		return nil, &objstore.Error{Kind: objstore.NotFound, Op: "get", Cause: errors.New("scripted")}
	}
	return riders, nil
}

func (b *bed) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	b.gets = append(b.gets, fmt.Sprintf("%s %d+%d", key[len(key)-1:], off, n))
	b.env.Sleep(10 * time.Millisecond)
	return b.Store.GetRange(ctx, key, off, n)
}

func (b *bed) got(want ...string) {
	b.Helper()
	if slices.Sort(b.gets); !slices.Equal(b.gets, want) {
		b.Errorf("GETs %q, want %q", b.gets, want)
	}
	b.gets = nil
}

func ref(n byte) base.FileRef { return base.FileRef{ID: base.ULID{15: n}} }

// data is count batches of about size bytes side by side.
func data(count, size int) []byte {
	one := batch.Plain(batch.None).Build(batch.NewRecord{Value: bytes.Repeat([]byte{'x'}, size-80)}, batch.NewRecord{})
	return bytes.Repeat(one, count)
}

// file stores a file of one extent, which begins at byte 16, and gives that extent.
func (b *bed) file(n byte, count, size int) Extent {
	b.Helper()
	body := append(make([]byte, 16), data(count, size)...)
	if _, err := b.Put(b.Context(), segment.Key(ref(n)), body); err != nil {
		b.Fatal(err)
	}
	return extentOf(n, body, count)
}

func extentOf(n byte, body []byte, count int) Extent {
	return Extent{File: ref(n), FileBytes: int64(len(body)), Pos: 16, Len: uint32(len(body)) - 16, Base: 100, Count: 2 * uint32(count)}
}

func (b *bed) open(x Extent, offset int64, size int) View {
	b.Helper()
	v, err := b.cache.open(Read{Extent: x, Offset: offset, Bytes: size}, true, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// walk reads an extent from offset on, size bytes at a time, and gives the number of its batches.
func (b *bed) walk(x Extent, offset int64, size int) (batches int) {
	b.Helper()
	for r := (Read{Extent: x, Offset: offset, Bytes: size}); r.Offset < x.Base+int64(x.Count); {
		v, run, err := b.cache.Next(r, true, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		for i := range run.Len() {
			at, pos, n := run.At(i)
			if raw := bytesOf(&v, pos, n); raw.ComputeCRC() != raw.CRC() || at < offset-1 {
				b.Fatalf("batch %d at %d is not what was written", i, at)
			}
			batches++
		}
		r.Offset = run.End()
		v.Release()
	}
	return batches
}

// bytesOf is a batch as a View gives it; none if it cannot.
func bytesOf(v *View, pos, n uint32) batch.Batch {
	b, _ := v.Bytes(pos, n)
	return b
}

// forget empties the cache.
func (b *bed) forget() { forget(b.cache) }

func forget(c *Cache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lru.prev != &c.lru {
		c.remove(c.lru.prev)
	}
	clear(c.ailings)
}

const mib = 1 << 20

func TestGaps(t *testing.T) {
	spans := func(list ...int64) *file {
		f := &file{}
		for i := 0; i < len(list); i += 2 {
			f.spans = append(f.spans, &span{file: f, from: list[i], to: list[i+1]})
		}
		return f
	}
	tests := []struct {
		name           string
		file           *file
		from, to, size int64
		want           []gap
	}{
		{"no file", nil, 5, 6, 10 * mib, []gap{{from: 0, to: mib}}},
		{"small file", nil, 5, 6, 100, []gap{{from: 0, to: 100}}},
		{"second block", nil, mib, mib + 1, 10 * mib, []gap{{from: mib, to: 2 * mib}}},
		{"across blocks", nil, mib - 1, mib + 1, 10 * mib, []gap{{from: 0, to: 2 * mib}}},
		{"end of the file", nil, 2*mib + 5, 2*mib + 6, 2*mib + 100, []gap{{from: 2 * mib, to: 2*mib + 100}}},
		{"beyond the end", nil, 5, 900, 100, []gap{{from: 0, to: 100}}},
		{"covered", spans(0, mib, mib, 3*mib), 5, 3 * mib, 10 * mib, nil},
		{"behind a span", spans(0, mib+7), 5, mib + 8, 10 * mib, []gap{{from: mib + 7, to: 2 * mib}}},
		{"only behind a span", spans(0, mib+7), mib + 9, mib + 10, 10 * mib, []gap{{from: mib + 7, to: 2 * mib}}},
		{"before a span", spans(mib/2, mib), 5, mib, 10 * mib, []gap{{from: 0, to: mib / 2}}},
		{"between", spans(0, 10, 20, mib), 0, mib, 10 * mib, []gap{{from: 10, to: 20}}},
		{"several", spans(mib, 2*mib, 3*mib, 4*mib), 5, 5*mib - 1, 10 * mib, []gap{{from: 0, to: mib}, {from: 2 * mib, to: 3 * mib}, {from: 4 * mib, to: 5 * mib}}},
		{"more than one GET", nil, 0, 20 * mib, 20 * mib, []gap{{from: 0, to: 8 * mib}, {from: 8 * mib, to: 16 * mib}, {from: 16 * mib, to: 20 * mib}}},
	}
	for _, test := range tests {
		if got := test.file.gaps(test.from, test.to, test.size); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestReadThrough(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 40, 100_000) // 4 MB
		if n := b.walk(x, 100, 300_000); n != 40 {
			t.Errorf("%d batches", n)
		}
		b.got("1 0+1048576", "1 1048576+1048576", "1 2097152+1048576", fmt.Sprintf("1 3145728+%d", x.FileBytes-3*mib))
		if n := b.walk(x, 141, 300_000); n != 20 {
			t.Errorf("%d batches from the middle", n)
		}
		b.got()
		if s := b.cache.Stats(); s.Checked != 40 {
			t.Errorf("%d checks of 40 batches: each is checked once", s.Checked)
		}
	})
}

// What comes from the bucket anew is checked anew, also where the rest of the file stayed.
func TestIndexGoesWithItsBytes(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 40, 100_000)
		b.walk(x, 100, 300_000)
		b.cache.mu.Lock()
		b.cache.remove(b.cache.files[ref(1)].spans[2])
		b.cache.mu.Unlock()
		b.gets = nil
		if n := b.walk(x, 100, 300_000); n != 40 {
			t.Errorf("%d batches", n)
		}
		b.got("1 2097152+1048576")
		if s := b.cache.Stats(); s.Checked != 80 {
			t.Errorf("%d checks", s.Checked)
		}
	})
}

func TestFromTheMiddleOfWhatIsUnknown(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 40, 100_000)
		if n := b.walk(x, 161, 10); n != 10 {
			t.Errorf("%d batches", n)
		}
	})
}

func TestSingleFlight(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 10, 1000)
		g := env.NewGroup(b.env)
		for range 5 {
			g.Go("reader", func() {
				if n := b.walk(x, 100, 20_000); n != 10 {
					t.Errorf("%d batches", n)
				}
			})
		}
		g.Wait(time.Time{})
		b.got(fmt.Sprintf("1 0+%d", x.FileBytes))
	})
}

func TestPutServesWithoutGets(t *testing.T) {
	in(t, 0, func(b *bed) {
		body := append(make([]byte, 16), data(10, 1000)...)
		b.cache.Put(ref(1), body)
		b.cache.Put(ref(1), body)
		if n := b.walk(extentOf(1, body, 10), 100, 1000); n != 10 {
			t.Errorf("%d batches", n)
		}
		b.got()
	})
}

func TestPrefetchTakesNeighboursTogether(t *testing.T) {
	in(t, 0, func(b *bed) {
		x, y := b.file(1, 40, 100_000), b.file(2, 2, 1000)
		part := func(pos, n uint32) Read {
			p := x
			p.Pos, p.Len = pos, n
			return Read{Extent: p, Offset: 100, Bytes: 1000}
		}
		reads := []Read{part(2*mib+5, 1000), {Extent: y, Offset: 100, Bytes: 1000}, part(16, 1000), part(mib+5, 1000), part(mib+9000, 1000)}
		if n := b.cache.Prefetch(reads); n != len(reads) {
			t.Errorf("%d of %d are under way", n, len(reads))
		}
		b.env.Sleep(time.Second)
		b.got("1 0+3145728", fmt.Sprintf("2 0+%d", y.FileBytes))
		if n := b.cache.Prefetch(reads); n != len(reads) {
			t.Errorf("%d of %d are there", n, len(reads))
		}
		b.got()
	})
}

func TestPrefetchIsBounded(t *testing.T) {
	in(t, 0, func(b *bed) {
		var reads []Read
		for i := range byte(10) {
			reads = append(reads, Read{Extent: b.file(i, 10, 100_000), Offset: 100, Bytes: 2 * mib})
		}
		if n := b.cache.Prefetch(reads); n != 4 { // a fourth of 18 MiB
			t.Errorf("%d of %d are under way", n, len(reads))
		}
	})
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	in(t, 0, func(b *bed) {
		var files []Extent
		for i := range byte(17) {
			files = append(files, b.file(i, 10, 100_000))
		}
		for _, x := range files[:16] {
			b.walk(x, 100, mib)
		}
		b.walk(files[0], 100, mib)
		b.gets = nil
		b.walk(files[16], 100, mib) // at the cost of files 1 and 2
		b.gets = nil
		b.walk(files[0], 100, mib)
		b.got()
		b.walk(files[1], 100, mib)
		if len(b.gets) != 1 {
			t.Errorf("GETs %q", b.gets)
		}
		s := b.cache.Stats()
		if s.UsedBytes > s.SizeBytes || s.HeldBytes != 0 || s.Checked != 18*10 {
			t.Errorf("%+v: what is read again is checked again", s)
		}
	})
}

func TestRoom(t *testing.T) {
	in(t, 0, func(b *bed) {
		x, y := b.file(1, 100, 100_000), b.file(2, 100, 100_000)
		r := Read{Extent: y, Offset: 100, Bytes: 10 * mib}
		held := b.open(x, 100, 10*mib)
		if _, err := b.cache.open(r, false, time.Time{}); err != ErrNoRoom {
			t.Errorf("who holds something does not wait: %v", err)
		}
		if _, err := b.cache.open(r, true, b.env.Now().Add(time.Second)); err != ErrNoRoom {
			t.Errorf("nobody made room: %v", err)
		}
		b.env.Go("writer", func() {
			b.env.Sleep(time.Second)
			held.Release()
		})
		v, err := b.cache.open(r, true, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		v.Release()
		if s := b.cache.Stats(); s.UsedBytes > s.SizeBytes || s.HeldBytes != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A batch larger than the cache is read once nothing else is held.
func TestLargerThanTheCache(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 1, 64*mib)
		if n := b.walk(x, 100, 10); n != 1 {
			t.Errorf("%d batches", n)
		}
		b.walk(b.file(2, 1, 1000), 100, 10)
		if s := b.cache.Stats(); s.UsedBytes > s.SizeBytes {
			t.Errorf("%+v", s)
		}
	})
}

// fileError is the FileError in err, or an empty one.
func fileError(err error) *FileError {
	if e, ok := errors.AsType[*FileError](err); ok {
		return e
	}
	return &FileError{}
}

func isDamaged(err error) bool {
	return base.KindOf(err) == base.CorruptMessage && fileError(err).To > fileError(err).From
}

func TestErrors(t *testing.T) {
	in(t, 0, func(b *bed) {
		x := b.file(1, 10, 1000)
		gone := x
		gone.File = ref(9)
		outside := x
		outside.Len++
		for name, test := range map[string]struct {
			read Read
			is   func(error) bool
		}{
			"gone":             {Read{Extent: gone, Offset: 100}, func(err error) bool { return fileError(err).Missing }},
			"beyond the file":  {Read{Extent: outside, Offset: 100}, isDamaged},
			"below the extent": {Read{Extent: x, Offset: 99}, isDamaged},
			"after the extent": {Read{Extent: x, Offset: 120}, isDamaged},
		} {
			if _, _, err := b.cache.Next(test.read, true, time.Time{}); !test.is(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := b.cache.Stats(); s.UsedBytes != 0 || s.HeldBytes != 0 || len(b.cache.files) != 0 {
			t.Errorf("failed reads left something: %+v", s)
		}
		b.cache.Stop(time.Time{})
		if _, err := b.cache.open(Read{Extent: x, Offset: 100}, true, time.Time{}); base.KindOf(err) != base.Stopping {
			t.Errorf("after Stop: %v", err)
		}
	})
}

// An extent at the log's end grows: older Views know a shorter one.
func TestGrowingExtent(t *testing.T) {
	in(t, 0, func(b *bed) {
		long := b.file(1, 10, 1000)
		short := long
		short.Len, short.Count = long.Len/2, long.Count/2
		for _, x := range []Extent{short, long, short} {
			if n := b.walk(x, 100, 2000); n != int(x.Count)/2 {
				t.Errorf("%d batches of %d", n, x.Count/2)
			}
		}
		if s := b.cache.Stats(); s.Checked != 10 {
			t.Errorf("%d checks", s.Checked)
		}
	})
}

func TestExtentThatLies(t *testing.T) {
	in(t, 0, func(b *bed) {
		good := b.file(1, 10, 1000)
		for name, edit := range map[string]func(x *Extent){
			"too few offsets":     func(x *Extent) { x.Count -= 2 },
			"too many offsets":    func(x *Extent) { x.Count += 2 },
			"ends inside a batch": func(x *Extent) { x.Len -= 10 },
			"begins inside one":   func(x *Extent) { x.Pos += 10; x.Len -= 10 },
			"ends in a header":    func(x *Extent) { x.Len = x.Len/10 + 10 },
		} {
			x := good
			edit(&x)
			last := x.Base + int64(x.Count) - 1
			if _, _, err := b.cache.Next(Read{Extent: x, Offset: last, Bytes: mib}, true, time.Time{}); !isDamaged(err) {
				t.Errorf("%s: %v", name, err)
			}
			b.forget()
		}
	})
}

// Whatever bytes a file holds: batches whose CRC is right, or an error.
func FuzzBatches(f *testing.F) {
	f.Add(data(3, 100), uint32(3), uint16(50))
	f.Add([]byte{8: 0xff, 80: 1}, uint32(1), uint16(1))
	f.Fuzz(func(t *testing.T, body []byte, count uint32, at uint16) {
		if len(body) == 0 || count == 0 {
			return
		}
		c := New(env.Real(), Source{Store: memstore.New(time.Now)}, 64<<20)
		cut := min(int(at), len(body)) // so that a batch may lie in two spans
		fl := &file{ref: ref(1)}
		for _, r := range [][2]int{{0, cut}, {cut, len(body)}} {
			if r[0] < r[1] {
				fl.spans = append(fl.spans, &span{file: fl, from: int64(r[0]), to: int64(r[1]), data: body[r[0]:r[1]], listed: true})
			}
		}
		c.files[ref(1)] = fl
		r := Read{Extent: Extent{File: ref(1), FileBytes: int64(len(body)), Len: uint32(len(body)), Count: count}, Bytes: 100}
		for r.Offset < int64(count) {
			v, run, err := c.Next(r, true, time.Time{})
			if err != nil {
				return
			}
			for i := range run.Len() {
				_, pos, n := run.At(i)
				if raw := bytesOf(&v, pos, n); raw.CRC() != raw.ComputeCRC() {
					t.Fatalf("batch at %d is not sound", pos)
				}
			}
			r.Offset = run.End()
			v.Release()
		}
	})
}
