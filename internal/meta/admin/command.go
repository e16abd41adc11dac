package admin

import (
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Command is what may be asked of the room.
type Command interface {
	Tag() uint8
	Encode(w *codec.Writer)
}

// The tags of the commands, never reused.
const (
	tagRegister     uint8 = 192
	tagRenew        uint8 = 193
	tagDeregister   uint8 = 194
	tagExpire       uint8 = 195
	tagAlterCluster uint8 = 196
	tagChallenge    uint8 = 197
)

// Register asks for an incarnation. It is the one command that comes from no incarnation.
type Register struct{ Profile }

// Renew extends the sender's registration: by ActiveLease, or by IdleLease for an agent that has nothing to do.
type Renew struct{ Idle bool }

// Deregister ends the sender's registration: the last command of a drained agent.
type Deregister struct{}

// Expire ends another agent's registration: because its promise to renew has passed, or because the sender saw its
// connection break. Expiring a live agent is safe: it registers anew.
type Expire struct {
	Incarnation base.Incarnation
	Broken      bool
}

// Challenge asks an idle agent to show that it lives: its promise is cut to ChallengeLease, and it renews when it sees
// that. Asked when a client may have lost that agent and nobody has a connection to it.
type Challenge struct{ Incarnation base.Incarnation }

// AlterCluster changes the configs that hold for all brokers.
type AlterCluster struct {
	Replace bool
	Ops     []config.Op
}

func (*Register) Tag() uint8     { return tagRegister }
func (*Renew) Tag() uint8        { return tagRenew }
func (*Deregister) Tag() uint8   { return tagDeregister }
func (*Expire) Tag() uint8       { return tagExpire }
func (*AlterCluster) Tag() uint8 { return tagAlterCluster }
func (*Challenge) Tag() uint8    { return tagChallenge }

func (c *Register) Encode(w *codec.Writer) { c.Profile.encode(w) }

// texts are the fields of p that are text, in the order of the format.
func (p *Profile) texts() [6]*string {
	return [...]*string{&p.Kafka, &p.Peer, &p.HTTP, &p.Zone, &p.Group, &p.Version}
}

func (p *Profile) encode(w *codec.Writer) {
	w.Raw(p.Nonce[:])
	for _, v := range p.texts() {
		w.String(*v)
	}
	w.Uint8(uint8(p.Roles))
	w.Uint16(p.Level)
}

func (p *Profile) decode(r *codec.Reader) {
	r.Fixed(p.Nonce[:])
	for _, v := range p.texts() {
		*v = r.String()
	}
	p.Roles, p.Level = Roles(r.Uint8()), r.Uint16()
}

func (c *Renew) Encode(w *codec.Writer)    { w.Bool(c.Idle) }
func (c *Deregister) Encode(*codec.Writer) {}
func (c *Expire) Encode(w *codec.Writer) {
	w.Uvarint(uint64(c.Incarnation))
	w.Bool(c.Broken)
}

func (c *Challenge) Encode(w *codec.Writer) { w.Uvarint(uint64(c.Incarnation)) }

func (c *AlterCluster) Encode(w *codec.Writer) {
	w.Bool(c.Replace)
	config.EncodeOps(w, c.Ops)
}

// getIncarnation takes an unsigned varint that must fit 32 bits.
func getIncarnation(r *codec.Reader) base.Incarnation {
	v := r.Uvarint()
	if v > math.MaxUint32 {
		malformed(r)
		return 0
	}
	return base.Incarnation(v)
}

// malformed puts r into the state that follows a malformed value.
func malformed(r *codec.Reader) { r.B, r.Err = nil, codec.ErrMalformed }

// DecodeCommand reads the fields of the command of that tag. Errors are r.Err's; an unknown tag gives nil.
func DecodeCommand(tag uint8, r *codec.Reader) Command {
	switch tag {
	case tagRegister:
		c := &Register{}
		c.Profile.decode(r)
		return c
	case tagRenew:
		return &Renew{Idle: r.Bool()}
	case tagDeregister:
		return &Deregister{}
	case tagExpire:
		return &Expire{Incarnation: getIncarnation(r), Broken: r.Bool()}
	case tagChallenge:
		return &Challenge{Incarnation: getIncarnation(r)}
	case tagAlterCluster:
		return &AlterCluster{Replace: r.Bool(), Ops: config.DecodeOps(r)}
	}
	return nil
}
