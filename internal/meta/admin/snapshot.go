package admin

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// PartKey is the one snapshot part of this room: next incarnation, digest, configs, then the agents: incarnation,
// profile, registered, renew by, idle.
const PartKey = "admin"

// Encode writes the part.
func (s *State) Encode() []byte {
	var w codec.Writer
	w.Uvarint(uint64(s.next))
	w.Uint64(s.digest)
	config.EncodeKVs(&w, s.configs)
	w.Uvarint(uint64(s.agents.Len()))
	for _, a := range s.Agents() {
		w.Uvarint(uint64(a.Incarnation))
		a.Profile.encode(&w)
		w.Varint(int64(a.Registered))
		w.Varint(int64(a.RenewBy))
		w.Bool(a.Idle)
	}
	return w.B
}

// Restore reads what Encode wrote.
func Restore(body []byte) (*State, error) {
	r := &codec.Reader{B: body}
	s := &State{next: getIncarnation(r), digest: r.Uint64(), configs: config.DecodeKVs(r)}
	n := r.Count(26)
	for i := 0; i < n; i++ {
		a := &Agent{Incarnation: getIncarnation(r)}
		a.Profile.decode(r)
		a.Registered, a.RenewBy, a.Idle = base.Millis(r.Varint()), base.Millis(r.Varint()), r.Bool()
		if _, twice := s.agents.Set(uint32(a.Incarnation), a); twice {
			malformed(r)
		}
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("admin: snapshot part: %w", err)
	}
	return s, s.Check()
}

// Check holds the state against its invariants: incarnations are below the next one, nonces differ.
func (s *State) Check() error {
	for _, a := range s.Agents() {
		if by, _ := s.ByNonce(a.Nonce); by != a {
			return fmt.Errorf("admin: agents %d and %d have one nonce", by.Incarnation, a.Incarnation)
		}
		if a.Incarnation == 0 || a.Incarnation >= s.next {
			return fmt.Errorf("admin: agent %d is registered, the next incarnation is %d", a.Incarnation, s.next)
		}
	}
	return nil
}
