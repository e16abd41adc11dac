package filestore_test

import (
	"bytes"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
)

// BenchmarkGetRange reads what was written past the page cache in pieces of one size, as a merge does: eight at a time, one of each of 16 files and
// then the next of each. Besides the time it tells the CPU: the disk is what takes most of the time.
func BenchmarkGetRange(b *testing.B) {
	const size, files, atOnce = 8 << 20, 16, 8
	s, err := filestore.New(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	body := bytes.Repeat([]byte("millrace"), size/8)
	key := func(file int) string { return fmt.Sprintf("data/%020d", file) }
	for i := range files {
		if _, err := s.Put(b.Context(), key(i), body); err != nil {
			b.Fatal(err)
		}
	}
	for piece := int64(64 << 10); piece <= 1<<20; piece *= 2 {
		b.Run(fmt.Sprintf("%dKiB", piece>>10), func(b *testing.B) {
			b.SetBytes(size * files)
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				for at := int64(0); at < size; at += piece {
					var group sync.WaitGroup
					for first := range atOnce {
						group.Go(func() {
							for i := first; i < files; i += atOnce {
								o, err := s.GetRange(objstore.Lending(b.Context()), key(i), at, piece)
								if err != nil {
									b.Error(err)
									return
								}
								o.Release()
							}
						})
					}
					group.Wait()
				}
			}
			b.ReportMetric((cpu(b)-before)/(float64(b.N)*size*files/(1<<30)), "cpu-s/GiB")
		})
	}
}

// cpu is what the process has used of it, in seconds.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
