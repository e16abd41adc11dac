package sim

import (
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// flights is what the auditor knows of entries that are sent while others are under way. That one was shows in itself: it follows an
// entry that its writer had not believed when it sent it, as the digest that it carries is that of an earlier state.
type flights struct {
	slotOf   map[[32]byte]base.Slot // of all entries that ever came into their slot, by hash
	first    map[base.Slot]sent     // the entry that came first into a slot
	grounded map[base.Incarnation]bool
	back     map[base.Incarnation][32]byte // the first that the agent won since
}

// sent is what shows of an entry.
type sent struct {
	writer base.Incarnation
	hash   [32]byte
	prev   [32]byte
	behind bool // it was sent behind one under way
}

func newFlights() flights {
	return flights{slotOf: map[[32]byte]base.Slot{}, first: map[base.Slot]sent{}, grounded: map[base.Incarnation]bool{}, back: map[base.Incarnation][32]byte{}}
}

// entryLanded looks at an entry that is in the bucket now.
func (c *Cluster) entryLanded(key string) {
	if !strings.HasPrefix(key, "journal/") {
		return
	}
	o, err := c.bucket.mem.GetRange(ctx, key, 0, -1)
	if err != nil {
		panic(err)
	}
	e, err := journal.DecodeEntry(o.Body)
	if err != nil {
		panic(err)
	}
	if c.options.Versions {
		c.levelLanded(key, &e)
	}
	f := &c.audit.flights
	if _, known := f.first[e.Slot]; known {
		return // a late create brought it back
	}
	before, known := f.slotOf[e.Prev]
	s := sent{e.Writer, e.Hash, e.Prev, e.DigestSlot != 0 && (!known || e.DigestSlot < before)}
	f.first[e.Slot], f.slotOf[e.Hash] = s, e.Slot
	if s.behind {
		c.marks.Hit(EntryBehind)
		if _, there := f.first[e.Slot-1]; !there {
			c.marks.Hit(EntryAhead)
		}
	}
}

// flight holds the entry that led to a view, the first of its slot, against the rules of who may have several under way.
func (u *Auditor) flight(v meta.View) {
	f := &u.flights
	for void := u.newest + 1; void < v.Slot; void++ {
		if e, ok := f.first[void]; ok {
			f.grounded[e.writer] = true
		}
	}
	e, ok := f.first[v.Slot]
	if !ok {
		return
	}
	if e.behind {
		u.mayFly(v, e)
	}
	if f.grounded[e.writer] {
		delete(f.grounded, e.writer)
		f.back[e.writer] = e.hash
	}
}

func (u *Auditor) mayFly(v meta.View, e sent) {
	if e.prev == u.flights.back[e.writer] {
		u.violated(CheckFlight, "the entry of slot %d was sent behind the first that agent %d won since it had lost a slot, before it had", v.Slot, e.writer)
	}
	w, live := v.Admin.Agent(e.writer)
	for _, a := range v.Admin.Agents() {
		if a.Level < journal.FlightLevel {
			u.violated(CheckLevel, "the entry of slot %d was sent behind another, and agent %d, which lives, is of level %d", v.Slot, a.Incarnation, a.Level)
		}
		if live && foreign(w, a) {
			u.violated(CheckFlight, "agent %d sent the entry of slot %d behind another, and agent %d, of another domain, lives", e.writer, v.Slot, a.Incarnation)
		}
	}
}

// foreign reports whether two agents are of different network domains.
func foreign(a, b *admin.Agent) bool {
	return a.Incarnation != b.Incarnation && (a.Peer == "" || b.Peer == "" || a.Group != b.Group)
}
