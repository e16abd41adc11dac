package journal

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// TestRealWorld: three writers race over stores that are no simulation.
func TestRealWorld(t *testing.T) {
	file, err := filestore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]objstore.Store{"memory": memstore.New(time.Now), "file": file} {
		t.Run(name, func(t *testing.T) {
			const writers, each = 3, 20
			e := env.Real()
			c, err := OpenCluster(t.Context(), e, store)
			if err != nil {
				t.Fatal(err)
			}
			g := env.NewGroup(e)
			for w := range writers {
				g.Go("writer", func() { appendAll(t, Open(e, store, c, W), w, each) })
			}
			g.Wait(time.Time{})
			l := Open(e, store, c, W)
			must(l.Load(t.Context(), &memory{}))
			l.ReadAhead(8, AheadAtStart)
			seen := map[string]int{}
			for status := Believed; status != Absent; {
				var entry Entry
				if entry, status, err = l.Next(t.Context()); err != nil {
					t.Fatal(err)
				}
				seen[string(entry.Payload)]++
			}
			for w := range writers {
				for i := range each {
					if n := seen[fmt.Sprintf("%d-%d", w, i)]; n != 1 {
						t.Errorf("%d-%d is there %d times", w, i, n)
					}
				}
			}
		})
	}
}

// appendAll appends n payloads, and asks for a truncation, which finds nothing old enough.
func appendAll(t *testing.T, l *Log, writer, n int) {
	must(l.Load(t.Context(), &memory{}))
	for i := 0; i < n; {
		_, status, err := l.Append(t.Context(), Draft{Payload: fmt.Appendf(nil, "%d-%d", writer, i)})
		if err != nil {
			t.Error(err)
			return
		}
		if status == Won {
			i++
		} else if _, _, err := l.Next(t.Context()); err != nil {
			t.Error(err)
			return
		}
	}
	if _, err := l.Snapshots().Truncate(t.Context(), keepNone, trustAll); err != nil {
		t.Error(err)
	}
}
