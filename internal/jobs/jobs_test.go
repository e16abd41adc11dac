package jobs

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// cluster is a state with agents of these roles, numbered from 1 on.
func cluster(t *testing.T, roles ...admin.Roles) *meta.State {
	t.Helper()
	s := meta.New()
	for i, r := range roles {
		s.Begin(base.Slot(i+1), 1000)
		o, _ := meta.Decide(s, meta.Command{Op: &admin.Register{Profile: admin.Profile{Nonce: [16]byte{byte(i + 1)}, Kafka: "a:1", Roles: r, Level: meta.FeatureLevel}}}, 1000, meta.NewRules(nil, nil))
		if err := s.Apply(&o); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestShare: every piece is one agent's, each has its part, and nothing is anybody's who lacks the role or was not heard of.
func TestShare(t *testing.T) {
	const pieces = 3000
	v := cluster(t, admin.AllRoles, admin.AllRoles, admin.AllRoles&^admin.RoleJobs, admin.AllRoles)
	shares := map[base.Incarnation]int{}
	for piece := range uint64(pieces) {
		owners := 0
		for self := base.Incarnation(1); self <= 5; self++ {
			if Share(v, self, 2000)(piece) {
				owners++
				shares[self]++
			}
		}
		if owners != 1 {
			t.Fatalf("piece %d is that of %d agents", piece, owners)
		}
	}
	for _, self := range []base.Incarnation{1, 2, 4} {
		if n := shares[self]; n < pieces/4 || n > pieces/2 {
			t.Errorf("agent %d has %d of %d pieces", self, n, pieces)
		}
	}
	if len(shares) != 3 {
		t.Errorf("shares %v", shares)
	}
	late := base.Millis(1000) + admin.IdleLease + admin.ActiveLease + admin.ChallengeLease
	for piece := range uint64(100) {
		if !Share(v, 2, late)(piece) {
			t.Fatalf("piece %d of agents that are not heard of is not taken over", piece)
		}
	}
}

// TestShareChangesLittle: with an agent that comes the others only lose what it gets.
func TestShareChangesLittle(t *testing.T) {
	before, after := cluster(t, admin.AllRoles, admin.AllRoles), cluster(t, admin.AllRoles, admin.AllRoles, admin.AllRoles)
	for piece := range uint64(1000) {
		for self := base.Incarnation(1); self <= 2; self++ {
			if Share(after, self, 2000)(piece) && !Share(before, self, 2000)(piece) {
				t.Fatalf("piece %d has gone to agent %d, which was there before", piece, self)
			}
		}
	}
}

// TestMine: it is the first that has the role and is heard of.
func TestMine(t *testing.T) {
	v := cluster(t, admin.AllRoles&^admin.RoleJobs, admin.AllRoles, admin.AllRoles)
	for self, want := range map[base.Incarnation]bool{1: false, 2: true, 3: false, 9: false} {
		if got := Mine(v, self, 2000); got != want {
			t.Errorf("agent %d: %t", self, got)
		}
	}
}
