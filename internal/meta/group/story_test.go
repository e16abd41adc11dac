package group

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories of testdata answer into them")

// A story is a file of steps: a line, "----", and what comes of it, up to an empty line.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.story")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) { tell(t, file) })
	}
}

func tell(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(t)
	var out strings.Builder
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			out.WriteString(line + "\n")
			continue
		}
		var want []string
		if i+1 < len(lines) && lines[i+1] == "----" {
			for i += 2; i < len(lines) && lines[i] != ""; i++ {
				want = append(want, lines[i])
			}
		} else if i+1 < len(lines) && lines[i+1] == "" {
			i++ // a new step: the empty line will follow its answer
		}
		got := s.step(line)
		fmt.Fprintf(&out, "%s\n----\n%s\n", line, got)
		if w := strings.Join(want, "\n"); !*rewrite && strings.TrimSpace(got) != strings.TrimSpace(w) {
			t.Errorf("%s: %s\ngot:\n%swant:\n%s\n", file, line, got, w)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type story struct {
	t     *testing.T
	state *State
	now   base.Millis
	cfg   Config
	dead  deadSet
	ids   map[string]string // names in the story to member ids
	args  []string
	opts  map[string]string
}

type deadSet map[base.Incarnation]bool

func (d deadSet) Live(i base.Incarnation) bool { return !d[i] }

func newStory(t *testing.T) *story {
	return &story{t: t, state: New(), now: 1_000_000, cfg: DefaultConfig(), dead: deadSet{}, ids: map[string]string{}}
}

func (s *story) step(line string) string {
	words := strings.Fields(line)
	s.args, s.opts = nil, map[string]string{}
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			s.opts[k] = v
		} else {
			s.args = append(s.args, w)
		}
	}
	if text, ok := s.ask(words[0]); ok {
		return s.named(text)
	}
	return s.named(s.propose(s.command(words[0])))
}

// ask runs a step that proposes nothing.
func (s *story) ask(verb string) (string, bool) {
	g := s.state.Get(s.arg(0))
	switch verb {
	case "wait":
		s.now += base.Millis(number(s.arg(0)))
		return fmt.Sprintf("now %d\n", s.now), true
	case "config":
		s.configure()
		return "", true
	case "dies":
		s.dead[base.Incarnation(number(s.arg(0)))] = true
		return "", true
	case "heartbeat":
		return kindName(g.CheckHeartbeat(s.id(s.arg(1)), s.opt("instance"), s.int("gen", 0))) + "\n", true
	case "joined?":
		kind, done := g.JoinOutcome(s.id(s.arg(1)), s.opt("instance"))
		return s.joined(g, kind, done), true
	case "synced?":
		kind, done := g.SyncOutcome(s.id(s.arg(1)), s.opt("instance"), s.int("gen", 0))
		if kind != base.OK || !done {
			return fmt.Sprintf("%s done=%v\n", kindName(kind), done), true
		}
		return fmt.Sprintf("OK done=true assignment=%q\n", g.Member(s.id(s.arg(1))).Assignment), true
	case "show":
		return show(g), true
	case "due":
		return s.due(), true
	}
	return "", false
}

func (s *story) configure() {
	for k, v := range s.opts {
		n := number(v)
		switch k {
		case "delay":
			s.cfg.InitialRebalanceDelayMs = int32(n)
		case "size":
			s.cfg.MaxSize = int32(n)
		case "metadata":
			s.cfg.OffsetMetadataMax = int32(n)
		case "retention":
			s.cfg.OffsetsRetentionMs = n
		default:
			s.t.Fatalf("unknown setting %s", k)
		}
	}
}

