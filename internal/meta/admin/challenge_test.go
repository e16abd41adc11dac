package admin_test

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// idlePair gives a state with an idle agent 1 and an active agent 2, at time 0.
func idlePair(t *testing.T) *admin.State {
	t.Helper()
	s := admin.New()
	for i := base.Incarnation(1); i <= 2; i++ {
		decide(t, s, &admin.Register{Profile: admin.Profile{Nonce: [16]byte{byte(i)}}}, 0, 0)
	}
	decide(t, s, &admin.Renew{Idle: true}, 1, 0)
	return s
}

func decide(t *testing.T, s *admin.State, c admin.Command, from base.Incarnation, now base.Millis) {
	t.Helper()
	events, r := admin.Decide(s, c, from, now, config.NewBroker(nil, nil))
	if r.Kind != base.OK {
		t.Fatalf("%T: %v %s", c, r.Kind, r.Text)
	}
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
}

// A challenge cuts the promise of an idle agent, which stays idle, and never prolongs one.
func TestChallenge(t *testing.T) {
	for _, c := range []struct {
		name     string
		of, from base.Incarnation
		now      base.Millis
		want     base.Millis
	}{
		{"idle", 1, 2, 1_000, 1_000 + admin.ChallengeLease},
		{"idle, about to end anyway", 1, 2, admin.IdleLease - admin.ChallengeLease, admin.IdleLease},
		{"active", 2, 1, 0, admin.ActiveLease},
		{"oneself", 1, 1, 1_000, admin.IdleLease},
	} {
		s := idlePair(t)
		before, _ := s.Agent(c.of)
		decide(t, s, &admin.Challenge{Incarnation: c.of}, c.from, c.now)
		if a, _ := s.Agent(c.of); a.RenewBy != c.want || a.Idle != before.Idle {
			t.Errorf("%s: renew by %d, idle %t; want %d, %t", c.name, a.RenewBy, a.Idle, c.want, before.Idle)
		}
	}
	s := idlePair(t)
	decide(t, s, &admin.Challenge{Incarnation: 9}, 1, 0)
	decide(t, s, &admin.Challenge{Incarnation: 1}, 2, 1_000)
	decide(t, s, &admin.Renew{Idle: true}, 1, 2_000)
	if a, _ := s.Agent(1); a.RenewBy != 2_000+admin.IdleLease {
		t.Errorf("a challenged agent that renewed has until %d", a.RenewBy)
	}
}

func TestChallengeTravels(t *testing.T) {
	var w codec.Writer
	c := &admin.Challenge{Incarnation: 77}
	c.Encode(&w)
	r := &codec.Reader{B: w.B}
	if got, ok := admin.DecodeCommand(c.Tag(), r).(*admin.Challenge); !ok || *got != *c || r.Done() != nil {
		t.Fatalf("%+v %v", got, r.Done())
	}
}
