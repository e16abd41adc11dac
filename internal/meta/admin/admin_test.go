package admin

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

var rewrite = flag.Bool("rewrite", false, "write the encodings of today into testdata")

func encoded(v interface{ Encode(*codec.Writer) }) []byte {
	var w codec.Writer
	v.Encode(&w)
	return w.B
}

func profile(nonce byte) Profile {
	return Profile{Nonce: [16]byte{nonce}, Kafka: "k:1", Peer: "p:2", HTTP: "h:3", Zone: "z", Group: "g", Roles: AllRoles, Level: 3, Version: "v1"}
}

func sampleCommands() []Command {
	v := "5"
	return []Command{&Register{profile(1)}, &Renew{Idle: true}, &Deregister{}, &Expire{Incarnation: 2, Broken: true},
		&Challenge{Incarnation: 2}, &AlterCluster{Replace: true, Ops: []config.Op{{Name: "num.partitions", Value: &v}}}}
}

// sampleEvents can be applied one after the other.
func sampleEvents() []Event {
	return []Event{&Registered{Incarnation: 1, At: 1000, Profile: profile(1)}, &Registered{Incarnation: 2, At: 1001, Profile: profile(2)},
		&Renewed{Incarnation: 1, By: 9000, Idle: true}, &Gone{Incarnation: 2}, &ClusterAltered{Configs: []config.KV{{Name: "num.partitions", Value: "5"}}}}
}

// decided decides c in s, applies what follows, and gives the state after it.
func decided(tb testing.TB, s *State, c Command, from base.Incarnation, now base.Millis) (*State, *Reply) {
	tb.Helper()
	before := s.Encode()
	events, reply := Decide(s, c, from, now, config.Broker{})
	next := s.Fork()
	for _, e := range events {
		if err := next.Apply(e); err != nil {
			tb.Fatal(err)
		}
	}
	if !bytes.Equal(before, s.Encode()) {
		tb.Fatalf("%+v changed the state it was decided in", c)
	}
	if err := next.Check(); err != nil {
		tb.Fatal(err)
	}
	return next, reply
}

func TestRegister(t *testing.T) {
	s, r := decided(t, New(), &Register{profile(1)}, 0, 1000)
	if a, ok := s.Agent(1); r.Incarnation != 1 || !ok || a.RenewBy != 1000+ActiveLease || a.Kafka != "k:1" || !s.Live(1) {
		t.Fatalf("%+v %+v", r, a)
	}
	if same, r := decided(t, s, &Register{profile(1)}, 0, 5000); r.Incarnation != 1 || len(same.Agents()) != 1 {
		t.Errorf("a repeated registration got %+v", r)
	}
	long := profile(2)
	long.Zone = strings.Repeat("z", MaxProfileBytes+1)
	if after, r := decided(t, s, &Register{long}, 0, 5000); r.Kind != base.InvalidRequest || len(after.Agents()) != 1 {
		t.Errorf("a profile that is too long got %+v", r)
	}
	for n := 2; n <= MaxAgents; n++ {
		p := Profile{Nonce: [16]byte{byte(n), byte(n >> 8), 1}}
		if err := s.Apply(&Registered{Incarnation: base.Incarnation(n), Profile: p}); err != nil {
			t.Fatal(err)
		}
	}
	if after, r := decided(t, s, &Register{profile(3)}, 0, 5000); r.Kind != base.PolicyViolation || len(after.Agents()) != MaxAgents {
		t.Errorf("agent %d got %+v", MaxAgents+1, r)
	}
}

// Incarnations are never reused, also after the agent went.
func TestIncarnationsAreNeverReused(t *testing.T) {
	s, _ := decided(t, New(), &Register{profile(1)}, 0, 1000)
	s, _ = decided(t, s, &Deregister{}, 1, 2000)
	if s.Live(1) || len(s.Agents()) != 0 {
		t.Fatal("the agent is there")
	}
	if _, r := decided(t, s, &Register{profile(1)}, 0, 3000); r.Incarnation != 2 {
		t.Errorf("%+v", r)
	}
	for _, c := range []Command{&Deregister{}, &Renew{}} {
		if _, r := decided(t, s, c, 1, 3000); r.Kind != base.SessionGone {
			t.Errorf("%T of an agent that went: %+v", c, r)
		}
	}
}