func (s *story) due() string {
	var b strings.Builder
	for g := range s.state.Due() {
		fmt.Fprintf(&b, "%s at +%d\n", g.Name, g.Deadline-s.now)
	}
	for t := range s.state.Tenders() {
		fmt.Fprintf(&b, "tender %d:", t)
		for g := range s.state.TendedBy(t) {
			fmt.Fprintf(&b, " %s", g.Name)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (s *story) command(verb string) Command {
	tender := base.Incarnation(s.int("tender", 1))
	switch verb {
	case "join":
		return s.join(tender)
	case "sync":
		c := &Sync{Group: s.arg(0), MemberID: s.id(s.arg(1)), InstanceID: s.opt("instance"), Generation: s.int("gen", 0),
			ProtocolType: s.opt("type"), Protocol: s.opt("protocol"), Tender: tender}
		for _, a := range s.rest(2) {
			name, what, _ := strings.Cut(a, ":")
			c.Assignments = append(c.Assignments, Assignment{s.id(name), []byte(what)})
		}
		return c
	case "leave":
		c := &Leave{Group: s.arg(0)}
		for _, a := range s.rest(1) {
			name, instance, ok := strings.Cut(a, "/")
			l := Leaver{MemberID: s.id(name)}
			if ok {
				l.InstanceID = &instance
			}
			c.Members = append(c.Members, l)
		}
		return c
	case "tick":
		at := base.Millis(0)
		if g := s.state.Get(s.arg(0)); g != nil {
			at = g.Deadline
		}
		return &Tick{Group: s.arg(0), Deadline: base.Millis(s.int("deadline", int32(at)))}
	case "expire":
		return &ExpireMember{Group: s.arg(0), MemberID: s.id(s.arg(1)), Generation: s.int("gen", 0), By: base.Incarnation(s.int("by", 1))}
	case "adopt":
		return &Adopt{Group: s.arg(0), MemberID: s.id(s.arg(1)), OldTender: base.Incarnation(s.int("from", 0)),
			NewTender: base.Incarnation(s.int("to", 0)), Heard: slices.Contains(s.args, "heard")}
	}
	return s.offsetCommand(verb)
}

func (s *story) join(tender base.Incarnation) Command {
	c := &Join{Group: s.arg(0), MemberID: s.id(s.arg(1)), RequireKnownID: slices.Contains(s.args, "v4"), InstanceID: s.opt("instance"),
		ClientID: "c", ClientHost: "/h", ProtocolType: "consumer", SessionTimeoutMs: s.int("session", 10_000),
		RebalanceTimeoutMs: s.int("rebalance", 60_000), Tender: tender}
	if v := s.opt("type"); v != nil {
		c.ProtocolType = *v
	}
	if v := s.opt("client"); v != nil {
		c.ClientID = *v
	}
	if name := s.opts["new"]; name != "" {
		if _, known := s.ids[name]; !known {
			s.ids[name] = NewMemberID(c.Group, "c", s.now, [16]byte{15: 1, 7: byte(len(s.ids))})
		}
		c.NewID = s.ids[name]
	}
	for _, p := range strings.Split(s.opts["by"], ",") {
		name, topics, _ := strings.Cut(p, ":")
		if name != "" {
			metadata := subscriptionOf(strings.Split(topics, "+")...)
			if raw := s.opt("raw"); raw != nil {
				metadata = []byte(*raw)
			}
			c.Protocols = append(c.Protocols, Protocol{name, metadata})
		}
	}
	return c
}

func (s *story) offsetCommand(verb string) Command {
	switch verb {
	case "commit":
		c := &OffsetCommit{Group: s.arg(0), MemberID: s.id(s.arg(1)), InstanceID: s.opt("instance"), Generation: s.int("gen", -1),
			RetentionMs: -1, APIVersion: int16(s.int("v", 8))}
		if v := s.opt("retention"); v != nil {
			c.RetentionMs = number(*v)
		}
		for _, a := range s.rest(2) {
			f := strings.Split(a, ":")
			p := CommitPartition{Topic: topicID(f[0]), Partition: int32(number(f[1])), Offset: number(f[2]), LeaderEpoch: 1}
			if len(f) > 3 {
				p.Metadata = f[3]
			}
			c.Partitions = append(c.Partitions, p)
		}
		return c
	case "delete-offsets":
		c := &OffsetDelete{Group: s.arg(0)}
		for _, a := range s.rest(1) {
			name, p, _ := strings.Cut(a, ":")
			c.Partitions = append(c.Partitions, DeletePartition{topicID(name), name, int32(number(p))})
		}
		return c
	case "delete":
		return &DeleteGroup{Group: s.arg(0)}
	case "forget":
		return &ForgetTopic{Topic: topicID(s.arg(0))}
	case "expire-offsets":
		c := &ExpireOffsets{Group: s.arg(0)}
		for _, a := range s.rest(1) {
			c.Topics = append(c.Topics, TopicName{topicID(a), a})
		}
		return c
	}
	s.t.Fatalf("unknown step %q", verb)
	return nil
}

// propose decides a command, takes it and its events through their encodings, and applies them to a fork.
func (s *story) propose(c Command) string {
	c = recode(s.t, c.Tag(), c, DecodeCommand)
	events, reply := Decide(s.state, c, s.now, s.cfg, s.dead)
	var w codec.Writer
	reply.Encode(&w)
	reply, err := DecodeReply(&codec.Reader{B: w.B})
	if err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(replyText(reply))
	s.state = s.state.Fork()
	for _, e := range events {
		e = recode(s.t, e.Tag(), e, DecodeEvent)
		if err := s.state.Apply(e); err != nil {
			s.t.Fatal(err)
		}
		b.WriteString("  " + eventText(e) + "\n")
	}
	checkState(s.t, s.state)
	return b.String()
}

// checkState verifies the invariants, and that a snapshot restores to an equal state.
func checkState(t testing.TB, s *State) {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	parts := partsOf(s)
	back := New()
	for _, p := range parts {
		if !IsPart(p.key) {
			t.Fatalf("part %s is not known as this room's", p.key)
		}
		if err := back.Restore(p.key, bytes.Clone(p.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := back.Check(); err != nil {
		t.Fatal(err)
	}
	if s.Len() != back.Len() || !slices.EqualFunc(parts, partsOf(back), part.equal) {
		t.Fatal("a snapshot of the restored state is another one")
	}
}

type part struct {
	key  string
	body []byte
}

func (p part) equal(q part) bool { return p.key == q.key && bytes.Equal(p.body, q.body) }

func partsOf(s *State) (list []part) {
	s.Snapshot(func(key string, body []byte) { list = append(list, part{key, body}) })
	return list
}

type encoder interface{ Encode(*codec.Writer) }

// recode takes v through its encoding, and demands that it encodes to the same bytes again.
func recode[T encoder](t testing.TB, tag uint8, v T, decode func(uint8, *codec.Reader) (T, error)) T {
	t.Helper()
	var w, again codec.Writer
	v.Encode(&w)
	back, err := decode(tag, &codec.Reader{B: w.B})
	if err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	if back.Encode(&again); !bytes.Equal(w.B, again.B) {
		t.Fatalf("%T is encoded as %x, and decoded and encoded as %x", v, w.B, again.B)
	}
	return back
}

func (s *story) arg(i int) string {
	if i < len(s.args) {
		return s.args[i]
	}
	return ""
}

func (s *story) rest(i int) []string { return s.args[min(i, len(s.args)):] }

func (s *story) opt(key string) *string {
	if v, ok := s.opts[key]; ok {
		return &v
	}
	return nil
}

func (s *story) int(key string, otherwise int32) int32 {
	if v, ok := s.opts[key]; ok {
		return int32(number(v))
	}
	return otherwise
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// id gives the member id of a name; "-" has none, and unknown names stand for themselves.
func (s *story) id(name string) string {
	if name == "-" || name == "*" {
		return ""
	}
	if id, ok := s.ids[name]; ok {
		return id
	}
	return name
}

// named puts names for member ids.
func (s *story) named(text string) string {
	for name, id := range s.ids {
		text = strings.ReplaceAll(text, id, name)
	}
	return text
}

func topicID(name string) (id base.TopicID) {
	copy(id[:], name)
	return id
}

func topicName(id base.TopicID) string { return string(bytes.TrimRight(id[:], "\x00")) }

// subscriptionOf gives a consumer's metadata, version 1 with nothing behind the topics.
func subscriptionOf(topics ...string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 1}, uint32(len(topics)))
	for _, t := range topics {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(t))), t...)
	}
	return append(b, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
}
