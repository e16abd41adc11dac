package control

import (
	"errors"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// errSuperseded: the state is in doubt, and a newer snapshot is to be loaded in its place.
var errSuperseded = errors.New("control: the state is in doubt and superseded")

// compare holds the digest that an entry carries against this replica's own: that of the state which the writer believed when it
// sent the entry, and which other entries of its own may have followed since.
func (l *loop) compare(e journal.Entry) error {
	own, known := l.digests.At(e.DigestSlot)
	if !known || l.distrusted[e.Writer] || e.Digest == own {
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
	case rebuilt == own:
		l.c.log.Error("the rebuilt state agrees with this replica: the writer is wrong, and its digests are passed over from now on", "writer", e.Writer)
		if l.distrusted == nil || len(l.distrusted) >= admin.MaxAgents {
			l.distrusted = map[base.Incarnation]bool{}
		}
		l.distrusted[e.Writer] = true
		return nil
	}
	return base.Errorf(base.StorageError, "control: the state after entry %d has digest %x here, %x rebuilt from the bucket and %x by agent %d; "+
		"this replica cannot be trusted and stops: restart it, and run millrace fsck", e.DigestSlot, own, rebuilt, e.Digest, e.Writer)
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
