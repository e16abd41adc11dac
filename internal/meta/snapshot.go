package meta

import (
	"fmt"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// This room's own parts. meta: slot, time, digest, then the sessions: incarnation, next, first. meta/verdicts/NNNN: the
// verdicts kept, cut into parts of about verdictBytes, each: incarnation, number, verdict. They change all the time, so
// that nothing is gained by keys that hold still.
const (
	partKey       = "meta"
	verdictPrefix = "meta/verdicts/"
	verdictBytes  = 4 << 20
)

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
	for i, body := range s.encodeVerdicts() {
		parts = append(parts, Part{Key: fmt.Sprintf("%s%04d", verdictPrefix, i), Changed: true, Encode: func() []byte { return body }})
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
		return true
	})
	return w.B
}

func (s *State) encodeVerdicts() (bodies [][]byte) {
	var w codec.Writer
	s.sessions.Scan(func(i uint32, x *session) bool {
		for n, v := range x.kept {
			w.Uvarint(uint64(i))
			w.Uvarint(x.first + uint64(n))
			w.Bytes(v.encode())
			if len(w.B) >= verdictBytes {
				bodies = append(bodies, w.B)
				w.B = nil
			}
		}
		return true
	})
	if len(w.B) > 0 {
		bodies = append(bodies, w.B)
	}
	return bodies
}

// Restorer builds a State from the parts of a snapshot, which may come in any order.
type Restorer struct {
	s        *State
	log      *log.Restorer
	own      bool
	adm      bool
	verdicts map[verdictKey]*Verdict
}

type verdictKey struct {
	from   uint32
	number uint64
}

// NewRestorer begins.
func NewRestorer() *Restorer {
	return &Restorer{s: New(), log: log.NewRestorer(), verdicts: map[verdictKey]*Verdict{}}
}

// Part takes one part. One of a kind that this version does not know is base.UnsupportedVersion.
func (r *Restorer) Part(key string, body []byte) error {
	switch {
	case key == partKey && r.own, key == admin.PartKey && r.adm:
		return fmt.Errorf("meta: snapshot part %q comes twice", key)
	case key == partKey:
		r.own = true
		return r.s.decodeOwn(body)
	case strings.HasPrefix(key, verdictPrefix):
		return r.decodeVerdicts(body)
	case key == admin.PartKey:
		a, err := admin.Restore(body)
		r.s.Admin, r.adm = a, true
		return err
	case strings.HasPrefix(key, "log/"):
		return r.log.Part(key, body)
	case strings.HasPrefix(key, groupPrefix):
		return r.s.Groups.Restore(key, body)
	}
	return base.Errorf(base.UnsupportedVersion, "meta: this version (feature level %d) does not know the snapshot part %q: start a newer one", FeatureLevel, key)
}

func (s *State) decodeOwn(body []byte) error {
	r := &codec.Reader{B: body}
	s.Slot, s.Time, s.digest = base.Slot(r.Uvarint()), base.Millis(r.Varint()), r.Uint64()
	for n := r.Count(3); n > 0; n-- {
		i := uint32(getIncarnation(r))
		_, twice := s.sessions.Set(i, &session{edit: s.edit, next: r.Uvarint(), first: r.Uvarint()})
		if twice {
			return fmt.Errorf("meta: snapshot part: the session of incarnation %d comes twice", i)
		}
	}
	if err := r.Done(); err != nil {
		return fmt.Errorf("meta: snapshot part: %w", err)
	}
	return nil
}

func (r *Restorer) decodeVerdicts(body []byte) error {
	in := &codec.Reader{B: body}
	for len(in.B) > 0 {
		k := verdictKey{uint32(getIncarnation(in)), in.Uvarint()}
		b := in.Bytes()
		if in.Err != nil {
			break
		}
		v, err := decodeVerdict(b)
		if err != nil {
			return err
		}
		if r.verdicts[k] != nil {
			return fmt.Errorf("meta: verdict %d of incarnation %d comes twice", k.number, k.from)
		}
		r.verdicts[k] = v
	}
	if err := in.Done(); err != nil {
		return fmt.Errorf("meta: snapshot part of verdicts: %w", err)
	}
	return nil
}

// deal gives the sessions their verdicts.
func (r *Restorer) deal() error {
	left := len(r.verdicts)
	var err error
	r.s.sessions.Scan(func(i uint32, x *session) bool {
		for n := x.first; x.first > 0 && n < x.next; n++ {
			v := r.verdicts[verdictKey{i, n}]
			if v == nil {
				err = fmt.Errorf("meta: the snapshot lacks verdict %d of incarnation %d", n, i)
				return false
			}
			x.kept = append(x.kept, v)
			left--
		}
		return true
	})
	if err == nil && left > 0 {
		err = fmt.Errorf("meta: the snapshot holds %d verdicts that no session keeps", left)
	}
	return err
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
	if err := r.deal(); err != nil {
		return nil, err
	}
	if err := r.s.Check(); err != nil {
		return nil, err
	}
	return r.s, nil
}
