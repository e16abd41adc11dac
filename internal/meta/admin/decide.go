package admin

import (
	"fmt"
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Reply is the answer to a command. Kind is base.OK or why it was refused; Text says it to people.
type Reply struct {
	Kind        base.Kind
	Text        string
	Incarnation base.Incarnation // Register
}

// Encode writes the reply.
func (p *Reply) Encode(w *codec.Writer) {
	w.Varint(int64(p.Kind))
	w.String(p.Text)
	w.Uvarint(uint64(p.Incarnation))
}

// DecodeReply reads what Encode wrote. Errors are r.Err's.
func DecodeReply(r *codec.Reader) *Reply {
	kind := r.Varint()
	if kind < math.MinInt16 || kind > math.MaxInt16 {
		malformed(r)
	}
	return &Reply{Kind: base.Kind(kind), Text: r.String(), Incarnation: getIncarnation(r)}
}

// MaxAgents bounds the registered agents: ten times what one journal is made for. MaxProfileBytes bounds each text of a
// profile, well above a host name's 253 characters and a port: every agent keeps the profiles of all.
const (
	MaxAgents       = 1000
	MaxProfileBytes = 512
)

// Decide says what follows from command c of incarnation from in state s at bucket time now, with the
// broker-wide settings b. It changes nothing.
func Decide(s *State, c Command, from base.Incarnation, now base.Millis, b config.Broker) ([]Event, *Reply) {
	switch c := c.(type) {
	case *Register:
		return s.decideRegister(c, now)
	case *Renew:
		if !s.Live(from) {
			return nil, notRegistered(from)
		}
		by := now + ActiveLease
		if c.Idle {
			by = now + IdleLease
		}
		return []Event{&Renewed{Incarnation: from, By: by, Idle: c.Idle}}, &Reply{}
	case *Deregister:
		if !s.Live(from) {
			return nil, notRegistered(from)
		}
		return []Event{&Gone{Incarnation: from}}, &Reply{}
	case *Expire:
		return s.decideExpire(c, from, now)
	case *Challenge:
		return s.decideChallenge(c, from, now)
	case *AlterCluster:
		return s.decideAlter(c, b)
	}
	return nil, &Reply{Kind: base.UnknownServerError, Text: fmt.Sprintf("no rule for a command of tag %d", c.Tag())}
}

func notRegistered(i base.Incarnation) *Reply {
	return &Reply{Kind: base.SessionGone, Text: fmt.Sprintf("incarnation %d is not registered", i)}
}

func (s *State) decideRegister(c *Register, now base.Millis) ([]Event, *Reply) {
	if a, ok := s.ByNonce(c.Nonce); ok {
		return nil, &Reply{Incarnation: a.Incarnation}
	}
	for _, text := range c.Profile.texts() {
		if len(*text) > MaxProfileBytes {
			return nil, &Reply{Kind: base.InvalidRequest, Text: fmt.Sprintf("an address, name, zone or version of the agent has %d bytes, the most is %d", len(*text), MaxProfileBytes)}
		}
	}
	if s.agents.Len() >= MaxAgents {
		return nil, &Reply{Kind: base.PolicyViolation, Text: fmt.Sprintf("%d agents are registered, the most there may be", MaxAgents)}
	}
	return []Event{&Registered{Incarnation: s.next, At: now, Profile: c.Profile}}, &Reply{Incarnation: s.next}
}

func (s *State) decideExpire(c *Expire, from base.Incarnation, now base.Millis) ([]Event, *Reply) {
	a, ok := s.Agent(c.Incarnation)
	if !ok || c.Incarnation == from || (!c.Broken && now <= a.RenewBy) {
		return nil, &Reply{}
	}
	return []Event{&Gone{Incarnation: c.Incarnation}}, &Reply{}
}

func (s *State) decideChallenge(c *Challenge, from base.Incarnation, now base.Millis) ([]Event, *Reply) {
	a, ok := s.Agent(c.Incarnation)
	by := now + ChallengeLease
	if !ok || !a.Idle || c.Incarnation == from || a.RenewBy <= by {
		return nil, &Reply{}
	}
	return []Event{&Renewed{Incarnation: c.Incarnation, By: by, Idle: true}}, &Reply{}
}

func (s *State) decideAlter(c *AlterCluster, b config.Broker) ([]Event, *Reply) {
	var configs []config.KV
	var err error
	if c.Replace {
		configs, err = config.ReplaceBroker(c.Ops, b)
	} else {
		configs, err = config.ApplyBroker(s.configs, c.Ops, b)
	}
	if err != nil {
		return nil, &Reply{Kind: base.KindOf(err), Text: err.Error()}
	}
	return []Event{&ClusterAltered{Configs: configs}}, &Reply{}
}