// An agent may be expired when its promise has passed, or by one who saw the connection break; never by itself.
func TestExpire(t *testing.T) {
	s, _ := decided(t, New(), &Register{profile(1)}, 0, 1000)
	s, _ = decided(t, s, &Register{profile(2)}, 0, 1000)
	for name, c := range map[string]struct {
		command Expire
		from    base.Incarnation
		now     base.Millis
		gone    bool
	}{
		"in time":        {Expire{Incarnation: 1}, 2, 1000 + ActiveLease, false},
		"past its time":  {Expire{Incarnation: 1}, 2, 1001 + ActiveLease, true},
		"broken link":    {Expire{Incarnation: 1, Broken: true}, 2, 1000, true},
		"itself":         {Expire{Incarnation: 1, Broken: true}, 1, 1000, false},
		"somebody else":  {Expire{Incarnation: 9, Broken: true}, 1, 1000, false},
		"idle, in time":  {Expire{Incarnation: 2}, 1, 1000 + IdleLease, false},
		"idle, past it":  {Expire{Incarnation: 2}, 1, 1001 + IdleLease, true},
		"idle, not late": {Expire{Incarnation: 2}, 1, 1001 + ActiveLease, false},
	} {
		idle, _ := decided(t, s, &Renew{Idle: true}, 2, 1000)
		after, r := decided(t, idle, &c.command, c.from, c.now)
		if gone := len(after.Agents()) != 2; gone != c.gone || r.Kind != base.OK {
			t.Errorf("%s: gone %t, %+v", name, gone, r)
		}
	}
}

func TestLevelIsTheLowest(t *testing.T) {
	s := New()
	if s.Level(7) != 7 {
		t.Error("without agents it is one's own")
	}
	for n, level := range []uint16{5, 3, 9} {
		p := profile(byte(n + 1))
		p.Level = level
		s, _ = decided(t, s, &Register{p}, 0, 1000)
	}
	if s.Level(7) != 3 {
		t.Errorf("level %d", s.Level(7))
	}
}

func TestAlterCluster(t *testing.T) {
	v, bad := "5", "many"
	s, r := decided(t, New(), &AlterCluster{Ops: []config.Op{{Name: "log.retention.ms", Value: &v}}}, 1, 0)
	if kvs := s.Configs(); r.Kind != base.OK || len(kvs) != 1 || kvs[0].Value != "5" {
		t.Fatalf("%+v %+v", r, kvs)
	}
	if after, r := decided(t, s, &AlterCluster{Ops: []config.Op{{Name: "log.retention.ms", Value: &bad}}}, 1, 0); r.Kind != base.InvalidRequest || len(after.Configs()) != 1 {
		t.Errorf("%+v", r)
	}
	if after, r := decided(t, s, &AlterCluster{Replace: true}, 1, 0); r.Kind != base.OK || len(after.Configs()) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestMisfits(t *testing.T) {
	s := New()
	for _, e := range sampleEvents() {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []Event{&Registered{Incarnation: 2, Profile: profile(9)}, &Registered{Incarnation: 3, Profile: profile(1)},
		&Renewed{Incarnation: 2}, &Gone{Incarnation: 2}} {
		if err := s.Fork().Apply(e); err == nil {
			t.Errorf("%T %+v was taken", e, e)
		}
	}
}

// TestForks: forks do not see each other, and the snapshot part comes back as it was.
func TestForks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New()
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			from := base.Incarnation(rapid.IntRange(0, 6).Draw(t, "agent"))
			c := rapid.SampledFrom([]Command{&Register{profile(byte(rapid.IntRange(0, 9).Draw(t, "nonce")))}, &Renew{}, &Renew{Idle: true},
				&Deregister{}, &Expire{Incarnation: from, Broken: true}, &Challenge{Incarnation: 1}}).Draw(t, "command")
			events, _ := Decide(s, c, from, 1000, config.Broker{})
			before, next, other := s.Encode(), s.Fork(), s.Fork()
			for _, e := range events {
				if err := next.Apply(e); err != nil {
					t.Fatal(err)
				}
			}
			next.Seen(from, 2000)
			after := next.Encode()
			other.Seen(1, 99)
			if !bytes.Equal(before, s.Encode()) || !bytes.Equal(after, next.Encode()) {
				t.Fatal("a fork is seen by another")
			}
			back, err := Restore(after)
			if err != nil || !bytes.Equal(after, back.Encode()) || back.Digest() != next.Digest() {
				t.Fatal("the part does not come back", err)
			}
			s = next
		}
	})
}

