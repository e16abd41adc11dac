package group

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// sampleCommands has every command, with every field set.
func sampleCommands() []Command {
	s, r := "s", "range"
	return []Command{
		&Join{"g", "m", "n", true, &s, "client", "/host", "consumer", []Protocol{{r, []byte{1, 2}}, {"x", nil}}, 10_000, 60_000, 7},
		&Sync{"g", "m", nil, 3, &s, &r, []Assignment{{"m", []byte("a")}}, 7},
		&Leave{"g", []Leaver{{"m", nil}, {"", &s}}},
		&Tick{"g", 1 << 40},
		&ExpireMember{"g", "m", 3, 7},
		&Adopt{"g", "m", 7, 8, true},
		&OffsetCommit{"g", "m", &s, 3, -1, 9, []CommitPartition{{topicID("t"), 5, 1 << 33, 2, "meta"}}, 0},
		&OffsetDelete{"g", []DeletePartition{{topicID("t"), "t", 5}}},
		&DeleteGroup{"g"},
		&ForgetTopic{topicID("t")},
		&ExpireOffsets{"g", []TopicName{{topicID("t"), "t"}}},
	}
}

// sampleEvents has every event, with every field set, in an order that fits an empty state.
func sampleEvents() []Event {
	s, r := "s", "range"
	return []Event{
		&MemberPut{"g", 1 << 40, "consumer", "m", &s, "client", "/host", 10_000, 60_000, []Protocol{{r, []byte{1, 2}}}, 7, true},
		&MemberPut{"g", 1 << 40, "consumer", "d", nil, "client", "/host", 10_000, 60_000, []Protocol{{r, nil}}, 7, true},
		&RoundBegun{"g", 1 << 40, 1<<40 + 3000, 3000, 57_000},
		&RoundExtended{"g", 1<<40 + 6000, 3000, 54_000},
		&MemberReplaced{"g", "m", "n"},
		&RoundCompleted{"g", 1<<40 + 6000, 1, &r, "n", 1<<40 + 66_000},
		&MemberSynced{"g", "d"},
		&Assigned{"g", 1<<40 + 6001, []Assignment{{"n", []byte("a")}, {"d", []byte("b")}}},
		&Adopted{"g", 8, []string{"n"}},
		&OffsetsCommitted{"g", 1 << 40, -1, []CommitPartition{{topicID("t"), 5, 1 << 33, 2, "meta"}, {topicID("t"), 6, 0, -1, ""}}},
		&OffsetsRemoved{"g", []OffsetPlace{{topicID("t"), 6}}},
		&MembersRemoved{"g", []string{"d"}},
		&OffsetsCommitted{"h", 1 << 40, 1 << 41, []CommitPartition{{topicID("u"), 0, 1, -1, ""}}},
		&TopicForgotten{topicID("u")},
		&GroupDeleted{"h"},
	}
}

// TestGolden holds the encodings to what earlier builds wrote. A change of it needs a new tag or version.
func TestGolden(t *testing.T) {
	const file = "testdata/golden.txt"
	var out strings.Builder
	line := func(what string, tag uint8, encode func(*codec.Writer)) {
		var w codec.Writer
		encode(&w)
		fmt.Fprintf(&out, "%s %d %x\n", what, tag, w.B)
	}
	for _, c := range sampleCommands() {
		line("command", c.Tag(), c.Encode)
	}
	s := New()
	for _, e := range sampleEvents() {
		line("event", e.Tag(), e.Encode)
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		s.Snapshot(func(key string, body []byte) { fmt.Fprintf(&b, "part %s %x\n", key, body) })
		out.WriteString(b.String())
	}
	reply := Reply{base.OffsetMetadataTooLarge, true, "m", true, "n", []base.Kind{base.OK, base.UnknownServerError}}
	line("reply", 0, reply.Encode)
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the encodings are no longer those of %s:\n%s", file, out.String())
	}
}

