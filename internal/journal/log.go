package journal

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/objstore"
)

// W is how old a snapshot has to be, by the bucket's clock, before anything is deleted for it. Simulations take less;
// all agents of a bucket have to take the same.
const W = time.Hour

// Status is what came of reading or appending.
type Status uint8

const (
	// Believed: an entry, valid or void, was read and is believed; the position moved past it.
	Believed Status = iota + 1
	// Absent: the next slot is empty, seen by a probe begun after the call (or after that of ReadAhead): the position is
	// the tail, and a barrier.
	Absent
	// Reload: a snapshot at or after the slot exists, so that nothing seen of the slot counts: Load again. What was being
	// appended may or may not be part of that snapshot.
	Reload
	// Won: the proposed entry has the slot; the position moved past it.
	Won
	// Lost: another entry seems to have the slot. The position did not move: Next reads the winner.
	Lost
	// Unknown: ctx ended before the outcome was known. The entry may be there, or come later; the position did not move.
	Unknown
)

func (s Status) String() string {
	return [...]string{"none", "believed", "absent", "reload", "won", "lost", "unknown"}[s]
}

// Log is one agent's place in the journal. All methods but Now, Guess, Stats and Snapshots belong to one goroutine; they wait for the
// store. Refusals to try again later are waited out until ctx ends; then methods fail with ctx's error.
//
// An error other than ctx's, of kind StorageError or UnsupportedVersion, means that a person has to act: damage, a store
// without permission, or one that breaks its promises. Nothing may be decided on this Log afterwards but by a new Load.
type Log struct {
	*bucket
	snaps *Snapshots

	slot   base.Slot // the last slot believed
	chain  [32]byte  // hash of the last valid entry up to slot
	belief belief
	counts *counts

	seen    map[base.Slot]sighting // entries seen of slots after slot, not yet judged
	end     end                    // where reading ahead met the tail
	ahead   int                    // slots to read at once at most; 0: no reading ahead
	window  int                    // and the next time
	glances int                    // in a row that found nothing

	// proved: slots up to proved.slot were found to lead to proved.chain although a (damaged) snapshot of them exists.
	proved struct {
		slot  base.Slot
		chain [32]byte
	}
}

// sighting is what one request showed of a slot.
type sighting struct {
	found        bool
	body         []byte
	lastModified time.Time
	date         time.Time // of the response itself
	listed       bool      // a listing begun after it showed no snapshot of the slot or a later one
}

// Open makes a Log of the cluster at its genesis; Load positions it. w is W, but for simulations.
func Open(e env.Env, store objstore.Store, cluster Cluster, w time.Duration) *Log {
	b := newBucket(e, store)
	return &Log{
		bucket: b,
		snaps:  &Snapshots{bucket: b, cluster: cluster, w: w},
		chain:  Genesis(cluster.ID),
		belief: belief{w: w, steady: store.Info().SteadyClock},
		counts: &counts{},
	}
}

// Position is the last slot believed, and the hash of the last valid entry up to it.
func (l *Log) Position() (base.Slot, [32]byte) { return l.slot, l.chain }

// Now is the bucket's time: its last Date, carried on by the local clock for at most 10 s. It does not step back by less
// than that. False before the first Date. Safe for concurrent use.
func (l *Log) Now() (base.Millis, bool) { return l.clock.now() }

// Stats is how a Log came to believe what it believes.
type Stats struct {
	Anchored  int64 // sightings of slots believed by an anchor, rule R (b)
	Listed    int64 // listings made for others, rule R (a)
	Overtaken int64 // of these, those that showed a snapshot: nothing seen was believed
	Adopted   int64 // entries found won by a read, after an answer that did not tell
}

type counts struct{ anchored, listed, overtaken, adopted atomic.Int64 }

// Stats gives the counts at this moment. Safe for concurrent use.
func (l *Log) Stats() Stats {
	n := l.counts
	return Stats{Anchored: n.anchored.Load(), Listed: n.listed.Load(), Overtaken: n.overtaken.Load(), Adopted: n.adopted.Load()}
}

// Guess is the bucket's time, carried on by the local clock however long the bucket has been silent. It may be wrong as
// that clock is: nothing may be decided by it. Safe for concurrent use.
func (l *Log) Guess() (base.Millis, bool) { return l.clock.guess() }

// advance moves past slot l.slot+1, which holds e and is believed, and marks e void if it is.
func (l *Log) advance(e *Entry) {
	l.slot++
	e.Void = e.Prev != l.chain && !plant.LeftOut(plant.ChainCheck)
	if !e.Void {
		l.chain = e.Hash
	}
	delete(l.seen, l.slot)
}

// believe applies rule R to what was seen of slot n. False: Reload.
func (l *Log) believe(ctx context.Context, n base.Slot, s sighting) (bool, error) {
	if n <= l.proved.slot || s.listed || plant.LeftOut(plant.RuleR) {
		return true, nil
	}
	if l.belief.covers(n, s.date) {
		l.counts.anchored.Add(1)
		return true, nil
	}
	return l.noSnapshotFrom(ctx, n)
}

// noSnapshotFrom is rule R's method (a): it lists, and reports whether there is no snapshot ≥ n. If so the Date received
// before the listing is an anchor.
func (l *Log) noSnapshotFrom(ctx context.Context, n base.Slot) (bool, error) {
	before := l.clock.last()
	none := true
	err := l.each(ctx, snapshotPrefix, SnapshotKey(n-1), func(found []objstore.ListEntry) error {
		for _, o := range found {
			if _, ok := slotOf(o.Key, snapshotPrefix); ok {
				none = false
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if l.counts.listed.Add(1); !none {
		l.counts.overtaken.Add(1)
		return false, nil
	}
	l.belief.offer(before, n)
	l.markListed()
	return true, nil
}

// markListed notes of all that is held of later slots that a listing begun after it was seen showed no snapshot of them.
func (l *Log) markListed() {
	for n, s := range l.seen {
		s.listed = true
		l.seen[n] = s
	}
	l.end.listed = true
}
