package meta

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Verdict is the answer to a command: the reply of the room that decided it, or, with none set, why no room did.
type Verdict struct {
	Refused base.Kind // base.SessionGone, base.NumberGap: never decided, not in the journal
	Log     *log.Reply
	Group   *group.Reply
	Admin   *admin.Reply
}

// Kind is base.OK or why the whole command was refused.
func (v *Verdict) Kind() base.Kind {
	switch {
	case v.Log != nil:
		return v.Log.Kind
	case v.Group != nil:
		return v.Group.Kind
	case v.Admin != nil:
		return v.Admin.Kind
	}
	return v.Refused
}

// Text says to people why the command was refused; empty when the kind says it all.
func (v *Verdict) Text() string {
	switch {
	case v.Log != nil:
		return v.Log.Text
	case v.Admin != nil:
		return v.Admin.Text
	}
	return ""
}

// Outcome is a decided command: what stands in an entry.
type Outcome struct {
	From      base.Incarnation
	Number    uint64
	Watermark uint64
	Verdict   *Verdict
	Events    []Event
}

const (
	roomLog   uint8 = 1
	roomGroup uint8 = 2
	roomAdmin uint8 = 4
)

func (v *Verdict) encode() []byte {
	var w codec.Writer
	switch {
	case v.Log != nil:
		w.Uint8(roomLog)
		v.Log.Encode(&w)
	case v.Group != nil:
		w.Uint8(roomGroup)
		v.Group.Encode(&w)
	case v.Admin != nil:
		w.Uint8(roomAdmin)
		v.Admin.Encode(&w)
	}
	return w.B
}

func decodeVerdict(b []byte) (*Verdict, error) {
	r := &codec.Reader{B: b}
	v := &Verdict{}
	switch room := r.Uint8(); room {
	case roomLog:
		v.Log = log.DecodeReply(r)
	case roomGroup:
		reply, err := group.DecodeReply(r)
		if err != nil {
			return nil, err
		}
		v.Group = &reply
	case roomAdmin:
		v.Admin = admin.DecodeReply(r)
	default:
		return nil, fmt.Errorf("meta: verdict of room %d", room)
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("meta: verdict: %w", err)
	}
	return v, nil
}

func (o *Outcome) encode(w *codec.Writer) {
	w.Uvarint(uint64(o.From))
	w.Uvarint(o.Number)
	w.Uvarint(o.Watermark)
	w.Bytes(o.Verdict.encode())
	w.Uvarint(uint64(len(o.Events)))
	for _, e := range o.Events {
		encodeTagged(w, e)
	}
}

// DecodeOutcomes reads the payload of an entry. An event of an unknown tag is base.UnsupportedVersion: the reader has
// to stop and be replaced by a newer version.
func DecodeOutcomes(payload []byte) ([]Outcome, error) {
	r := &codec.Reader{B: payload}
	n := r.Count(5)
	outcomes := make([]Outcome, 0, n)
	for i := 0; i < n; i++ {
		o, err := decodeOutcome(r)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("meta: entry: %w", err)
	}
	return outcomes, nil
}

// Riders gives the data files that ride in an entry with that payload, in order. They share memory with it.
func Riders(payload []byte) ([]log.Rider, error) {
	outcomes, err := DecodeOutcomes(payload)
	if err != nil {
		return nil, err
	}
	var riders []log.Rider
	for i := range outcomes {
		for _, e := range outcomes[i].Events {
			if r, ok := e.(*log.SegmentRode); ok {
				riders = append(riders, log.Rider{Ref: r.Ref, Body: r.Body})
			}
		}
	}
	return riders, nil
}

func decodeOutcome(r *codec.Reader) (Outcome, error) {
	o := Outcome{From: getIncarnation(r), Number: r.Uvarint(), Watermark: r.Uvarint()}
	verdict := r.Bytes()
	n := r.Count(2)
	if r.Err != nil {
		return o, fmt.Errorf("meta: entry: %w", r.Err)
	}
	var err error
	if o.Verdict, err = decodeVerdict(verdict); err != nil {
		return o, err
	}
	for i := 0; i < n; i++ {
		tag, body := r.Uint8(), r.Bytes()
		if r.Err != nil {
			return o, fmt.Errorf("meta: entry: %w", r.Err)
		}
		e, err := decodeEvent(tag, &codec.Reader{B: body})
		if err != nil {
			return o, err
		}
		o.Events = append(o.Events, e)
	}
	return o, nil
}

func decodeEvent(tag uint8, in *codec.Reader) (Event, error) {
	switch {
	case tag < 64:
		if e := log.DecodeEvent(tag, in); e != nil {
			return e, done(in, "event", tag)
		}
	case tag < 128:
		return group.DecodeEvent(tag, in)
	case tag >= 192:
		if e := admin.DecodeEvent(tag, in); e != nil {
			return e, done(in, "event", tag)
		}
	}
	return nil, unknownTag("event", tag)
}

// Payload gathers the outcomes of one entry.
type Payload struct {
	Outcomes []Outcome
	body     codec.Writer
	before   int // bytes of body before the last outcome
}

// Add takes one more outcome and tells how many bytes the payload has now.
func (p *Payload) Add(o Outcome) int {
	p.Outcomes, p.before = append(p.Outcomes, o), len(p.body.B)
	o.encode(&p.body)
	return len(p.body.B)
}

// Drop takes back the outcome added last, once.
func (p *Payload) Drop() {
	p.Outcomes, p.body.B = p.Outcomes[:len(p.Outcomes)-1], p.body.B[:p.before]
}

// Refuse gives the verdict on a command that is refused as a whole, in the words of the room it belongs to.
func Refuse(op Op, kind base.Kind, text string) *Verdict {
	switch tag := op.Tag(); {
	case tag < 64:
		return &Verdict{Log: &log.Reply{Kind: kind, Text: text}}
	case tag < 128:
		return &Verdict{Group: &group.Reply{Kind: kind}}
	}
	return &Verdict{Admin: &admin.Reply{Kind: kind, Text: text}}
}

// Bytes is the payload as it stands in the entry.
func (p *Payload) Bytes() []byte {
	w := codec.Writer{B: make([]byte, 0, len(p.body.B)+4)}
	w.Uvarint(uint64(len(p.Outcomes)))
	w.Raw(p.body.B)
	return w.B
}