func TestGolden(t *testing.T) {
	var out strings.Builder
	for _, c := range sampleCommands() {
		fmt.Fprintf(&out, "command %d %x\n", c.Tag(), encoded(c))
	}
	fmt.Fprintf(&out, "reply %x\n", encoded(&Reply{Kind: base.InvalidConfig, Text: "no", Incarnation: 7}))
	s := New()
	for _, e := range sampleEvents() {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "event %d %x\n  part %s %x\n", e.Tag(), encoded(e), PartKey, s.Encode())
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

// TestEveryTagIsSampled: no command or event is left out of the samples, and tags are of this room.
func TestEveryTagIsSampled(t *testing.T) {
	commands, events := map[int]bool{}, map[int]bool{}
	for _, c := range sampleCommands() {
		commands[int(c.Tag())] = true
	}
	for _, e := range sampleEvents() {
		events[int(e.Tag())] = true
	}
	for tag := range 256 {
		if known := DecodeCommand(uint8(tag), &codec.Reader{}) != nil; known != commands[tag] || known && tag < 192 {
			t.Errorf("command %d: known %t, sampled %t", tag, known, commands[tag])
		}
		if known := DecodeEvent(uint8(tag), &codec.Reader{}) != nil; known != events[tag] || known && tag < 192 {
			t.Errorf("event %d: known %t, sampled %t", tag, known, events[tag])
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range sampleCommands() {
		f.Add(c.Tag(), encoded(c))
	}
	for _, e := range sampleEvents() {
		f.Add(e.Tag(), encoded(e))
	}
	f.Fuzz(func(t *testing.T, tag uint8, b []byte) {
		r := &codec.Reader{B: b}
		if c := DecodeCommand(tag, r); c != nil && r.Done() == nil {
			if back := DecodeCommand(tag, &codec.Reader{B: encoded(c)}); !bytes.Equal(encoded(c), encoded(back)) {
				t.Fatalf("%+v comes back as %+v", c, back)
			}
			decided(t, New(), c, 1, 5)
		}
		r = &codec.Reader{B: b}
		if e := DecodeEvent(tag, r); e != nil && r.Done() == nil {
			if back := DecodeEvent(tag, &codec.Reader{B: encoded(e)}); !bytes.Equal(encoded(e), encoded(back)) {
				t.Fatalf("%+v comes back as %+v", e, back)
			}
			if s := New(); s.Apply(e) == nil && s.Check() != nil {
				t.Fatalf("%+v was taken and leaves a state that does not hold", e)
			}
		}
		r = &codec.Reader{B: b}
		if p := DecodeReply(r); r.Done() == nil {
			if back := DecodeReply(&codec.Reader{B: encoded(p)}); *back != *p {
				t.Fatalf("%+v comes back as %+v", p, back)
			}
		}
	})
}

func FuzzRestore(f *testing.F) {
	s := New()
	for _, e := range sampleEvents() {
		if err := s.Apply(e); err != nil {
			f.Fatal(err)
		}
		f.Add(s.Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Restore(b)
		if err != nil {
			return
		}
		if back, err := Restore(s.Encode()); err != nil || !bytes.Equal(back.Encode(), s.Encode()) {
			t.Fatal(err)
		}
	})
}
