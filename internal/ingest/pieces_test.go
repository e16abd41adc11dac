package ingest_test

import (
	"context"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// A store that looks at no body later is given segments in pieces, where their batches lie; any other, or where the cache is to have the
// segment too, in one. A batch's memory is its own until it has its result, also when the upload is given up: the file has what came.
func TestSegmentsGoOutInPieces(t *testing.T) {
	uploaded := 0
	for _, c := range []struct {
		name   string
		free   bool
		cached func(base.FileRef, []byte)
		pieces bool
	}{
		{"free", true, nil, true},
		{"free, and cached", true, func(base.FileRef, []byte) { uploaded++ }, false},
		{"any other", false, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := ingest.Config{BatchTimeout: 50 * time.Millisecond, BatchBytes: 1 << 20, Uploaded: c.cached}
			inWorldWith(t, bucket{free: c.free}, config, func(_ *sim.World, a *inhabitant) {
				a.bucket.hangs = 1
				for range 3 {
					request := []ingest.Batch{numbered(0, -1, 0, 3), numbered(1, -1, 0, 2), numbered(0, -1, 0, 1)}
					answer := a.Append(request)
					answer.OnDone(func([]ingest.Result, error) {
						for i := range request {
							clear(request[i].Bytes)
						}
					})
					if _, err := answer.Wait(a.p.Now().Add(time.Minute)); err != nil {
						t.Fatal(err)
					}
				}
				checkBatches(t, a.bucket, 2, 3)
				for _, n := range a.bucket.parts {
					if (n > 1) != c.pieces {
						t.Errorf("a segment came in %d parts", n)
					}
				}
			})
		})
	}
	if uploaded != 2 {
		t.Errorf("%d segments were given to the cache, want 2", uploaded)
	}
}

// checkBatches expects so many segments in a bucket, each of that many sound batches.
func checkBatches(t *testing.T, store objstore.Store, segments, batches int) {
	t.Helper()
	page, err := store.List(context.Background(), segment.Prefix, "", 100)
	if err != nil || len(page.Entries) != segments {
		t.Fatalf("%v, %d segments, want %d", err, len(page.Entries), segments)
	}
	for _, entry := range page.Entries {
		o, err := store.GetRange(context.Background(), entry.Key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		file, err := segment.Parse(o.Body)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range file.Entries {
			for chunk := file.Chunk(e); len(chunk) > 0; n++ {
				b, rest, err := batch.Next(chunk)
				if err != nil {
					t.Fatal(err)
				}
				if b.CRC() != b.ComputeCRC() {
					t.Errorf("a batch has checksum %08x and bears %08x", b.ComputeCRC(), b.CRC())
				}
				chunk = rest
			}
		}
		if n != batches {
			t.Errorf("%d batches in a segment, want %d", n, batches)
		}
	}
}
