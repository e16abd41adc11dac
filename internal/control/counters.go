package control

import (
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
)

type counters struct {
	won, lost, read, void, streamed, reloads, snapshots, passedOver, truncated, kept atomic.Int64
	redecided, repeated, gaps, strangers                                             atomic.Int64
	given, taken, bypassed, challenged                                               atomic.Int64
	seen                                                                             atomic.Int64 // when the end of the journal was last known, local ms
}

// Stats is what the loop has done since the agent started.
type Stats struct {
	EntriesWon      int64 // written by this agent
	SlotsLost       int64 // tries that another entry was faster than
	EntriesRead     int64 // followed, from the bucket or a stream
	EntriesStreamed int64 // of these, from a peer's stream
	EntriesVoid     int64
	Reloads         int64 // of the whole state
	Snapshots       int64
	Truncated       int64         // entries deleted
	Kept            int64         // slots that truncations spared, as files ride in them or before them
	PassedOver      int64         // damaged snapshots in whose place an older one was loaded
	SnapshotSlot    base.Slot     // of the snapshot that this agent loaded or made last
	ViewAge         time.Duration // since the journal was last seen to hold no more, or an entry of a stream came

	Redecided int64 // commands decided again, as their entry had not won its slot
	Repeated  int64 // commands that had been decided already: their first verdict stands
	Gaps      int64 // commands that were not the next of their incarnation
	Strangers int64 // commands of incarnations that are not registered

	TurnsGiven int64 // long waits for another domain's turn
	TurnsTaken int64 // slots won that were another domain's turn
	Bypassed   int64 // times that a sequencer was not relied upon any more
	Challenged int64 // idle agents asked to show that they live

	Journal journal.Stats
}

// Stats gives the counts at this moment.
func (c *Control) Stats() Stats {
	n := &c.counts
	var slot base.Slot
	if m := c.loop.snap.base(); m != nil {
		slot = m.Slot
	}
	return Stats{SnapshotSlot: slot, ViewAge: time.Duration(c.env.Now().UnixMilli()-n.seen.Load()) * time.Millisecond,
		EntriesWon: n.won.Load(), SlotsLost: n.lost.Load(), EntriesRead: n.read.Load(), EntriesStreamed: n.streamed.Load(), EntriesVoid: n.void.Load(),
		Reloads: n.reloads.Load(), Snapshots: n.snapshots.Load(), PassedOver: n.passedOver.Load(), Truncated: n.truncated.Load(), Kept: n.kept.Load(),
		Redecided: n.redecided.Load(), Repeated: n.repeated.Load(), Gaps: n.gaps.Load(), Strangers: n.strangers.Load(),
		TurnsGiven: n.given.Load(), TurnsTaken: n.taken.Load(), Bypassed: n.bypassed.Load(), Challenged: n.challenged.Load(),
		Journal: c.loop.journal.Stats()}
}

// undecided counts a command that is not to be decided.
func (n *counters) undecided(refused base.Kind) {
	switch refused {
	case base.SessionGone:
		n.strangers.Add(1)
	case base.NumberGap:
		n.gaps.Add(1)
	default:
		n.repeated.Add(1)
	}
}
