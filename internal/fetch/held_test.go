package fetch_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
)

// Answers that are held for a while, as those to slow clients are, are still what was written when they go: with little memory, with
// what rides, with open files, with small batches that are copied beside large ones that are not.
func TestAnswersKeepTheirBytes(t *testing.T) {
	store, err := filestore.New(t.TempDir(), filestore.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]settings{
		"open files": {store: store, opener: store, cacheBytes: cache.MemoryMin, memory: 8 << 20, rides: true},
		"in memory":  {cacheBytes: cache.MemoryMin, memory: 8 << 20, rides: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, s)
			const partitions, rounds = 20, 24
			id := b.topic("orders", partitions)
			for k := range rounds {
				for p := range int32(partitions) {
					size := []int{100, 5_000, 17_000, 200_000}[rand.IntN(4)]
					b.produceAsync(id, p, plain(k, 1, size))
				}
				if k%4 == 3 {
					time.Sleep(15 * time.Millisecond)
				}
			}
			b.settle(id, partitions, rounds)
			var g sync.WaitGroup
			end := time.Now().Add(time.Second)
			for range 12 {
				g.Go(func() {
					for time.Now().Before(end) && !t.Failed() {
						var wants []fetch.Want
						for p := range int32(partitions) {
							if rand.IntN(2) == 0 {
								w := want(id, p, rand.Int64N(rounds))
								w.MaxBytes = int32(1 << (8 + rand.IntN(14)))
								wants = append(wants, w)
							}
						}
						r := b.fetch.Read(fetch.Request{MinBytes: 1, MaxBytes: int32(1 << (10 + rand.IntN(14))), ByID: true, SessionEpoch: -1, Partitions: wants}, time.Now())
						for range 2 {
							for _, p := range r.Partitions {
								for i, raw := range b.parse(p) {
									if i == 0 && p.Kind == 0 {
										at := wants[indexOf(wants, p.Partition)].Offset
										if raw.BaseOffset() > at || raw.LastOffset() < at {
											t.Errorf("asked for %d, got %d", at, raw.BaseOffset())
										}
									}
								}
							}
							time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
						}
						if r.Release != nil {
							r.Release()
						}
					}
				})
			}
			g.Wait()
			if s := b.cache.Stats(); s.HeldBytes != 0 || b.memory.Free() != b.memory.Size() {
				t.Errorf("%+v, %d of %d", s, b.memory.Free(), b.memory.Size())
			} else {
				t.Logf("%+v", s)
			}
		})
	}
}

func indexOf(wants []fetch.Want, partition int32) int {
	for i := range wants {
		if wants[i].Partition == partition {
			return i
		}
	}
	return -1
}
