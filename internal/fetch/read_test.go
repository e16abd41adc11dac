package fetch_test

import (
	"fmt"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// From every offset, under every codec, from the cache and from the bucket: the batch that holds the offset and all
// that follow.
func TestFetchFromEveryOffset(t *testing.T) {
	for _, fill := range []bool{true, false} {
		for _, codec := range []batch.Codec{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd} {
			t.Run(fmt.Sprintf("%s/cache %t", codec, fill), func(t *testing.T) {
				b := start(t, settings{fill: fill})
				id := b.topic("orders", 2)
				var offset int
				for _, counts := range [][]int{{3, 1, 2000}, {1}, {5, 5}} {
					var batches []batch.Batch
					for _, n := range counts {
						batches = append(batches, batch.Plain(codec).Build(records(offset, n, 0)...))
						offset += n
					}
					b.produce(id, 1, batches...)
				}
				for at := range offset {
					p := b.only(b.read(want(id, 1, int64(at))))
					got := b.parse(p)
					if p.Kind != base.OK || p.HighWatermark != int64(offset) || p.LastStable != int64(offset) || p.LogStart != 0 {
						t.Fatalf("at %d: %+v", at, p)
					}
					if len(got) == 0 || got[0].BaseOffset() > int64(at) || got[0].LastOffset() < int64(at) {
						t.Fatalf("at %d: %d batches", at, len(got))
					}
					if last := got[len(got)-1].LastOffset(); last != int64(offset)-1 {
						t.Fatalf("at %d: ends with %d", at, last)
					}
				}
				if p := b.only(b.read(want(id, 1, int64(offset)))); p.Kind != base.OK || len(b.parse(p)) != 0 {
					t.Fatalf("at the end: %+v", p)
				}
			})
		}
	}
}
