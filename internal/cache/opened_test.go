package cache

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/segment"
)

// folder is a bed whose bucket is a folder, and counts the files that are open.
func folder(t *testing.T, memory int64) (b *bed, dir string, open *atomic.Int64) {
	t.Helper()
	open = &atomic.Int64{}
	b, dir = openedBy(t, memory, counting(open))
	t.Cleanup(func() {
		b.cache.Stop(time.Time{})
		b.forget()
		if n := open.Load(); n != 0 {
			t.Errorf("%d files are open in the end", n)
		}
	})
	return b, dir, open
}

// openedBy is a bed whose bucket is a folder, of which open files are what wrap makes of them.
func openedBy(t *testing.T, memory int64, wrap func(objstore.File) objstore.File) (b *bed, dir string) {
	t.Helper()
	dir = t.TempDir()
	store, err := filestore.New(dir, filestore.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	b = &bed{T: t, Store: store, env: env.Real()}
	b.cache = New(b.env, Source{Store: b, Opener: wrapping{store, wrap}}, memory)
	return b, dir
}

// wrapping is an Opener whose files are what wrap makes of them.
type wrapping struct {
	objstore.Opener
	wrap func(objstore.File) objstore.File
}

func (w wrapping) Open(ctx context.Context, key string) (objstore.File, objstore.Meta, error) {
	f, meta, err := w.Opener.Open(ctx, key)
	if err != nil {
		return nil, meta, err
	}
	return w.wrap(f), meta, nil
}

// counted is a file that is counted while it is open.
type counted struct {
	objstore.File
	open *atomic.Int64
}

// counting counts in open the files that are.
func counting(open *atomic.Int64) func(objstore.File) objstore.File {
	return func(f objstore.File) objstore.File {
		open.Add(1)
		return counted{f, open}
	}
}

func (c counted) Close() error {
	c.open.Add(-1)
	return c.File.Close()
}

// Batches of an open file are sent as pieces of it, and checked all the same; those that are looked at are read.
func TestOpenFile(t *testing.T) {
	b, _, open := folder(t, 0)
	for n, size := range []int{100, 5_000, 300_000, 1_500_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			x := b.file(byte(n), 5, size)
			want := data(5, size)
			v, run, err := b.cache.Next(Read{Extent: x, Offset: 100, Bytes: 100 * mib}, true, time.Time{})
			if err != nil || run.Len() != 5 || !v.IsOpen() {
				t.Fatalf("%d batches, %v", run.Len(), err)
			}
			defer v.Release()
			if got, err := v.Append(nil, 0, x.Len).Copy(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("Append: %v, equal: %v", err, bytes.Equal(got, want))
			}
			for i := range run.Len() {
				_, pos, n := run.At(i)
				b, err := v.Bytes(pos, n)
				if err != nil || !bytes.Equal(b, want[pos:pos+n]) {
					t.Errorf("batch %d: %v", i, err)
				}
				h := make([]byte, 61)
				if err := v.Fill(h, pos); err != nil || !bytes.Equal(h, want[pos:][:len(h)]) {
					t.Errorf("header %d: %v", i, err)
				}
			}
		})
	}
	if n := open.Load(); n != 4 {
		t.Errorf("%d files are open, want 4", n)
	}
	if s := b.cache.Stats(); s.Checked != 20 || s.UsedBytes < 4*openCostMin || s.HeldBytes != 0 {
		t.Errorf("%+v", s)
	}
	b.got() // no GET
}

func TestDamageInAnOpenFile(t *testing.T) {
	b, _, _ := folder(t, 0)
	x, n := b.file(1, 10, small), batchBytes()
	b.served(x, 100, 120)
	b.forget()
	b.edit(1, flip(16+int(3*n+n/2)))
	b.served(x, 100, 106)
	b.refused(x, 106, 16+3*n, 16+4*n)
	b.served(x, 108, 120)
}

