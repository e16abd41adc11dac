package group

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"pgregory.net/rapid"
)

// world is a state under random commands, beside a second one that gets the same events without forks.
type world struct {
	state, inPlace *State
	now            base.Millis
	cfg            Config
	dead           deadSet
	issued         []string
	past           []frozen
}

// frozen is a state that has been forked, with what it was then.
type frozen struct {
	state *State
	parts []part
}

// TestRandomCommands: whatever is asked, Decide changes nothing, events fit, invariants hold after each command, a fork
// that applies equals a state that applies in place, and forked states never change.
func TestRandomCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{state: New(), inPlace: New(), now: 1 << 40, cfg: DefaultConfig(), dead: deadSet{3: true}}
		w.cfg.InitialRebalanceDelayMs = rapid.SampledFrom([]int32{0, 3000}).Draw(t, "delay")
		w.cfg.MaxSize = rapid.SampledFrom([]int32{2, 100}).Draw(t, "size")
		w.cfg.OffsetsRetentionMs = 20_000
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			w.now += base.Millis(rapid.IntRange(0, 20_000).Draw(t, "pass"))
			w.propose(t, w.draw(t))
		}
		for _, f := range w.past {
			if !slices.EqualFunc(f.parts, partsOf(f.state), part.equal) {
				t.Fatal("a state changed after it was forked")
			}
		}
	})
}

func (w *world) propose(t *rapid.T, c Command) {
	c = recodeRapid(t, c)
	before := partsOf(w.state)
	events, reply := Decide(w.state, c, w.now, w.cfg, w.dead)
	if !slices.EqualFunc(before, partsOf(w.state), part.equal) {
		t.Fatalf("Decide of %#v changed the state", c)
	}
	if reply.Kind == base.UnknownServerError {
		t.Fatalf("%#v: events that do not fit were decided", c)
	}
	again, replyAgain := Decide(w.inPlace, c, w.now, w.cfg, w.dead)
	if !reflect.DeepEqual(events, again) || !reflect.DeepEqual(reply, replyAgain) {
		t.Fatalf("%#v is decided differently on equal states: %v, %v", c, events, again)
	}
	w.past = append(w.past, frozen{w.state, before})
	w.state = w.state.Fork()
	for _, e := range events {
		if err := w.state.Apply(e); err != nil {
			t.Fatal(err)
		}
		applyAndScribble(t, w.inPlace, e)
	}
	if err := w.state.Check(); err != nil {
		t.Fatalf("after %#v: %v", c, err)
	}
	if !slices.EqualFunc(partsOf(w.state), partsOf(w.inPlace), part.equal) {
		t.Fatalf("after %#v fork and original differ", c)
	}
	w.restart(t)
}

