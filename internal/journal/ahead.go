package journal

import (
	"context"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
)

const (
	// AheadAtStart is how many slots an agent that starts reads at once: at 30 ms a read that is 2,000 entries, the most
	// between two snapshots, in about a second.
	AheadAtStart = 64
	// aheadBytes bounds what is held of entries read ahead, once their size is known.
	aheadBytes = 32 << 20
	// aheadFirst is the number of slots read while it is not: eight full entries are aheadBytes.
	aheadFirst = aheadBytes / MaxEntryBytes
)

// ReadAhead has Next fetch up to n slots at once, until it meets the tail.
func (l *Log) ReadAhead(n int) { l.ahead, l.window = n, aheadFirst }

// readAhead fetches the next slots if none of them is at hand. What fails is left for Next to meet.
func (l *Log) readAhead(ctx context.Context) {
	if l.ahead <= 1 {
		return
	}
	if _, ok := l.seen[l.slot+1]; ok {
		return
	}
	found := make([]sighting, min(l.ahead, l.window))
	first := l.slot + 1
	parallel(l.env, "read ahead", len(found), func(i int) {
		if s, err := l.look(ctx, first+base.Slot(i)); err == nil {
			found[i] = s
		}
	})
	l.seen = make(map[base.Slot]sighting, len(found))
	largest := 1
	for i, s := range found {
		if s.found || plant.LeftOut(plant.FreshAbsence) {
			l.seen[first+base.Slot(i)] = s
			largest = max(largest, len(s.body))
		}
	}
	l.window = max(1, min(AheadAtStart, aheadBytes/largest))
}

// parallel runs f(0) to f(n-1), all at once, and waits for them. n is bounded by the caller.
func parallel(e env.Env, name string, n int, f func(i int)) {
	g := env.NewGroup(e)
	for i := range n {
		g.Go(name, func() { f(i) })
	}
	g.Wait(time.Time{})
}
