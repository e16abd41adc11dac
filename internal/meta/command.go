package meta

import (
	"fmt"
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// FeatureLevel is what this build knows: event kinds above an agent's level are never written while it lives. 2 knows riders, 3 merges.
const FeatureLevel = log.MergeLevel

// Op is a command of one of the rooms: log.Command, group.Command or admin.Command.
type Op interface {
	Tag() uint8
	Encode(w *codec.Writer)
}

// Event is an event of one of the rooms.
type Event = Op

// Command is an Op with its place among its agent's commands.
type Command struct {
	From      base.Incarnation // 0 only for admin.Register
	Number    uint64           // 1, 2, 3 … within the incarnation
	Watermark uint64           // the sender has the verdicts up to here: they need not be kept
	Op        Op
}

// Encode writes the command as agents send it to each other.
func (c *Command) Encode(w *codec.Writer) {
	w.Uvarint(uint64(c.From))
	w.Uvarint(c.Number)
	w.Uvarint(c.Watermark)
	encodeTagged(w, c.Op)
}

// DecodeCommand reads what Encode wrote.
func DecodeCommand(r *codec.Reader) (Command, error) {
	c := Command{From: getIncarnation(r), Number: r.Uvarint(), Watermark: r.Uvarint()}
	tag, body := r.Uint8(), r.Bytes()
	if r.Err != nil {
		return Command{}, fmt.Errorf("meta: command: %w", r.Err)
	}
	in := &codec.Reader{B: body}
	op, err := decodeOp(tag, in)
	if err != nil {
		return Command{}, err
	}
	c.Op = op
	return c, nil
}

// getIncarnation takes an unsigned varint that must fit 32 bits.
func getIncarnation(r *codec.Reader) base.Incarnation {
	v := r.Uvarint()
	if v > math.MaxUint32 {
		r.B, r.Err = nil, codec.ErrMalformed
		return 0
	}
	return base.Incarnation(v)
}

func decodeOp(tag uint8, in *codec.Reader) (Op, error) {
	switch {
	case tag < 64:
		if c := log.DecodeCommand(tag, in); c != nil {
			return c, done(in, "command", tag)
		}
	case tag < 128:
		return group.DecodeCommand(tag, in)
	case tag >= 192:
		if c := admin.DecodeCommand(tag, in); c != nil {
			return c, done(in, "command", tag)
		}
	}
	return nil, unknownTag("command", tag)
}

// encodeTagged writes the tag and the fields, with their length before them so that a reader can pass over them.
func encodeTagged(w *codec.Writer, op Op) {
	w.Uint8(op.Tag())
	var body codec.Writer
	op.Encode(&body)
	w.Bytes(body.B)
}

func done(in *codec.Reader, what string, tag uint8) error {
	if err := in.Done(); err != nil {
		return fmt.Errorf("meta: %s of tag %d: %w", what, tag, err)
	}
	return nil
}

func unknownTag(what string, tag uint8) error {
	return base.Errorf(base.UnsupportedVersion, "meta: this version (feature level %d) does not know the %s of tag %d: start a newer one", FeatureLevel, what, tag)
}
