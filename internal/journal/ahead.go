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
	// aheadFirstMax is the most that is read while it is not: eight full entries are aheadBytes.
	aheadFirstMax = aheadBytes / MaxEntryBytes
)

// ReadAhead has Next fetch first slots at once, and twice as many each time that all were there, up to most, until it
// meets the tail. Where these reads meet it counts as seen after this call, rather than after each of Next: a reader that
// is slower than the writers would never meet it else.
func (l *Log) ReadAhead(first, most int) {
	l.window, l.ahead, l.end = min(first, aheadFirstMax), most, end{}
}

// end is where reading ahead met the tail: what was seen of the first slot that was empty. Slot 0: it did not.
type end struct {
	slot base.Slot
	sighting
}

// readAhead fetches the next slots if none of them is at hand. What fails is left for Next to meet.
func (l *Log) readAhead(ctx context.Context) {
	if l.ahead <= 1 {
		return
	}
	if _, ok := l.seen[l.slot+1]; ok || l.end.slot == l.slot+1 {
		return
	}
	found := make([]sighting, l.window)
	failed := make([]bool, len(found))
	first := l.slot + 1
	parallel(l.env, "read ahead", len(found), func(i int) {
		s, err := l.look(ctx, first+base.Slot(i))
		found[i], failed[i] = s, err != nil
	})
	l.seen = make(map[base.Slot]sighting, len(found))
	l.end = end{}
	largest := 1
	for i, s := range found {
		switch n := first + base.Slot(i); {
		case s.found || plant.LeftOut(plant.FreshAbsence):
			l.seen[n] = s
			largest = max(largest, len(s.body))
		case !failed[i] && l.end.slot == 0:
			l.end = end{n, s}
		}
	}
	l.window = max(1, min(2*len(found), l.ahead, aheadBytes/largest))
}

// parallel runs f(0) to f(n-1), all at once, and waits for them. n is bounded by the caller.
func parallel(e env.Env, name string, n int, f func(i int)) {
	g := env.NewGroup(e)
	for i := range n {
		g.Go(name, func() { f(i) })
	}
	g.Wait(time.Time{})
}
