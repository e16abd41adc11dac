package land

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// willing is a journal that takes every container.
type willing struct{ env env.Env }

func (w willing) View() meta.View        { return nil }
func (w willing) Now() base.Millis       { return 1 }
func (w willing) Self() base.Incarnation { return 1 }
func (w willing) Propose(meta.Op) *env.Future[*meta.Verdict] {
	f := env.NewFuture[*meta.Verdict](w.env)
	f.Set(&meta.Verdict{}, nil)
	return f
}

// forgetful is a bucket in memory that keeps no containers: a benchmark writes many.
type forgetful struct{ *memstore.Store }

func (s forgetful) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	stored, err := s.Store.Put(ctx, key, body...)
	if err != nil {
		return stored, err
	}
	return stored, s.Delete(ctx, key)
}

// riding are n riders, each with the bytes of 8 partitions, and where those are.
func riding(n, chunkBytes int) (plan []Rider, bodies map[base.FileRef][]byte) {
	bodies = map[base.FileRef][]byte{}
	for i := range n {
		ref := base.FileRef{}
		binary.BigEndian.PutUint64(ref.ID[8:], uint64(i+1))
		w := segment.NewBuilder(0)
		for p := range int32(8) {
			w.Add(base.TopicID{1}, p, segment.Summed(make([]byte, chunkBytes)))
		}
		bodies[ref] = w.Finish()
		plan = append(plan, Rider{uint64(i + 1), log.File{In: uint64(i + 1), Ref: ref, SizeBytes: int64(len(bodies[ref]))}})
	}
	return plan, bodies
}

// BenchmarkLand measures the landing of riders that are at hand, or are read one from each entry: checked, laid out in a container,
// put into a bucket in memory, proposed.
func BenchmarkLand(b *testing.B) {
	for _, riders := range []int{16, 256} {
		plan, bodies := riding(riders, 4<<20/riders/8)
		sources := map[string]Source{
			"at hand": {Cached: func(ref base.FileRef, _ int64) []byte { return bodies[ref] }},
			"read": {Cached: func(base.FileRef, int64) []byte { return nil }, Riders: func(_ context.Context, slot base.Slot) ([]log.Rider, error) {
				return []log.Rider{{Ref: plan[slot-1].Ref, Body: bodies[plan[slot-1].Ref]}}, nil
			}},
		}
		for _, name := range []string{"at hand", "read"} {
			b.Run(fmt.Sprintf("%d %s", riders, name), func(b *testing.B) {
				e := env.Real()
				j := New(e, willing{e}, forgetful{memstore.New(time.Now)}, sources[name], Pace{}, slog.New(slog.NewTextHandler(io.Discard, nil)))
				b.SetBytes(4 << 20)
				b.ReportAllocs()
				for b.Loop() {
					if err := j.land(plan); err != nil {
						b.Fatal(err)
					}
					j.offers.Settle()
				}
				if len(j.skipped) > 0 || j.Stats().Uploaded != int64(b.N) {
					b.Fatalf("%d riders were passed over, %d containers of %d", len(j.skipped), j.Stats().Uploaded, b.N)
				}
			})
		}
	}
}