// A file that is cut short under the agent that has it open: what is there is served.
func TestCutShortWhileItIsOpen(t *testing.T) {
	b, dir, _ := folder(t, 0)
	x, n := b.file(1, 10, 100_000), int64(len(data(1, 100_000)))
	v, run, err := b.cache.Next(Read{Extent: x, Offset: 100, Bytes: 1}, true, time.Time{})
	if err != nil || run.End() >= 120 {
		t.Fatalf("up to %d, %v", run.End(), err)
	}
	v.Release()
	if err := os.Truncate(filepath.Join(dir, segment.Key(ref(1))), 16+5*n+7); err != nil {
		t.Fatal(err)
	}
	b.refused(x, 110, 16+5*n+7, x.FileBytes)
	b.served(x, 100, 110)
}

// A reader that holds an open file is not disturbed when the object goes.
func TestOpenFileIsDeleted(t *testing.T) {
	b, _, _ := folder(t, 0)
	x := b.file(1, 10, small)
	v := b.open(x, 100, 10*mib)
	if err := b.Delete(b.Context(), segment.Key(ref(1))); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Append(nil, 0, x.Len).Copy(); err != nil || !bytes.Equal(got, data(10, small)) {
		t.Errorf("%v", err)
	}
	v.Release()
	b.forget()
	if _, _, err := b.next(x, 100); base.KindOf(err) != base.StorageError || !fileError(err).Missing {
		t.Errorf("got %v", err)
	}
}

// Files that nobody reads any more are closed, so that the space of those that were deleted comes back; others stay open, and so do
// those that are held however long.
func TestIdleFilesAreClosed(t *testing.T) {
	dir, open := t.TempDir(), &atomic.Int64{}
	if err := sim.NewWorld(1).RunFor(time.Hour, func(p *sim.Proc) {
		store, err := filestore.New(dir, filestore.WithoutSync())
		if err != nil {
			t.Fatal(err)
		}
		b := &bed{T: t, Store: store, env: p}
		b.cache = New(p, Source{Store: b, Opener: wrapping{store, counting(open)}}, 0)
		left, read, held := b.file(1, 10, small), b.file(2, 10, small), b.file(3, 10, small)
		b.served(left, 100, 120)
		v := b.open(held, 100, 10*mib)
		for range 20 {
			b.served(read, 100, 120)
			p.Sleep(openIdle / 10)
		}
		if n := open.Load(); n != 2 {
			t.Errorf("%d files are open, want the one that is read and the one that is held", n)
		}
		v.Release()
		p.Sleep(2 * openIdle)
		if n, s := open.Load(), b.cache.Stats(); n != 0 || s.UsedBytes != 0 {
			t.Errorf("%d files are open in the end, %+v", n, s)
		}
		b.served(left, 100, 120) // is opened again
		b.cache.Stop(time.Time{})
		b.forget()
	}); err != nil {
		t.Fatal(err)
	}
}

// As many files are open as memory allows, or the process.
func TestOpenFilesAreBounded(t *testing.T) {
	for _, test := range []struct {
		openMax int
		most    int64
	}{{0, 100}, {40, 40}, {8, 8}} { // memory allows for MemoryMin/openCostMin = 288
		b, _, open := folder(t, 0)
		if test.openMax > 0 {
			b.cache.from.OpenMax = test.openMax
		}
		for n := range byte(100) {
			b.served(b.file(n, 1, small), 100, 102)
		}
		if n := open.Load(); n > test.most || n < test.most-1 {
			t.Errorf("OpenMax %d: %d files are open, want about %d", test.openMax, n, test.most)
		}
	}
}

// An answer may hold many files of which it sends a little each: they do not press on each other as long as they take no memory, and
// what is known of their batches counts as it comes.
func TestHeldOpenFilesTakeLittle(t *testing.T) {
	b, _, _ := folder(t, 77*mib)
	var views []View
	for n := range byte(200) {
		v, _, err := b.cache.Next(Read{Extent: b.file(n, 100, small), Offset: 100, Bytes: mib}, true, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, v)
	}
	s := b.cache.Stats()
	if want := 200 * (b.cache.openCost() + indexBytes + 100*markBytes); b.cache.Pressed() || s.HeldBytes != want {
		t.Errorf("200 files are held with %d bytes, want %d; pressed: %v", s.HeldBytes, want, b.cache.Pressed())
	}
	for i := range views {
		views[i].Release()
	}
	if s := b.cache.Stats(); s.HeldBytes != 0 {
		t.Errorf("%d bytes are held in the end", s.HeldBytes)
	}
}
