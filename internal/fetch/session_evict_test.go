package fetch

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
)

// in runs f in a simulation, whose time passes at no cost.
func in(t *testing.T, f func(e env.Env)) {
	t.Helper()
	if err := sim.NewWorld(1).Run(func(p *sim.Proc) { f(p) }); err != nil {
		t.Fatal(err)
	}
}

func open(s *sessions, partitions int) int32 {
	q := &Request{Partitions: make([]Want, partitions)}
	for i := range q.Partitions {
		q.Partitions[i].Partition = int32(i)
	}
	sitting, _ := s.begin(q)
	return s.finish(q, sitting, make([]Fetched, partitions)).SessionID
}

func (s *sessions) has(id int32) bool { return s.byID[id] != nil }

func TestSessionsAreBounded(t *testing.T) {
	in(t, func(e env.Env) {
		s := newSessions(e, 2)
		small, large := open(s, 1), open(s, 5)
		if id := open(s, 9); id != 0 {
			t.Error("a session was made at the cost of one that is young and in use")
		}
		// Both are old now; the large one is in use.
		e.Sleep(sessionStale + time.Second)
		if _, k := s.begin(&Request{SessionID: large, SessionEpoch: 1}); k != base.OK {
			t.Fatal(k)
		}
		if _, k := s.begin(&Request{SessionID: small, SessionEpoch: 1}); k != base.OK {
			t.Fatal(k)
		}
		if open(s, 1) != 0 {
			t.Error("a session was made at the cost of one of its own size")
		}
		third := open(s, 3)
		if third == 0 || s.has(small) || !s.has(large) {
			t.Error("a larger session takes the place of the smallest that had its time")
		}
		e.Sleep(sessionStale + time.Second)
		if _, k := s.begin(&Request{SessionID: third, SessionEpoch: 1}); k != base.OK {
			t.Fatal(k)
		}
		if open(s, 1) == 0 || s.has(large) || !s.has(third) {
			t.Error("any session takes the place of one that is not used")
		}
		if n, evicted := s.count(); n != 2 || evicted != 2 {
			t.Errorf("%d sessions, %d evicted", n, evicted)
		}
	})
}

func TestEpochsGoRoundWithoutTheSpecialOnes(t *testing.T) {
	if nextEpoch(1<<31-1) != 1 || nextEpoch(1) != 2 {
		t.Fatal("after the last comes the first")
	}
}

// A repeated request overtakes the first while that waits: the first must not be answered as if it were current.
func TestRepeatedRequestOvertakes(t *testing.T) {
	in(t, func(e env.Env) {
		s := newSessions(e, 2)
		id := open(s, 1)
		first, _ := s.begin(&Request{SessionID: id, SessionEpoch: 1})
		if _, k := s.begin(&Request{SessionID: id, SessionEpoch: 2}); k != base.OK {
			t.Fatal(k)
		}
		if r := s.finish(&Request{SessionID: id, SessionEpoch: 1}, first, make([]Fetched, 1)); r.Kind != base.InvalidFetchSessionEpoch {
			t.Fatalf("%+v", r)
		}
	})
}
