package admin

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Event is a fact, already decided.
type Event interface {
	Tag() uint8
	Encode(w *codec.Writer)
}

// The tags of the events, never reused.
const (
	tagRegistered     uint8 = 192
	tagRenewed        uint8 = 193
	tagGone           uint8 = 194
	tagClusterAltered uint8 = 195
)

// Registered: an agent has got its incarnation.
type Registered struct {
	Incarnation base.Incarnation
	At          base.Millis
	Profile     Profile
}

// Renewed: the agent's promise now reaches to By.
type Renewed struct {
	Incarnation base.Incarnation
	By          base.Millis
	Idle        bool
}

// Gone: the agent is not registered any more.
type Gone struct{ Incarnation base.Incarnation }

// ClusterAltered: the configs for all brokers are now exactly these.
type ClusterAltered struct{ Configs []config.KV }

func (*Registered) Tag() uint8     { return tagRegistered }
func (*Renewed) Tag() uint8        { return tagRenewed }
func (*Gone) Tag() uint8           { return tagGone }
func (*ClusterAltered) Tag() uint8 { return tagClusterAltered }

func (e *Registered) Encode(w *codec.Writer) {
	w.Uvarint(uint64(e.Incarnation))
	w.Varint(int64(e.At))
	e.Profile.encode(w)
}

func (e *Renewed) Encode(w *codec.Writer) {
	w.Uvarint(uint64(e.Incarnation))
	w.Varint(int64(e.By))
	w.Bool(e.Idle)
}

func (e *Gone) Encode(w *codec.Writer) { w.Uvarint(uint64(e.Incarnation)) }

func (e *ClusterAltered) Encode(w *codec.Writer) { config.EncodeKVs(w, e.Configs) }

// DecodeEvent reads the fields of the event of that tag. Errors are r.Err's; an unknown tag gives nil.
func DecodeEvent(tag uint8, r *codec.Reader) Event {
	switch tag {
	case tagRegistered:
		e := &Registered{Incarnation: getIncarnation(r), At: base.Millis(r.Varint())}
		e.Profile.decode(r)
		return e
	case tagRenewed:
		return &Renewed{Incarnation: getIncarnation(r), By: base.Millis(r.Varint()), Idle: r.Bool()}
	case tagGone:
		return &Gone{Incarnation: getIncarnation(r)}
	case tagClusterAltered:
		return &ClusterAltered{Configs: config.DecodeKVs(r)}
	}
	return nil
}

func (s *State) noteEvent(e Event) {
	var w codec.Writer
	e.Encode(&w)
	s.note(e.Tag(), noteBytes(w.B))
}

// Apply changes the state by one event. An error means that the journal and this code disagree.
func (s *State) Apply(e Event) error {
	switch e := e.(type) {
	case *Registered:
		if _, known := s.ByNonce(e.Profile.Nonce); e.Incarnation != s.next || known {
			return fmt.Errorf("admin: incarnation %d issued, the next is %d; its nonce is known: %t", e.Incarnation, s.next, known)
		}
		s.next++
		s.agents.Set(uint32(e.Incarnation), &Agent{Profile: e.Profile, Incarnation: e.Incarnation, Registered: e.At, RenewBy: e.At + ActiveLease})
		s.noteEvent(e)
	case *Renewed:
		a, ok := s.Agent(e.Incarnation)
		if !ok {
			return fmt.Errorf("admin: renewed incarnation %d is not registered", e.Incarnation)
		}
		s.renew(a, e.By, e.Idle)
	case *Gone:
		if _, ok := s.agents.Delete(uint32(e.Incarnation)); !ok {
			return fmt.Errorf("admin: incarnation %d went and was not registered", e.Incarnation)
		}
		if plant.LeftOut(plant.NewIncarnations) && e.Incarnation+1 == s.next {
			s.next--
		}
		s.noteEvent(e)
	case *ClusterAltered:
		s.configs = e.Configs
		s.noteEvent(e)
	default:
		return fmt.Errorf("admin: no rule to apply an event of tag %d", e.Tag())
	}
	return nil
}