// applyAndScribble applies an event as it came from the journal, whose memory then serves for something else.
func applyAndScribble(t *rapid.T, s *State, e Event) {
	var w codec.Writer
	e.Encode(&w)
	back, err := DecodeEvent(e.Tag(), &codec.Reader{B: w.B})
	if err == nil {
		err = s.Apply(back)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.B {
		w.B[i] = 0xff
	}
}

// restart goes on from a snapshot instead of the state, which must make no difference.
func (w *world) restart(t *rapid.T) {
	back := New()
	for _, p := range partsOf(w.inPlace) {
		if err := back.Restore(p.key, p.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := back.Check(); err != nil {
		t.Fatal(err)
	}
	if back.Digest() != w.state.Digest() {
		t.Fatal("the digest does not survive a snapshot")
	}
	w.inPlace = back
}

func recodeRapid(t *rapid.T, c Command) Command {
	var w codec.Writer
	c.Encode(&w)
	back, err := DecodeCommand(c.Tag(), &codec.Reader{B: w.B})
	if err != nil || !reflect.DeepEqual(c, back) {
		t.Fatalf("%#v comes back from its encoding as %#v, %v", c, back, err)
	}
	return back
}

// draw gives a command that is mostly sensible in the present state, and sometimes is not.
func (w *world) draw(t *rapid.T) Command {
	name := rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group")
	g := w.state.Get(name)
	id, instance := w.member(t, g)
	gen := int32(0)
	if g != nil {
		gen = g.Generation - int32(rapid.IntRange(0, 10).Draw(t, "stale")/10)
	}
	tender := base.Incarnation(rapid.IntRange(1, 4).Draw(t, "tender"))
	switch rapid.SampledFrom([]string{"join", "join", "join", "join", "sync", "sync", "sync", "tick", "tick",
		"leave", "expire", "adopt", "offsets", "offsets"}).Draw(t, "what") {
	case "join":
		return w.join(t, name, id, instance, tender)
	case "sync":
		c := &Sync{Group: name, MemberID: id, InstanceID: instance, Generation: gen, Tender: tender}
		for _, m := range g.Members() {
			c.Assignments = append(c.Assignments, Assignment{m.ID, fmt.Appendf(nil, "%s at %d", m.ID, gen)})
		}
		return c
	case "tick":
		c := &Tick{Group: name}
		if g != nil {
			c.Deadline = g.Deadline
			w.now = max(w.now, g.Deadline-base.Millis(rapid.IntRange(0, 1).Draw(t, "early")))
		}
		return c
	case "leave":
		return &Leave{Group: name, Members: []Leaver{{id, instance}, {"", instance}}}
	case "expire":
		return &ExpireMember{Group: name, MemberID: id, Generation: gen, By: tender}
	case "adopt":
		return &Adopt{Group: name, MemberID: rapid.SampledFrom([]string{"", id}).Draw(t, "whom"), OldTender: tender,
			NewTender: 2, Heard: rapid.Bool().Draw(t, "heard")}
	}
	return w.offsets(t, name, id, instance, gen)
}

// member draws a member of the group, or an id that is not one.
func (w *world) member(t *rapid.T, g *Group) (string, *string) {
	if ms := g.Members(); len(ms) != 0 && rapid.IntRange(0, 9).Draw(t, "known") != 0 {
		m := rapid.SampledFrom(ms).Draw(t, "member")
		return m.ID, m.InstanceID
	}
	var instance *string
	if rapid.Bool().Draw(t, "static") {
		s := rapid.SampledFrom([]string{"s", "r"}).Draw(t, "instance")
		instance = &s
	}
	return rapid.SampledFrom(append(w.issued, "", "", "")).Draw(t, "id"), instance
}

func (w *world) join(t *rapid.T, name, id string, instance *string, tender base.Incarnation) Command {
	c := &Join{Group: name, MemberID: id, InstanceID: instance, RequireKnownID: rapid.Bool().Draw(t, "v4"), ClientID: "c",
		ClientHost: "/h", ProtocolType: "consumer", SessionTimeoutMs: 30_000,
		RebalanceTimeoutMs: int32(rapid.IntRange(-1, 60_000).Draw(t, "rebalance")), Tender: tender}
	if id == "" {
		c.NewID = NewMemberID(name, "c", w.now, [16]byte{9: byte(len(w.issued)), 10: byte(len(w.issued) >> 8)})
		w.issued = append(w.issued, c.NewID)
	}
	names := rapid.SampledFrom([][]string{{"range"}, {"range"}, {"sticky", "range"}, {"range", "sticky"}, {"sticky"}}).Draw(t, "protocols")
	topic := rapid.SampledFrom([]string{"t", "u"}).Draw(t, "topic")
	for _, p := range names {
		c.Protocols = append(c.Protocols, Protocol{p, subscriptionOf(topic)})
	}
	return c
}

func (w *world) offsets(t *rapid.T, name, id string, instance *string, gen int32) Command {
	topic, partition := topicID(rapid.SampledFrom([]string{"t", "u"}).Draw(t, "topic")), int32(rapid.IntRange(0, 40).Draw(t, "partition"))
	switch rapid.SampledFrom([]string{"commit", "commit", "commit", "delete", "drop", "forget", "expire"}).Draw(t, "offsets") {
	case "commit":
		c := &OffsetCommit{Group: name, MemberID: id, InstanceID: instance, Generation: gen, RetentionMs: -1, APIVersion: 9}
		if rapid.Bool().Draw(t, "simple") {
			c.MemberID, c.InstanceID, c.Generation = "", nil, -1
		}
		for i := range int32(rapid.IntRange(1, 30).Draw(t, "many")) {
			c.Partitions = append(c.Partitions, CommitPartition{topic, partition + i, int64(w.now), -1, "m"})
		}
		return c
	case "delete":
		return &OffsetDelete{Group: name, Partitions: []DeletePartition{{topic, topicName(topic), partition}}}
	case "drop":
		return &DeleteGroup{Group: name}
	case "forget":
		return &ForgetTopic{Topic: topic}
	}
	return &ExpireOffsets{Group: name, Topics: []TopicName{{topicID("t"), "t"}, {topicID("u"), "u"}}}
}

// TestReadersOfForkedStates reads published states while the next ones are made; it is of use under the race detector.
func TestReadersOfForkedStates(t *testing.T) {
	var readers sync.WaitGroup
	s, cfg := New(), DefaultConfig()
	for i := range 200 {
		next := s.Fork()
		for p := range int32(50) {
			apply(t, next, &OffsetCommit{Group: "g", Generation: -1, RetentionMs: -1,
				Partitions: []CommitPartition{{topicID("t"), p, int64(i), -1, ""}}}, cfg)
		}
		apply(t, next, joinOf(fmt.Sprint("h", i%3), base.Millis(i)), cfg)
		readers.Go(func() {
			for o := range next.Get("g").Offsets() {
				if o.Offset.Offset != int64(i) {
					t.Errorf("state %d holds an offset of %d", i, o.Offset.Offset)
				}
			}
			Decide(next, joinOf("h0", base.Millis(i)), 0, cfg, deadSet{})
		})
		s = next
	}
	readers.Wait()
}

func joinOf(group string, now base.Millis) *Join {
	return &Join{Group: group, NewID: NewMemberID(group, "c", now, [16]byte{}), ProtocolType: "consumer",
		Protocols: []Protocol{{"range", subscriptionOf("t")}}, SessionTimeoutMs: 10_000, RebalanceTimeoutMs: 1000, Tender: 1}
}

func apply(t testing.TB, s *State, c Command, cfg Config) Reply {
	t.Helper()
	events, reply := Decide(s, c, 0, cfg, deadSet{})
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	return reply
}
