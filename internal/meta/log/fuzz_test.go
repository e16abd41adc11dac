package log

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// FuzzDecodeCommand: what decodes encodes to itself, and can be decided.
func FuzzDecodeCommand(f *testing.F) {
	for _, c := range sampleCommands() {
		f.Add(c.Tag(), encoded(c))
	}
	s := sampleState(f)
	f.Fuzz(func(t *testing.T, tag uint8, b []byte) {
		r := &codec.Reader{B: b}
		c := DecodeCommand(tag, r)
		if c == nil || r.Done() != nil {
			return
		}
		back := DecodeCommand(tag, &codec.Reader{B: encoded(c)})
		if !bytes.Equal(encoded(c), encoded(back)) {
			t.Fatalf("%+v comes back as %+v", c, back)
		}
		events, _ := Decide(s, c, 1<<41, config.Broker{})
		next := s.Fork()
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

// FuzzApply: no sequence of events panics, and one that is taken leaves a state that holds and restores.
func FuzzApply(f *testing.F) {
	var all codec.Writer
	for _, e := range sampleEvents() {
		all.Uint8(e.Tag())
		all.Bytes(encoded(e))
		f.Add(bytes.Clone(all.B))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New()
		s.Begin(1)
		for r := (codec.Reader{B: b}); len(r.B) != 0; {
			tag, in := r.Uint8(), codec.Reader{B: r.Bytes()}
			e := DecodeEvent(tag, &in)
			if e == nil || in.Done() != nil || s.Apply(e) != nil {
				return // the state is not to be used any more
			}
		}
		if s.PartitionCount() > 10_000 {
			return
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		r := NewRestorer()
		for k, body := range dump(s) {
			if err := r.Part(k, body); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Finish(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	f.Add(encoded(sampleReply()))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &codec.Reader{B: b}
		p := DecodeReply(r)
		if r.Done() != nil {
			return
		}
		if back := DecodeReply(&codec.Reader{B: encoded(p)}); !bytes.Equal(encoded(p), encoded(back)) {
			t.Fatalf("%+v comes back as %+v", p, back)
		}
	})
}

// FuzzRestore changes one part of a snapshot: what is still taken as a whole can be read and changed.
func FuzzRestore(f *testing.F) {
	parts := dump(sampleState(f))
	keys := slices.Sorted(maps.Keys(parts))
	for i, k := range keys {
		f.Add(uint8(i), parts[k])
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		r := NewRestorer()
		for i, k := range keys {
			b := parts[k]
			if i == int(which)%len(keys) {
				b = body
			}
			if r.Part(k, b) != nil {
				return
			}
		}
		s, err := r.Finish()
		if err != nil {
			return
		}
		s.Partitions(func(p *Partition) bool {
			p.Extents.AtTime(5, p.Start)
			p.Extents.MaxTimestamp()
			p.Extents.Bytes()
			p.Producers(func(_ int64, pr *Producer) bool {
				pr.Judge(pr.Epoch, pr.NextSequence(), 5)
				return true
			})
			events, _ := Decide(s, &DeleteRecords{ID: [16]byte{1}, Index: p.Key.Index(), Offset: -1}, 1<<41, config.Broker{})
			for _, e := range events {
				if err := s.Fork().Apply(e); err != nil {
					t.Fatal(err)
				}
			}
			return true
		})
	})
}
