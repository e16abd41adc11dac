package merge

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
)

// lending is a folder that counts what is put, and what is lent and given back.
type lending struct {
	*filestore.Store
	puts           int
	lent, released atomic.Int32 // reads are several at a time
}

func (s *lending) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	s.puts++
	return s.Store.Put(ctx, key, body...)
}

func (s *lending) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	o, err := s.Store.GetRange(ctx, key, off, n)
	if objstore.IsLending(ctx) {
		s.lent.Add(1)
		free := o.Free
		o.Free = func() {
			s.released.Add(1)
			if free != nil {
				free()
			}
		}
	}
	return o, err
}

// What would take too much memory is made into two files, and each gives back what it was lent.
func TestTooMuchForOneFile(t *testing.T) {
	for heldMax, puts := range map[int64]int{1 << 20: 1, 100_000: 2, 40_000: 4, 1: 8} {
		folder, err := filestore.New(t.TempDir(), filestore.WithoutSync())
		if err != nil {
			t.Fatal(err)
		}
		store, w := &lending{Store: folder}, newWorld(t, 8)
		for range 16 {
			w.uploaded(t, store, 8, 1000)
		}
		files := planFor(w.s, w.ask(DefaultPace, 100_000)).files
		if len(files) != 1 || len(files[0]) != 8 {
			t.Fatalf("%d files are planned", len(files))
		}
		j := New(env.Real(), willing{env.Real(), w}, store, Pace{}, 0, slog.New(slog.DiscardHandler))
		j.heldMax, store.puts = heldMax, 0
		err = j.merge(w.s, files[0])
		if lent, released := store.lent.Load(), store.released.Load(); err != nil || store.puts != puts || lent == 0 || released != lent {
			t.Errorf("at most %d bytes held: %v, %d files, want %d; %d of %d reads gave their memory back", heldMax, err, store.puts, puts, released, lent)
		}
	}
}

// On one disk one file is made at a time, twice as large if there is memory for that; elsewhere several, as memory allows.
func TestShare(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		memory  int64
		oneDisk bool
		atOnce  int
		file    int64
		heldMax int64
	}{
		{8 * mib, false, 1, 16 * mib, 32 * mib},
		{48 * mib, false, 1, 16 * mib, 32 * mib},
		{64 * mib, false, 2, 16 * mib, 32 * mib},
		{1024 * mib, false, FilesAtOnce, 16 * mib, 32 * mib},
		{0, true, 1, 16 * mib, readMax},
		{8 * mib, true, 1, 16 * mib, 8 * mib},
		{20 * mib, true, 1, 20 * mib, 20 * mib},
		{48 * mib, true, 1, 32 * mib, 48 * mib},
		{1024 * mib, true, 1, 32 * mib, 1024 * mib},
	} {
		j := Job{pace: DefaultPace}
		j.share(c.memory, c.oneDisk)
		if j.atOnce != c.atOnce || j.pace.File != c.file || j.heldMax != c.heldMax {
			t.Errorf("%d MiB, one disk: %t: %d at once of %d bytes, which hold at most %d; want %d, %d, %d",
				c.memory/mib, c.oneDisk, j.atOnce, j.pace.File, j.heldMax, c.atOnce, c.file, c.heldMax)
		}
	}
}
