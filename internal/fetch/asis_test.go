package fetch_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/segment"
)

// eachBucket runs f over a bucket in memory, which is read by GETs, and over one that is a folder, whose files are sent by the kernel.
func eachBucket(t *testing.T, f func(t *testing.T, b *bed)) {
	t.Run("in memory", func(t *testing.T) { f(t, start(t, settings{})) })
	t.Run("open files", func(t *testing.T) {
		store, err := filestore.New(t.TempDir(), filestore.WithoutSync())
		if err != nil {
			t.Fatal(err)
		}
		f(t, start(t, settings{store: store, opener: store}))
	})
}

// together appends batches to a partition by one request, and gives them as they are to be served.
func (b *bed) together(id base.TopicID, partition int32, batches ...batch.Batch) (served []batch.Batch) {
	b.Helper()
	for i, r := range b.produce(id, partition, batches...) {
		one := batch.Batch(bytes.Clone(batches[i]))
		one.Rebase(r.Base, 1)
		served = append(served, one)
	}
	return served
}

// edit changes, in the bucket, the batches of a partition that wrong tells, as if ingest had foreseen them otherwise.
func (b *bed) edit(id base.TopicID, partition int32, wrong func(offset int64) (change func(batch.Batch))) {
	b.Helper()
	v := b.control.View()
	_, p, _ := v.Log.PartitionOf(id, partition)
	p.Extents.From(0, func(x log.Extent) bool {
		at, _ := v.Log.Place(x)
		b.damage(segment.Key(at.File), func(body []byte) []byte {
			offset := x.Base
			for rest := body[at.Pos : at.Pos+x.Len]; len(rest) > 0; {
				one, after, err := batch.Next(rest)
				if err != nil || one == nil {
					b.Fatal(err)
				}
				if change := wrong(offset); change != nil {
					change(one)
				}
				offset, rest = offset+int64(one.Count()), after
			}
			return body
		})
		return true
	})
}

func otherOffset(b batch.Batch) { b.Rebase(b.BaseOffset()+5, b.LeaderEpoch()) }
func otherEpoch(b batch.Batch)  { b.Rebase(b.BaseOffset(), 0) }

func equal(t *testing.T, what string, got []byte, want ...batch.Batch) {
	t.Helper()
	var all []byte
	for _, one := range want {
		all = append(all, one...)
	}
	if !bytes.Equal(got, all) {
		t.Errorf("%s: %d bytes that are not the %d expected", what, len(got), len(all))
	}
}

// Batches that lie side by side with the offsets that they got go out in one piece, as many as the limit allows.
func TestARowIsOnePiece(t *testing.T) {
	eachBucket(t, func(t *testing.T, b *bed) {
		id := b.topic("orders", 2)
		var list []batch.Batch
		for i := range 10 {
			list = append(list, plain(3*i, 3, 7_000))
		}
		served := b.together(id, 0, list...)
		one := int32(len(list[0]))
		for _, test := range []struct {
			from     int64
			maxBytes int32
			first, n int
		}{
			{0, 100 * one, 0, 10},
			{6, 100 * one, 2, 8},
			{7, 3*one + 5, 2, 3},  // in the middle of the third; the limit is within the row
			{7, 3 * one, 2, 3},    // at a batch's end
			{7, 3*one - 1, 2, 2},  // a byte before
			{7, one / 2, 2, 1},    // the first goes out in any case
			{27, 100 * one, 9, 1}, // the last
		} {
			before := b.fetch.Stats()
			w := want(id, 0, test.from)
			w.MaxBytes = test.maxBytes
			r := b.read(w)
			p := r.Partitions[0]
			what := fmt.Sprintf("%d bytes from %d", test.maxBytes, test.from)
			if len(p.Records) != 1 || p.End != int64(3*(test.first+test.n)) {
				t.Errorf("%s: %d pieces up to offset %d", what, len(p.Records), p.End)
			}
			equal(t, what, b.bytes(p), served[test.first:test.first+test.n]...)
			r.Release()
			after := b.fetch.Stats()
			if n := int64(test.n); after.Batches-before.Batches != n || after.AsTheyLay-before.AsTheyLay != n || after.Records-before.Records != 3*n {
				t.Errorf("%s: counted are %+v after %+v", what, after, before)
			}
		}
	})
}

