package fetch_test

import (
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/ingest"
)

// wide fills partitions with a batch of each in each of some files, and gives a Want of each from the beginning.
func (b *bed) wide(partitions, files, size int) []fetch.Want {
	b.Helper()
	id := b.topic("wide", int32(partitions))
	list := make([]ingest.Batch, partitions)
	for range files {
		for p := range list {
			raw := plain(0, 1, size)
			list[p] = ingest.Batch{Topic: id, Partition: int32(p), Bytes: raw, Info: info(raw)}
		}
		if _, err := b.ingest.Append(list).Wait(soon()); err != nil {
			b.Fatal(err)
		}
	}
	wants := make([]fetch.Want, partitions)
	for p := range wants {
		wants[p] = want(id, int32(p), 0)
	}
	return wants
}

// Many readers of many files, in a cache that has room for few of these: they take turns, and none waits for what another holds until that
// one waits for it.
func TestCrowdInASmallCache(t *testing.T) {
	s := inFiles(t, settings{cacheBytes: 1})
	s.opener = slowFiles{s.opener, func() { time.Sleep(500 * time.Microsecond) }}
	b := start(t, s)
	wants := b.wide(60, 40, 200)
	var readers sync.WaitGroup
	for range 24 {
		readers.Go(func() {
			mine := make([]fetch.Want, len(wants))
			copy(mine, wants)
			for got := -1; got != 0; {
				began := time.Now()
				r := b.fetch.Read(fetch.Request{MinBytes: 1, MaxBytes: 50 << 20, ByID: true, SessionEpoch: -1, Partitions: mine}, began)
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("an answer took %v", took)
					return
				}
				got = 0
				for i, p := range r.Partitions {
					if p.Kind != base.OK {
						t.Errorf("partition %d: %v", i, p.Kind)
					}
					if p.End > 0 {
						got++
						mine[i].Offset = p.End
					}
				}
				if r.Release != nil {
					r.Release()
				}
			}
			for i := range mine {
				if mine[i].Offset != 40 {
					t.Errorf("partition %d was read up to %d of 40", i, mine[i].Offset)
				}
			}
		})
	}
	readers.Wait()
}
