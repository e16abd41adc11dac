package control

import (
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// Pace says when snapshots are made and the journal is swept.
type Pace struct {
	// A snapshot is due after SnapshotEntries entries or SnapshotBytes of them, or SnapshotAfter after the first entry that
	// the last one does not hold: the tail that a starting agent reads stays short. SnapshotBytes 0: however many bytes.
	SnapshotEntries int
	SnapshotBytes   int64
	SnapshotAfter   time.Duration
	// SweepEvery: the journal is swept that often also when no snapshot is due.
	SweepEvery time.Duration
}

// DefaultPace is what agents keep; simulations take less.
var DefaultPace = Pace{SnapshotEntries: 2000, SnapshotBytes: 64 << 20, SnapshotAfter: 5 * time.Minute, SweepEvery: 10 * time.Minute}

// snapshots is what the loop knows of them.
type snapshots struct {
	entries int       // applied since the last snapshot
	bytes   int64     // of these
	worth   bool      // one of these did more than renew a registration
	first   time.Time // when that was
	swept   time.Time
	running bool

	mu       sync.Mutex // guards what the making goroutine hands back
	done     bool
	state    *meta.State       // of the snapshot that this agent loaded or made last
	manifest *journal.Manifest // its manifest; nil: none to build upon
}

// loaded notes the snapshot that the state came from.
func (s *snapshots) loaded(m journal.Manifest, state *meta.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.manifest = state, &m
	s.begin()
}

// begin counts anew.
func (s *snapshots) begin() { s.entries, s.bytes, s.worth, s.first = 0, 0, false, time.Time{} }

// applied counts an entry. An idle cluster's renewals alone are no reason for a snapshot every few minutes.
func (s *snapshots) applied(e journal.Entry, outcomes []meta.Outcome) {
	s.entries++
	s.bytes += int64(len(e.Object))
	for i := range outcomes {
		for _, e := range outcomes[i].Events {
			if _, renewed := e.(*admin.Renewed); !renewed {
				s.worth = true
			}
		}
	}
}

// base is the manifest of the snapshot that the next one builds upon; nil if there is none.
func (s *snapshots) base() *journal.Manifest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.manifest
}

// snapshot makes one when it is due and this agent is the one that the state names: the first that does jobs.
func (l *loop) snapshot() {
	s := &l.snap
	now := l.c.env.Now()
	s.collect()
	if s.worth && s.first.IsZero() {
		s.first = now
	}
	pace := &l.c.config.Pace
	due := s.entries >= pace.SnapshotEntries || pace.SnapshotBytes > 0 && s.bytes >= pace.SnapshotBytes || !s.first.IsZero() && now.Sub(s.first) >= pace.SnapshotAfter
	sweep := now.Sub(s.swept) >= pace.SweepEvery
	if s.running || !due && !sweep || !l.named() {
		return
	}
	if s.swept.IsZero() && !due {
		s.swept = now // not at once after the start
		return
	}
	s.running, s.swept = true, now
	slot, chain := l.journal.Position()
	point := journal.Point{Slot: slot, Chain: chain, Time: l.state.Time, Digest: l.state.Digest()}
	state, snaps := l.state, l.journal.Snapshots()
	if due {
		s.begin()
	}
	l.c.stop.Go("snapshot", func() { l.c.makeSnapshot(s, snaps, point, state, due) })
}

// named reports whether this agent is the first that does jobs.
func (l *loop) named() bool {
	for _, a := range l.state.Admin.Agents() {
		if a.Roles&admin.RoleJobs != 0 {
			return a.Incarnation == l.c.Self()
		}
	}
	return false
}

// collect takes note that the making goroutine has ended.
func (s *snapshots) collect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		s.running, s.done = false, false
	}
}

func (c *Control) makeSnapshot(s *snapshots, snaps *journal.Snapshots, point journal.Point, state *meta.State, due bool) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done = true
	}()
	if due {
		began := c.env.Now()
		if err := c.writeSnapshot(s, snaps, point, state); err != nil {
			c.log.Warn("no snapshot was made", "slot", point.Slot, "error", err)
		} else {
			c.counts.snapshots.Add(1)
			c.log.Info("snapshot made", "slot", point.Slot, "took", c.env.Now().Sub(began).Round(time.Millisecond))
		}
	}
	keep := state.Log.FirstNeeded(point.Slot)
	if plant.LeftOut(plant.RidersSpared) {
		keep = point.Slot + 1
	}
	t, err := snaps.Truncate(c.ctx, keep, func(m journal.Manifest) error { return c.verify(snaps, m) })
	c.counts.truncated.Add(int64(t.Entries))
	c.counts.kept.Add(int64(t.Kept))
	switch {
	case err != nil && !c.stop.Stopped():
		c.log.Warn("the journal was not truncated", "error", err)
	case t.Entries+t.Snapshots+t.Parts > 0:
		c.log.Info("journal truncated", "snapshot", t.Snapshot, "entries", t.Entries, "snapshots", t.Snapshots, "parts", t.Parts)
	}
}

