package group

import (
	"bytes"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

func encoded(v encoder) []byte {
	var w codec.Writer
	v.Encode(&w)
	return w.B
}

// sampleState is a state with a stable group.
func sampleState(t testing.TB) *State {
	s := New()
	for _, e := range sampleEvents() {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// FuzzDecodeCommand: what decodes encodes to something that decodes alike, and can be decided.
func FuzzDecodeCommand(f *testing.F) {
	for _, c := range sampleCommands() {
		f.Add(c.Tag(), encoded(c))
	}
	s := sampleState(f)
	f.Fuzz(func(t *testing.T, tag uint8, b []byte) {
		c, err := DecodeCommand(tag, &codec.Reader{B: b})
		if err != nil {
			return
		}
		recode(t, tag, c, DecodeCommand)
		next := s.Fork()
		events, _ := Decide(s, c, 1<<40, DefaultConfig(), deadSet{})
		for _, e := range events {
			if err := next.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := next.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzApply: no sequence of events panics, nor does deciding after it; the indexes stay true.
func FuzzApply(f *testing.F) {
	var all codec.Writer
	for _, e := range sampleEvents() {
		var one codec.Writer
		one.Uint8(e.Tag())
		one.Bytes(encoded(e))
		f.Add(one.B)
		all.Raw(one.B)
	}
	f.Add(all.B)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New()
		for r := (codec.Reader{B: b}); len(r.B) != 0; {
			tag := r.Uint8()
			e, err := DecodeEvent(tag, &codec.Reader{B: r.Bytes()})
			if err != nil {
				continue
			}
			recode(t, tag, e, DecodeEvent)
			if err := s.Apply(e); err != nil && base.KindOf(err) != base.CorruptMessage {
				t.Fatal(err)
			}
		}
		for g := range s.Groups() {
			for _, c := range []Command{&Tick{g.Name, g.Deadline}, joinOf(g.Name, 5), &Leave{g.Name, []Leaver{{g.Leader, nil}}}} {
				Decide(s, c, 1<<50, DefaultConfig(), deadSet{})
			}
		}
	})
}

// FuzzRestore: a part that is taken and passes Check gives itself again.
func FuzzRestore(f *testing.F) {
	for _, p := range partsOf(sampleState(f)) {
		f.Add(p.key, p.body)
	}
	f.Fuzz(func(t *testing.T, key string, body []byte) {
		s := New()
		if err := s.Restore(key, body); err != nil {
			if k := base.KindOf(err); k != base.CorruptMessage && k != base.UnsupportedVersion {
				t.Fatal(err)
			}
			return
		}
		if s.Check() == nil {
			checkState(t, s)
			Decide(s, joinOf("g", 5), 5, DefaultConfig(), deadSet{})
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	reply := Reply{Wait: true, MemberID: "m", Parts: []base.Kind{1, -1}}
	f.Add(encoded(&reply))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeReply(&codec.Reader{B: b})
		if err != nil {
			return
		}
		back, err := DecodeReply(&codec.Reader{B: encoded(&r)})
		if err != nil || !bytes.Equal(encoded(&r), encoded(&back)) {
			t.Fatalf("%+v comes back as %+v, %v", r, back, err)
		}
	})
}

// FuzzSubscription: topics lie within the metadata, and never take more than it has.
func FuzzSubscription(f *testing.F) {
	f.Add(subscriptionOf("t", "topic"))
	f.Add([]byte{0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		size := 6
		eachTopic(b, func(topic []byte) { size += 2 + len(topic) })
		if size > len(b) && size != 6 {
			t.Fatalf("%d bytes of topics in %d", size, len(b))
		}
	})
}

func FuzzVerifyMemberID(f *testing.F) {
	f.Add("g", "c", int64(5), NewMemberID("g", "c", 5, [16]byte{}))
	f.Fuzz(func(t *testing.T, group, prefix string, now int64, id string) {
		VerifyMemberID(group, id)
		at := base.Millis(now & (1<<48 - 1))
		if issued, ok := VerifyMemberID(group, NewMemberID(group, prefix, at, [16]byte{6: byte(now)})); !ok || issued != at {
			t.Fatalf("%v %v", issued, ok)
		}
	})
}
