package control

import (
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
)

type counters struct {
	won, lost, read, void, streamed, reloads, snapshots, truncated, kept atomic.Int64
	seen                                                                 atomic.Int64 // when the end of the journal was last known, local ms
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
	Kept            int64         // slots that truncations spared, as files ride in them or after them
	SnapshotSlot    base.Slot     // of the snapshot that this agent loaded or made last
	ViewAge         time.Duration // since the journal was last seen to hold no more, or an entry of a stream came
}

// Stats gives the counts at this moment.
func (c *Control) Stats() Stats {
	n := &c.counts
	var slot base.Slot
	if m := c.loop.snap.base(); m != nil {
		slot = m.Slot
	}
	return Stats{SnapshotSlot: slot, ViewAge: time.Duration(c.env.Now().UnixMilli()-n.seen.Load()) * time.Millisecond, EntriesWon: n.won.Load(), SlotsLost: n.lost.Load(), EntriesRead: n.read.Load(), EntriesStreamed: n.streamed.Load(),
		EntriesVoid: n.void.Load(), Reloads: n.reloads.Load(), Snapshots: n.snapshots.Load(), Truncated: n.truncated.Load(), Kept: n.kept.Load()}
}
