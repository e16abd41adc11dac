package meta_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

var rewrite = flag.Bool("rewrite", false, "write the encodings of today into testdata")

// sample gives commands of every room, the payload they come to as one entry, and the state after it.
func sample(tb testing.TB) ([]meta.Command, []byte, *meta.State) {
	id := base.TopicID{1}
	commands := []meta.Command{
		{Op: &admin.Register{Profile: admin.Profile{Nonce: [16]byte{7}, Kafka: "k:1", Peer: "p:2", HTTP: "h:3", Zone: "z", Group: "g", Roles: admin.AllRoles, Level: 1, Version: "v"}}},
		{From: 1, Number: 1, Op: &log.CreateTopic{Name: "t", ID: id, Partitions: 1}},
		{From: 1, Number: 2, Watermark: 1, Op: &group.OffsetCommit{Group: "g", Generation: -1, RetentionMs: -1, Partitions: []group.CommitPartition{{Topic: id, Offset: 5}}}},
		{From: 1, Number: 3, Watermark: 1, Op: &admin.Renew{Idle: true}},
		{From: 1, Number: 4, Watermark: 3, Op: &log.CommitSegment{File: base.FileRef{ID: base.ULID{15: 1}}, SizeBytes: 5, Body: []byte("rides"), Batches: []log.Batch{
			{Topic: id, Pos: 1, Len: 3, Count: 1, ProducerID: -1}}}},
	}
	s := meta.New()
	s.Begin(1, 1000)
	var p meta.Payload
	for _, c := range commands {
		o, _ := meta.Decide(s, c, 1000, meta.NewRules(nil, nil))
		if err := s.Apply(&o); err != nil {
			tb.Fatal(err)
		}
		p.Add(o)
	}
	return commands, p.Bytes(), s
}

func encodedCommand(c meta.Command) []byte {
	var w codec.Writer
	c.Encode(&w)
	return w.B
}

// TestGolden pins what this package adds to the rooms' encodings, and one entry's payload as a whole.
func TestGolden(t *testing.T) {
	commands, payload, s := sample(t)
	var out strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&out, "command %x\n", encodedCommand(c))
	}
	fmt.Fprintf(&out, "payload %x\n", payload)
	parts := dump(s)
	for _, k := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(&out, "part %s %x\n", k, parts[k])
	}
	const file = "testdata/golden.txt"
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || out.String() != string(want) {
		t.Errorf("%v; the encodings are no longer those of %s:\n%s", err, file, out.String())
	}
}

// What rides in an entry is found by its name; a state after the entry says where.
func TestRiders(t *testing.T) {
	_, payload, s := sample(t)
	riders, err := meta.Riders(payload)
	if err != nil || len(riders) != 1 || riders[0].Ref != (base.FileRef{ID: base.ULID{15: 1}}) || string(riders[0].Body) != "rides" {
		t.Fatalf("%+v, %v", riders, err)
	}
	_, p, _ := s.Log.PartitionOf(base.TopicID{1}, 0)
	x, _ := p.Extents.MaxTimestamp()
	if at, ok := s.Log.Place(x); !ok || at != (log.Place{File: riders[0].Ref, SizeBytes: 5, Slot: 1, Pos: 1}) {
		t.Errorf("%+v", at)
	}
	if _, err := meta.Riders(payload[:len(payload)-1]); err == nil {
		t.Error("half an entry was taken")
	}
	s.Slot = 0
	if s.Check() == nil {
		t.Error("a state before the entry that a file rides in passes")
	}
}

func TestMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"incarnation of 33 bits": "8080808010" + "0101" + "c10100",
		"tag of no room":         "010101" + "80" + "00",
		"tag 0":                  "010101" + "00" + "00",
		"bytes left over":        "010101" + "c1" + "020000",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := meta.DecodeCommand(&codec.Reader{B: b}); err == nil {
			t.Errorf("%s: taken as %+v", name, c)
		}
	}
	if _, err := meta.DecodeOutcomes([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 1}); err == nil {
		t.Error("more outcomes than bytes were taken")
	}
	payload := append([]byte{1, 0, 0, 0, 4}, 4, 0, 0, 0) // one outcome with an empty admin reply …
	payload = append(payload, 1, 63, 0)                  // … and an event of an unknown tag
	if _, err := meta.DecodeOutcomes(payload); base.KindOf(err) != base.UnsupportedVersion {
		t.Errorf("an unknown event is %v", err)
	}
}

func FuzzDecodeCommand(f *testing.F) {
	commands, _, s := sample(f)
	for _, c := range commands {
		f.Add(encodedCommand(c))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := meta.DecodeCommand(&codec.Reader{B: b})
		if err != nil {
			return
		}
		back, err := meta.DecodeCommand(&codec.Reader{B: encodedCommand(c)})
		if err != nil || !bytes.Equal(encodedCommand(back), encodedCommand(c)) {
			t.Fatalf("%+v comes back as %+v, %v", c, back, err)
		}
		next := s.Fork()
		next.Begin(2, 2000)
		o, isNew := meta.Decide(next, c, 2000, meta.NewRules(nil, nil))
		if !isNew {
			return
		}
		if err := next.Apply(&o); err != nil {
			t.Fatal(err)
		}
		if err := next.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeOutcomes(f *testing.F) {
	_, payload, _ := sample(f)
	f.Add(payload)
	f.Fuzz(func(t *testing.T, b []byte) {
		outcomes, err := meta.DecodeOutcomes(b)
		if err != nil {
			return
		}
		s := meta.New()
		s.Begin(1, 1000)
		for i := range outcomes {
			if s.Apply(&outcomes[i]) != nil {
				return
			}
		}
		if s.Log.PartitionCount() < 10_000 {
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzRestore(f *testing.F) {
	_, _, s := sample(f)
	parts := dump(s)
	keys := slices.Sorted(maps.Keys(parts))
	for i, k := range keys {
		f.Add(uint8(i), parts[k])
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		changed := maps.Clone(parts)
		changed[keys[int(which)%len(keys)]] = body
		s, err := restore(changed, keys)
		if err != nil {
			return
		}
		if _, err := restore(dump(s), slices.Sorted(maps.Keys(dump(s)))); err != nil {
			t.Fatal(err)
		}
	})
}
