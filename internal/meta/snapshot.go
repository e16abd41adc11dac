package meta

import (
	"fmt"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// partKey is this room's own part: slot, time, digest, then the sessions: incarnation, next, first, verdicts.
const partKey = "meta"

// groupPrefix begins the keys of package group's parts.
const groupPrefix = "group/"

// Part is one part of a snapshot; Changed is false when the same part of the snapshot before has the same body.
type Part = log.Part

// Parts lists the parts of the state, in an order that depends on the state alone. prev, which may be nil, is the
// state of the snapshot before.
func (s *State) Parts(prev *State) []Part {
	var prevLog *log.State
	if prev != nil {
		prevLog = prev.Log
	}
	parts := []Part{
		{Key: partKey, Changed: true, Encode: s.encodeOwn},
		{Key: admin.PartKey, Changed: true, Encode: s.Admin.Encode},
	}
	s.Groups.Snapshot(func(key string, body []byte) {
		parts = append(parts, Part{Key: key, Changed: true, Encode: func() []byte { return body }})
	})
	return append(parts, s.Log.Parts(prevLog)...)
}

func (s *State) encodeOwn() []byte {
	var w codec.Writer
	w.Uvarint(uint64(s.Slot))
	w.Varint(int64(s.Time))
	w.Uint64(s.digest)
	w.Uvarint(uint64(s.sessions.Len()))
	s.sessions.Scan(func(i uint32, x *session) bool {
		w.Uvarint(uint64(i))
		w.Uvarint(x.next)
		w.Uvarint(x.first)
		w.Uvarint(uint64(len(x.kept)))
		for _, v := range x.kept {
			w.Bytes(v.encode())
		}
		return true
	})
	return w.B
}

// Restorer builds a State from the parts of a snapshot, which may come in any order.
type Restorer struct {
	s   *State
	log *log.Restorer
	own bool
	adm bool
}

// NewRestorer begins.
func NewRestorer() *Restorer { return &Restorer{s: New(), log: log.NewRestorer()} }

// Part takes one part.
func (r *Restorer) Part(key string, body []byte) error {
	switch {
	case key == partKey:
		r.own = true
		return r.s.decodeOwn(body)
	case key == admin.PartKey:
		a, err := admin.Restore(body)
		r.s.Admin, r.adm = a, true
		return err
	case strings.HasPrefix(key, "log/"):
		return r.log.Part(key, body)
	case strings.HasPrefix(key, groupPrefix):
		return r.s.Groups.Restore(key, body)
	}
	return fmt.Errorf("meta: snapshot part %q belongs to no room of this version", key)
}

func (s *State) decodeOwn(body []byte) error {
	r := &codec.Reader{B: body}
	s.Slot, s.Time, s.digest = base.Slot(r.Uvarint()), base.Millis(r.Varint()), r.Uint64()
	n := r.Count(4)
	for i := 0; i < n; i++ {
		inc := uint32(r.Uvarint())
		x := &session{next: r.Uvarint(), first: r.Uvarint()}
		for k := r.Count(1); k > 0; k-- {
			v, err := decodeVerdict(r.Bytes())
			if err != nil {
				return err
			}
			x.kept = append(x.kept, v)
		}
		s.sessions.Set(inc, x)
	}
	if err := r.Done(); err != nil {
		return fmt.Errorf("meta: snapshot part: %w", err)
	}
	return nil
}

// Finish puts the parts together and checks the whole.
func (r *Restorer) Finish() (*State, error) {
	if !r.own || !r.adm {
		return nil, fmt.Errorf("meta: the snapshot lacks part %q or %q", partKey, admin.PartKey)
	}
	l, err := r.log.Finish()
	if err != nil {
		return nil, err
	}
	r.s.Log = l
	if err := r.s.Check(); err != nil {
		return nil, err
	}
	return r.s, nil
}
