package meta_test

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// A registration that is sent twice, because its answer was lost, gets one incarnation; after the agent was expired the
// same nonce gets a new one.
func TestRegistrationIsRepeatable(t *testing.T) {
	register := meta.Command{Op: &admin.Register{Profile: admin.Profile{Nonce: [16]byte{7}}}}
	s, v := decided(t, meta.New(), 1, register)
	if v.Admin.Incarnation != 1 {
		t.Fatalf("%+v", v.Admin)
	}
	again, v := decided(t, s, 2, register)
	if again != s || v.Admin.Incarnation != 1 {
		t.Fatalf("the repeat got %+v", v.Admin)
	}
	s, _ = decided(t, s, 2, meta.Command{From: 1, Number: 1, Op: &admin.Deregister{}})
	if _, v := decided(t, s, 3, register); v.Admin.Incarnation != 2 {
		t.Fatalf("after it went: %+v", v.Admin)
	}
}

// An agent that went has no session: nothing it sent before is decided after.
func TestSessionEndsWithTheAgent(t *testing.T) {
	s := registered(t)
	s, v := decided(t, s, 2, meta.Command{From: 1, Number: 1, Op: &admin.Deregister{}})
	if v.Kind() != base.OK {
		t.Fatal(v.Kind())
	}
	for _, number := range []uint64{1, 2} {
		if _, v := decided(t, s, 3, renew(number, 0)); v.Kind() != base.SessionGone {
			t.Errorf("command %d of an agent that went: %v", number, v.Kind())
		}
	}
	if _, live := s.Session(1); live {
		t.Error("the session is there")
	}
}

// An idle agent's promise lasts as long as it said, also past its next commands; an active one's is short.
func TestLeases(t *testing.T) {
	s := registered(t)
	s, _ = decided(t, s, 2, meta.Command{From: 1, Number: 1, Op: &admin.Renew{Idle: true}})
	a, _ := s.Admin.Agent(1)
	if !a.Idle || a.RenewBy != 2000+admin.IdleLease {
		t.Fatalf("idle: %+v", a)
	}
	s, _ = decided(t, s, 3, meta.Command{From: 1, Number: 2, Op: &log.AllocateProducerIDs{Count: 1}})
	if a, _ = s.Admin.Agent(1); !a.Idle || a.RenewBy != 3000+admin.IdleLease {
		t.Fatalf("idle, after a command: %+v", a)
	}
	s, _ = decided(t, s, 4, renew(3, 0))
	if a, _ = s.Admin.Agent(1); a.Idle || a.RenewBy != 4000+admin.ActiveLease {
		t.Fatalf("active: %+v", a)
	}
}

// The offsets of a deleted topic go in the same entry.
func TestDeletedTopicTakesItsOffsets(t *testing.T) {
	s, id := registered(t), base.TopicID{1}
	s, _ = decided(t, s, 2, meta.Command{From: 1, Number: 1, Op: &log.CreateTopic{Name: "t", ID: id, Partitions: 1}})
	s, v := decided(t, s, 3, meta.Command{From: 1, Number: 2, Op: &group.OffsetCommit{Group: "g", Generation: -1, RetentionMs: -1,
		Partitions: []group.CommitPartition{{Topic: id, Offset: 5}}}})
	if v.Kind() != base.OK || s.Groups.Get("g").OffsetCount() != 1 {
		t.Fatalf("%v, %d offsets", v.Kind(), s.Groups.Get("g").OffsetCount())
	}
	s, _ = decided(t, s, 4, meta.Command{From: 1, Number: 3, Op: &log.DeleteTopic{ID: id}})
	if g := s.Groups.Get("g"); g != nil && g.OffsetCount() != 0 {
		t.Errorf("%d offsets of a deleted topic are kept", g.OffsetCount())
	}
}

// The state's clock does not go back with an entry whose writer's clock lags.
func TestClockOnlyMovesForward(t *testing.T) {
	s := meta.New()
	s.Begin(1, 5000)
	s.Begin(2, 3000)
	if s.Time != 5000 || s.Slot != 2 {
		t.Errorf("time %d at slot %d", s.Time, s.Slot)
	}
}

// An entry whose command does not follow on its agent's last is refused by replicas, too.
func TestReplicaRefusesAGap(t *testing.T) {
	s := registered(t)
	if err := s.Fork().Apply(&meta.Outcome{From: 1, Number: 2, Verdict: &meta.Verdict{Log: &log.Reply{}}}); err == nil {
		t.Error("command 2 was applied before command 1")
	}
}

// Verdicts that do not fit one part are cut into several and come back.
func TestManyVerdicts(t *testing.T) {
	s := registered(t).Fork()
	big := &log.Reply{Batches: make([]log.BatchReply, 5000)}
	for number := uint64(1); number <= 600; number++ {
		if err := s.Apply(&meta.Outcome{From: 1, Number: number, Verdict: &meta.Verdict{Log: big}}); err != nil {
			t.Fatal(err)
		}
	}
	parts := dump(s)
	if len(parts["meta/verdicts/0001"]) == 0 {
		t.Fatal("all verdicts went into one part")
	}
	var keys []string
	for k, body := range parts {
		keys = append(keys, k)
		if len(body) > 16<<20 {
			t.Errorf("part %s has %d bytes", k, len(body))
		}
	}
	back, err := restore(parts, keys)
	if err != nil {
		t.Fatal(err)
	}
	if v := back.Verdict(1, 600); v == nil || len(v.Log.Batches) != 5000 {
		t.Errorf("%+v", v)
	}
	delete(parts, "meta/verdicts/0001")
	keys = keys[:0]
	for k := range parts {
		keys = append(keys, k)
	}
	if _, err := restore(parts, keys); err == nil {
		t.Error("a snapshot without all verdicts was taken")
	}
}