// TestCodecKnowsEveryTag: each command and event comes back as it was, and no tag is left out of the samples.
func TestCodecKnowsEveryTag(t *testing.T) {
	commands, events := map[uint8]bool{}, map[uint8]bool{}
	for _, c := range sampleCommands() {
		recode(t, c.Tag(), c, DecodeCommand)
		commands[c.Tag()] = true
	}
	for _, e := range sampleEvents() {
		recode(t, e.Tag(), e, DecodeEvent)
		events[e.Tag()] = true
	}
	for tag := range 256 {
		if known := newCommand(uint8(tag)) != nil; known != commands[uint8(tag)] || known && (tag < 64 || tag > 127) {
			t.Errorf("command tag %d: known %v, sampled %v", tag, known, commands[uint8(tag)])
		}
		if known := newEvent(uint8(tag)) != nil; known != events[uint8(tag)] || known && (tag < 64 || tag > 127) {
			t.Errorf("event tag %d: known %v, sampled %v", tag, known, events[uint8(tag)])
		}
	}
	_, err := DecodeEvent(200, &codec.Reader{})
	if base.KindOf(err) != base.UnsupportedVersion {
		t.Errorf("an unknown event is %v", err)
	}
}

// TestMisfits: events that do not fit the state are refused and change nothing.
func TestMisfits(t *testing.T) {
	s, samples := New(), sampleEvents()
	for _, e := range samples[:12] { // up to the removal of a member of a stable group
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	instance, r := "s", "range"
	for _, e := range []Event{
		&RoundBegun{Group: "nowhere"},
		&GroupDeleted{"nowhere"},
		&MemberPut{Group: "g", ID: "other", InstanceID: &instance},
		&MemberPut{Group: "new"},
		&MemberReplaced{"g", "n", "n"},
		&MemberReplaced{"g", "m", "x"},
		&MembersRemoved{"g", []string{"n", "n"}},
		&MembersRemoved{"g", []string{"m"}},
		&RoundBegun{Group: "g", Deadline: -1},
		&RoundExtended{Group: "g"},
		&RoundCompleted{Group: "g", Generation: 2, Protocol: &r, Leader: "n"},
		&MemberSynced{"g", "m"},
		&Assigned{Group: "g"},
		&Adopted{"g", 9, []string{"n", "m"}},
		&OffsetsCommitted{Group: "g", Offsets: []CommitPartition{{Topic: topicID("t"), Partition: -1}}},
	} {
		before := partsOf(s)
		err := s.Apply(e)
		if base.KindOf(err) != base.CorruptMessage {
			t.Errorf("%s: %v", eventText(e), err)
		}
		for i, p := range partsOf(s) {
			if !bytes.Equal(p.body, before[i].body) {
				t.Errorf("%s was refused and changed %s", eventText(e), p.key)
			}
		}
	}
}

// TestReplyParts: a command that was refused whole, or that has no parts of its own, answers each part alike.
func TestReplyParts(t *testing.T) {
	whole := Reply{Kind: base.IllegalGeneration}
	each := Reply{Parts: []base.Kind{base.OK, base.OffsetMetadataTooLarge}}
	if whole.Part(3) != base.IllegalGeneration || each.Part(0) != base.OK || each.Part(1) != base.OffsetMetadataTooLarge {
		t.Errorf("%v %v %v", whole.Part(3), each.Part(0), each.Part(1))
	}
}

func TestMemberIDs(t *testing.T) {
	id := NewMemberID("g", "client-1", 1<<40, [16]byte{1, 2, 3})
	if issued, ok := VerifyMemberID("g", id); !ok || issued != 1<<40 {
		t.Fatalf("%s is not verified: %v %v", id, issued, ok)
	}
	for _, forged := range []string{"", "-", id[1:], id + "0", strings.ToUpper(id), "Client-1" + id[8:],
		strings.Replace(id, "-7", "-4", 1), id[:len(id)-1] + "g"} {
		if _, ok := VerifyMemberID("g", forged); ok {
			t.Errorf("%q is verified", forged)
		}
	}
	if _, ok := VerifyMemberID("h", id); ok {
		t.Error("the id of another group is verified")
	}
	if a, b := NewMemberID("g", "", 1, [16]byte{10: 1}), NewMemberID("g", "", 1, [16]byte{10: 2}); a == b {
		t.Error("different random bytes give the same id")
	}
}