func (c *Control) writeSnapshot(s *snapshots, snaps *journal.Snapshots, point journal.Point, state *meta.State) error {
	s.mu.Lock()
	prev, prior := s.state, s.manifest
	s.mu.Unlock()
	if prior != nil && prior.Slot == 0 {
		prev, prior = nil, nil
	}
	m, err := snaps.Write(c.ctx, point, prior, parts(state, prev))
	if errors.Is(err, journal.ErrBase) {
		m, err = snaps.Write(c.ctx, point, nil, parts(state, nil))
	}
	switch {
	case errors.Is(err, journal.ErrNewerSnapshot):
		return nil
	case err != nil:
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.manifest = state, &m
	return nil
}

func parts(state, prev *meta.State) iter.Seq[journal.PartSource] {
	return func(yield func(journal.PartSource) bool) {
		for _, p := range state.Parts(prev) {
			source := journal.PartSource{Key: p.Key, Unchanged: !p.Changed}
			if p.Changed {
				source.Body = p.Encode()
			}
			if !yield(source) {
				return
			}
		}
	}
}

// verify reads a snapshot as a starting agent would: only what leads to the state it claims may stand for the entries
// before it.
func (c *Control) verify(snaps *journal.Snapshots, m journal.Manifest) error {
	r := &restorer{r: meta.NewRestorer()}
	if err := snaps.Read(c.ctx, m, r.Part); err != nil {
		return err
	}
	_, err := r.finish(m)
	return err
}

// errSuperseded: the state is in doubt, and a newer snapshot is to be loaded in its place.
var errSuperseded = errors.New("control: the state is in doubt and superseded")

// compare holds the digest that an entry carries against this replica's own.
func (l *loop) compare(e journal.Entry) error {
	if e.DigestSlot == 0 || e.DigestSlot != l.state.Slot || l.distrusted[e.Writer] || e.Digest == l.state.Digest() {
		return nil
	}
	l.c.log.Error("this replica and the writer of an entry disagree about the state: rebuilding it from the bucket",
		"entry", e.Slot, "writer", e.Writer, "state", e.DigestSlot)
	rebuilt, known, err := l.rebuild(e.DigestSlot)
	switch {
	case err != nil:
		return err
	case !known:
		l.c.log.Error("a snapshot of a later state is there: this replica starts from it", "state", e.DigestSlot)
		return errSuperseded
	case rebuilt == l.state.Digest():
		l.c.log.Error("the rebuilt state agrees with this replica: the writer is wrong, and its digests are passed over from now on", "writer", e.Writer)
		if l.distrusted == nil || len(l.distrusted) >= admin.MaxAgents {
			l.distrusted = map[base.Incarnation]bool{}
		}
		l.distrusted[e.Writer] = true
		return nil
	}
	return base.Errorf(base.StorageError, "control: the state after entry %d has digest %x here, %x rebuilt from the bucket and %x by agent %d; "+
		"this replica cannot be trusted and stops: restart it, and run millrace fsck", e.DigestSlot, l.state.Digest(), rebuilt, e.Digest, e.Writer)
}

// rebuild folds the journal anew up to a slot and gives the digest there; known is false when the newest snapshot is of a
// later one.
func (l *loop) rebuild(to base.Slot) (digest uint64, known bool, err error) {
	fresh := journal.Open(l.c.env, l.c.store, l.c.cluster, l.c.config.W)
	other := loop{c: l.c, journal: fresh, state: meta.New()}
	r := &restorer{}
	m, err := fresh.Load(l.c.ctx, r)
	if err != nil {
		return 0, false, err
	}
	if m.Slot > 0 {
		if other.state, err = r.finish(m); err != nil {
			return 0, false, err
		}
	}
	for other.state.Slot < to {
		e, status, err := fresh.Next(l.c.ctx)
		if err != nil {
			return 0, false, err
		}
		if status != journal.Believed {
			break
		}
		if e.Void {
			continue
		}
		outcomes, err := other.decode(e)
		if err != nil {
			return 0, false, err
		}
		if err := applyTo(other.state, e, outcomes); err != nil {
			return 0, false, damaged(err)
		}
	}
	return other.state.Digest(), other.state.Slot == to, nil
}
