package fsck

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/objstore"
)

// second reads the cluster as an agent does that starts now: what it looks at before, the snapshot it starts from, and then
// every entry that may be believed (rule R). A finding means that an agent stops, and why.
type second struct {
	*folder
	log      *journal.Log
	restorer *meta.Restorer
	state    *meta.State
	end      base.Slot // of the journal
	warning  string
	compared bool
}

// Begin implements journal.Restorer.
func (s *second) Begin(journal.Manifest) error {
	s.restorer = meta.NewRestorer()
	return nil
}

// Part implements journal.Restorer.
func (s *second) Part(key string, body []byte) error {
	err := s.restorer.Part(key, body)
	if err == nil || beyond(err) {
		return err
	}
	return damaged("%v", err)
}

// readAgain does the second reading, holds it against the first, and picks the state that data files are held against.
func (f *folder) readAgain(ctx context.Context) error {
	s := &second{folder: f}
	err := s.read(ctx)
	switch {
	case err == nil:
		f.checker.again, f.checker.state, f.checker.keep = s, s.state, s.state.Log.FirstNeeded(s.end)
		if s.warning != "" {
			f.report.add(Note, "", "agents start from an older snapshot, which proves itself: %s", s.warning)
		}
	case !finding(err):
		return err
	default:
		severity := Note // it comes of damage that was named before
		if f.report.Damage == f.report.mendable {
			severity = Damage
		}
		f.report.add(severity, "", "an agent that starts now stops: %v", err)
		f.checker.state = f.state
		if f.state != nil {
			f.checker.keep = f.state.Log.FirstNeeded(f.last)
		}
	}
	if plant.LeftOut(plant.RepairSpares) {
		f.checker.keep = after(f.cover)
	}
	f.unused()
	if f.checker.state != nil {
		f.report.LastSlot = f.checker.state.Slot
	}
	f.state = nil
	return nil
}

func (s *second) read(ctx context.Context) error {
	if err := journal.Survey(ctx, s.env, s.store, s.cluster); err != nil {
		return stops(ctx, err)
	}
	s.log = journal.Open(s.env, s.store, s.cluster, s.opts.W)
	m, err := s.load(ctx)
	if err != nil {
		return err
	}
	s.warning = m.Warning
	if s.folder.state != nil && m.Slot > s.last {
		return errMoved // a snapshot that was not there before
	}
	return s.tail(ctx)
}

// load takes the state of the newest snapshot.
func (s *second) load(ctx context.Context) (m journal.Manifest, err error) {
	if m, err = s.log.Load(ctx, s); err != nil {
		return m, stops(ctx, err)
	}
	if m.Slot == 0 {
		s.state = meta.New()
		return m, nil
	}
	if s.state, err = s.restorer.Finish(); err != nil {
		return m, damaged("%v", err)
	}
	if s.state.Digest() != m.Digest {
		return m, damaged("the state in %s has digest %x, its manifest says %x", journal.SnapshotKey(m.Slot), s.state.Digest(), m.Digest)
	}
	return m, nil
}

// goOn reads what was added to the journal since, and gives the state after it. The one before is not changed. Where a newer snapshot
// stands for what was added, as it does after half an hour of a journal in use, it goes on from that.
func (s *second) goOn(ctx context.Context) (*meta.State, error) {
	before := s.state
	s.state = before.Fork()
	err := s.tail(ctx)
	for try := 1; errors.Is(err, errMoved) && try <= restarts; try++ {
		if _, err = s.load(ctx); err == nil {
			err = s.tail(ctx)
		}
	}
	if finding(err) || err == nil && s.state.Slot < before.Slot {
		return nil, errMoved // look at all of it again: it is damaged, or was taken away
	}
	return s.state, err
}

// tail applies what comes after the snapshot. Where the first reading ended both must have come to the same.
func (s *second) tail(ctx context.Context) error {
	s.log.ReadAhead(readsAtOnce, readsAtOnce)
	for {
		if err := s.meets(); err != nil {
			return err
		}
		e, status, err := s.log.Next(ctx)
		switch {
		case err != nil:
			return stops(ctx, err)
		case status == journal.Reload:
			return errMoved
		case status == journal.Absent:
			s.end, _ = s.log.Position()
			if err := s.state.Check(); err != nil {
				return damaged("the state after slot %d contradicts itself: %v", s.state.Slot, err)
			}
			return nil
		case e.Void:
			continue
		}
		if err := apply(s.state, e); err != nil {
			if beyond(err) {
				return fmt.Errorf("%s: %w", journal.EntryKey(e.Slot), err)
			}
			return damaged("%s does not fit the state before it: %v", journal.EntryKey(e.Slot), err)
		}
		s.report.Level = e.Level
		s.step("reading the journal again", 1)
	}
}

// meets compares with the first reading at the slot where that ended.
func (s *second) meets() error {
	first := s.folder.state
	slot, chain := s.log.Position()
	if first == nil || s.compared || slot != s.last {
		return nil
	}
	s.compared = true
	s.report.DigestsCompared++
	if s.state.Digest() != first.Digest() || chain != s.chain {
		return damaged("up to slot %d the journal comes to digest %x and chain %x in this check, and to %x and %x for agents",
			slot, first.Digest(), s.chain[:8], s.state.Digest(), chain[:8])
	}
	return nil
}

// stops makes an error of package journal a finding, if it is about what lies in the bucket: an agent would stop with it.
func stops(ctx context.Context, err error) error {
	unread, ok := errors.AsType[*objstore.Error](err)
	if ctx.Err() != nil || beyond(err) || ok && unread.Kind != objstore.NotFound || base.KindOf(err) != base.StorageError {
		return err
	}
	return damaged("%v", err)
}