// Where the row ends, as a batch bears something else than the log says, the batches that follow are given their offsets one by one.
func TestRowsEnd(t *testing.T) {
	for name, change := range map[string]func(batch.Batch){"offset": otherOffset, "epoch": otherEpoch} {
		t.Run(name, func(t *testing.T) {
			eachBucket(t, func(t *testing.T, b *bed) {
				id := b.topic("orders", 1)
				served := b.together(id, 0, plain(0, 1, 30_000), plain(1, 1, 30_000), plain(2, 1, 30_000), plain(3, 1, 30_000), plain(4, 1, 30_000))
				b.edit(id, 0, func(offset int64) func(batch.Batch) {
					if offset == 3 {
						return change
					}
					return nil
				})
				r := b.read(want(id, 0, 0))
				defer r.Release()
				p := r.Partitions[0]
				if sizes := lengths(p); fmt.Sprint(sizes) != fmt.Sprint([]int{3 * len(served[0]), batch.FrontSize, len(served[0]) - batch.FrontSize, batch.FrontSize, len(served[0]) - batch.FrontSize}) {
					t.Errorf("pieces of %v bytes", sizes)
				}
				equal(t, "all", b.bytes(p), served...)
				if s := b.fetch.Stats(); s.Batches != 5 || s.AsTheyLay != 3 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func lengths(p fetch.Fetched) (sizes []int) {
	for _, r := range p.Records {
		sizes = append(sizes, r.Len())
	}
	return sizes
}

// Whatever batches bear where they lie, what is served is what each of them is with its own offset: of any size, from any offset,
// within any limit.
func TestServedIsWhatEachBatchIsWithItsOffset(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(6) {
		eachBucket(t, func(t *testing.T, b *bed) { serveRandom(t, b, rand.New(rand.NewPCG(seed, round))) })
	}
}

func serveRandom(t *testing.T, b *bed, rng *rand.Rand) {
	const partitions = 3
	id := b.topic("orders", partitions)
	var served [partitions][]batch.Batch
	for range 6 {
		p := rng.Int32N(partitions)
		var list []batch.Batch
		for range 1 + rng.IntN(12) {
			list = append(list, plain(0, 1+rng.IntN(4), []int{0, 300, 2_000, 20_000}[rng.IntN(4)]))
		}
		served[p] = append(served[p], b.together(id, p, list...)...)
	}
	for p := range int32(partitions) {
		share := []int{0, 3, 20}[rng.IntN(3)] // one batch in so many lies otherwise; 0: none does
		b.edit(id, p, func(int64) func(batch.Batch) {
			if share == 0 || rng.IntN(share) > 0 {
				return nil
			}
			return []func(batch.Batch){otherOffset, otherEpoch}[rng.IntN(2)]
		})
	}
	for range 100 {
		p := rng.Int32N(partitions)
		if len(served[p]) == 0 {
			continue
		}
		first := rng.IntN(len(served[p]))
		w := want(id, p, served[p][first].BaseOffset()+rng.Int64N(int64(served[p][first].Count())))
		w.MaxBytes = rng.Int32N(1 << (5 + rng.IntN(14)))
		r := b.fetch.Read(fetch.Request{MinBytes: 1, MaxBytes: 1 << 20, ByID: true, SessionEpoch: -1, Partitions: []fetch.Want{w}}, time.Now())
		got := r.Partitions[0]
		n := len(b.parse(got))
		if n == 0 || got.Records.Len() > int(w.MaxBytes) && n > 1 {
			t.Fatalf("from %d: %d batches of %d bytes, where the limit is %d", w.Offset, n, got.Records.Len(), w.MaxBytes)
		}
		equal(t, fmt.Sprintf("partition %d from offset %d on, %d bytes", p, w.Offset, w.MaxBytes), b.bytes(got), served[p][first:first+n]...)
		if end := served[p][first+n-1].LastOffset() + 1; got.End != end {
			t.Errorf("the answer is said to end at %d, not %d", got.End, end)
		}
		r.Release()
	}
}
