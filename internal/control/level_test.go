package control_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// The present version, and one to come.
const (
	present = meta.FeatureLevel
	next    = present + 1
)

// versions is a bucket that agents of several versions share.
type versions struct {
	t       *testing.T
	main    *sim.Proc
	store   *memstore.Store
	cluster journal.Cluster
}

func withVersions(t *testing.T, f func(v *versions)) {
	t.Helper()
	w := sim.NewWorld(1)
	v := &versions{t: t, store: memstore.New(func() time.Time { return time.Unix(1_700_000_000, 0).Add(w.Elapsed()) })}
	err := w.Run(func(main *sim.Proc) {
		var err error
		if v.cluster, err = journal.OpenCluster(context.Background(), main, v.store); err != nil {
			t.Error(err)
			return
		}
		v.main = main
		f(v)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start starts an agent that knows a level.
func (v *versions) start(level uint16) (*control.Control, error) {
	c := control.New(v.main, v.store, v.cluster, control.Config{Profile: admin.Profile{Roles: admin.AllRoles}, W: journal.W, Level: level,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, nil)
	return c, c.Start()
}

// entry reads the last entry of the journal.
func (v *versions) entry() (last journal.Entry) {
	for slot := base.Slot(1); ; slot++ {
		o, err := v.store.GetRange(context.Background(), journal.EntryKey(slot), 0, -1)
		if err != nil {
			return last
		}
		if last, err = journal.DecodeEntry(o.Body); err != nil {
			v.t.Error(err)
		}
	}
}

func wantsNewer(err error) bool {
	return base.KindOf(err) == base.UnsupportedVersion && strings.Contains(err.Error(), "start a newer one")
}

// What is written is of the level that all know who live; one who comes back and does not know it stops, and says what it needs.
func TestLevelIsThatOfTheOldestAgent(t *testing.T) {
	withVersions(t, func(v *versions) {
		renew := func(c *control.Control) uint16 {
			if verdict, err := c.Propose(&admin.Renew{}).Wait(time.Time{}); err != nil || verdict.Kind() != base.OK {
				t.Errorf("renewal: %v, %v", verdict, err)
			}
			return v.entry().Level
		}
		older, err := v.start(present)
		if err != nil {
			t.Error(err)
		}
		newer, err := v.start(next)
		if err != nil {
			t.Error(err)
		}
		if level := renew(newer); level != present {
			t.Errorf("beside an older agent an entry of level %d was written", level)
		}
		if err := older.Stop(time.Time{}); err != nil {
			t.Error(err)
		}
		if level := renew(newer); level != next {
			t.Errorf("after the older agent left an entry of level %d was written", level)
		}
		if _, err := v.start(present); !wantsNewer(err) || !strings.Contains(err.Error(), fmt.Sprintf("feature level %d", next)) {
			t.Errorf("an older agent starts: %v", err)
		}
	})
}

// future is an event of a version to come.
type future struct{}

func (future) Tag() uint8           { return 250 }
func (future) Encode(*codec.Writer) {}

// An agent that meets an event of a kind it does not know serves nobody any more, and names the version it needs.
func TestUnknownEventStopsTheAgent(t *testing.T) {
	withVersions(t, func(v *versions) {
		a, err := v.start(present)
		if err != nil {
			t.Error(err)
		}
		before := a.View()
		var p meta.Payload
		p.Add(meta.Outcome{Verdict: &meta.Verdict{Admin: &admin.Reply{}}, Events: []meta.Event{future{}}})
		last := v.entry()
		object, err := journal.EncodeEntry(journal.Header{Slot: last.Slot + 1, Prev: last.Hash, Level: present, Time: last.Time}, p.Bytes())
		if err != nil {
			t.Error(err)
		}
		if _, err := v.store.PutIfAbsent(context.Background(), journal.EntryKey(last.Slot+1), object); err != nil {
			t.Error(err)
		}
		if _, err := a.Barrier(time.Time{}); !wantsNewer(err) {
			t.Errorf("a barrier behind the event: %v", err)
		}
		if _, err := a.Propose(&admin.Renew{}).Wait(time.Time{}); !wantsNewer(err) || !wantsNewer(a.Err()) {
			t.Errorf("a command after that: %v; the agent says: %v", err, a.Err())
		}
		if a.View() != before {
			t.Error("the view moved")
		}
	})
}
