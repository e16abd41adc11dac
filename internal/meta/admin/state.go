package admin

import (
	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Leases: an agent that serves clients renews every 3 s and may be expired after three of these and a bit; an idle one
// says a word every four minutes or so, and within ChallengeLease when it is asked to: it looks at the journal every 10 s.
// Any command of an agent renews it.
const (
	ActiveLease    base.Millis = 10_000
	IdleLease      base.Millis = 300_000
	ChallengeLease base.Millis = 14_000
)

// Roles are what an agent does, as bits.
type Roles uint8

const (
	RoleProduce Roles = 1 << iota
	RoleFetch
	RoleJobs
	RoleSequence
	AllRoles = RoleProduce | RoleFetch | RoleJobs | RoleSequence
)

// Profile is what an agent says of itself when it registers.
type Profile struct {
	Nonce   [16]byte // drawn by the agent: a repeated registration gets the same incarnation
	Kafka   string   // host:port for clients
	Peer    string   // host:port for other agents; empty: it has no agent-to-agent traffic
	HTTP    string   // host:port of its pages; empty if none
	Zone    string
	Group   string // agent group
	Roles   Roles
	Level   uint16 // the feature level it knows
	Version string
}

// Agent is one registered agent. Views share it: read only.
type Agent struct {
	Profile
	Incarnation base.Incarnation
	Registered  base.Millis
	RenewBy     base.Millis // it may be expired after this
	Idle        bool        // its last renewal was that of an idle agent
}

// State is the fold of the room's events.
type State struct {
	agents  btree.Map[uint32, *Agent]
	next    base.Incarnation // issued next; from 1
	configs []config.KV      // altered for all brokers, sorted by name
	digest  uint64
}

// New is the state before any event.
func New() *State { return &State{next: 1} }

// Fork gives a state that is equal and may be changed; the receiver never changes again.
func (s *State) Fork() *State {
	f := *s
	f.agents = *s.agents.Copy()
	return &f
}

// Agent looks a registered agent up.
func (s *State) Agent(i base.Incarnation) (*Agent, bool) { return s.agents.Get(uint32(i)) }

// Live reports whether the incarnation is registered.
func (s *State) Live(i base.Incarnation) bool {
	_, ok := s.agents.Get(uint32(i))
	return ok
}

// Agents lists the registered agents by incarnation.
func (s *State) Agents() []*Agent { return s.agents.Values() }

// ByNonce finds the agent that registered with the nonce.
func (s *State) ByNonce(nonce [16]byte) (found *Agent, ok bool) {
	s.agents.Scan(func(_ uint32, a *Agent) bool {
		if a.Nonce == nonce {
			found, ok = a, true
		}
		return !ok
	})
	return found, ok
}

// Configs are the settings altered for all brokers, sorted by name.
func (s *State) Configs() []config.KV { return s.configs }

// Level is the feature level that every registered agent knows; own when there is none.
func (s *State) Level(own uint16) uint16 {
	s.agents.Scan(func(_ uint32, a *Agent) bool {
		own = min(own, a.Level)
		return true
	})
	return own
}

// Digest is a running hash over what was applied.
func (s *State) Digest() uint64 { return s.digest }

// Seen renews the agent that a command came from, at the time of the entry that bears it. An idle one stays idle: it
// says itself when it begins to serve.
func (s *State) Seen(i base.Incarnation, at base.Millis) {
	a, ok := s.agents.Get(uint32(i))
	if !ok {
		return
	}
	by := at + ActiveLease
	if a.Idle {
		by = at + IdleLease
	}
	if a.RenewBy < by {
		s.renew(a, by, a.Idle)
	}
}

func (s *State) renew(a *Agent, by base.Millis, idle bool) {
	n := *a
	n.RenewBy, n.Idle = by, idle
	s.agents.Set(uint32(n.Incarnation), &n)
	flag := uint64(0)
	if idle {
		flag = 1
	}
	s.note(tagRenewed, uint64(n.Incarnation), uint64(by), flag)
}

func (s *State) note(tag uint8, values ...uint64) {
	h := s.digest ^ uint64(tag)*0x9E3779B97F4A7C15
	for _, v := range values {
		h = (h ^ v) * 0xFF51AFD7ED558CCD
		h ^= h >> 32
	}
	s.digest = h
}

func noteBytes(b []byte) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}
