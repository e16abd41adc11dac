package meta_test

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// decided decides c in a fork of s, at slot, and gives the state after it.
func decided(t *testing.T, s *meta.State, slot base.Slot, c meta.Command) (*meta.State, *meta.Verdict) {
	t.Helper()
	next := s.Fork()
	next.Begin(slot, base.Millis(slot)*1000)
	o, isNew := meta.Decide(next, c, next.Time, meta.NewRules(nil, nil))
	if !isNew {
		return s, o.Verdict
	}
	if err := next.Apply(&o); err != nil {
		t.Fatal(err)
	}
	if err := next.Check(); err != nil {
		t.Fatal(err)
	}
	return next, o.Verdict
}

// registered gives a state with one agent, of incarnation 1.
func registered(t *testing.T) *meta.State {
	t.Helper()
	s, v := decided(t, meta.New(), 1, meta.Command{Op: &admin.Register{}})
	if v.Admin.Incarnation != 1 {
		t.Fatalf("incarnation %d", v.Admin.Incarnation)
	}
	return s
}

func renew(number, watermark uint64) meta.Command {
	return meta.Command{From: 1, Number: number, Watermark: watermark, Op: &admin.Renew{}}
}

func TestSessionKnowsNoVerdictBeforeTheFirstCommand(t *testing.T) {
	s := registered(t)
	for number := range uint64(3) {
		if v := s.Verdict(1, number); v != nil {
			t.Errorf("verdict on command %d: %+v", number, v)
		}
	}
}

func TestSessionTakesEachCommandOnce(t *testing.T) {
	s := registered(t)
	s, first := decided(t, s, 2, renew(1, 0))
	s, _ = decided(t, s, 3, renew(2, 0))
	if _, repeated := decided(t, s, 4, renew(1, 0)); repeated != first {
		t.Errorf("a repeat got another verdict than the first: %+v", repeated)
	}
	if _, v := decided(t, s, 4, renew(4, 0)); v.Kind() != base.NumberGap {
		t.Errorf("command 4 after 2: %v", v.Kind())
	}
	stranger := renew(1, 0)
	stranger.From = 9
	if _, v := decided(t, s, 4, stranger); v.Kind() != base.SessionGone {
		t.Errorf("command of an agent that is not registered: %v", v.Kind())
	}
}

func TestSessionKeepsVerdictsAboveTheWatermark(t *testing.T) {
	s := registered(t)
	for number := uint64(1); number <= 4; number++ {
		s, _ = decided(t, s, base.Slot(number+1), renew(number, number/2))
	}
	for number, want := range map[uint64]bool{0: false, 1: false, 2: false, 3: true, 4: true, 5: false} {
		if got := s.Verdict(1, number) != nil; got != want {
			t.Errorf("verdict on command %d is kept: %t", number, got)
		}
	}
}
