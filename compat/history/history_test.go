package history

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// script is a made-up history of one partition: what clients were told, in order, and what the final reader found.
type script struct {
	t *testing.T
	*History
	log []Record
	at  int64
}

func newScript(t *testing.T) *script { return &script{t: t, History: New(nil)} }

func (s *script) tell(e Event) {
	s.at++
	e.At = s.at
	s.Add(e, time.Unix(1000, 0))
}

// rec makes records of producer p at offsets from, from+1 …: rec(5, 0, 1) are its records 0 and 1 at offsets 5 and 6. Two
// records make an operation.
func rec(from int64, indices ...int64) (list []Record) {
	for i, index := range indices {
		list = append(list, Record{Offset: from + int64(i), Value: Number{"p", index / 2, index}.String()})
	}
	return list
}

func (s *script) ack(records []Record) { s.tell(Event{Client: "p", Kind: Ack, Records: records}) }
func (s *script) poll(records []Record) {
	s.tell(Event{Client: "reader", Kind: Poll, Records: records})
}
func (s *script) member(client string, kind Kind, records ...Record) {
	s.tell(Event{Client: client, Group: "g", Kind: kind, Records: records})
}

// begin is how every script goes: four records, acknowledged, read by a reader of fixed partitions and by a group.
func (s *script) begin() {
	s.ack(rec(0, 0, 1))
	s.ack(rec(2, 2, 3))
	s.tell(Event{Client: "reader", Kind: Assign, Records: []Record{{Offset: 0}}})
	s.poll(rec(0, 0, 1))
	s.poll(rec(2, 2))
	s.member("m1", Assign, Record{Offset: Committed})
	s.member("m1", Poll, rec(0, 0, 1)...)
	s.member("m1", Commit, Record{Offset: 2})
	s.member("m1", Revoke, Record{})
	s.member("m2", Assign, Record{Offset: Committed})
	s.member("m2", Poll, rec(2, 2, 3)...)
	s.log = rec(0, 0, 1, 2, 3)
}

func (s *script) verdict() []Violation { return s.Verify(s.log, []string{"reader", "group g"}) }

// fault is something that goes wrong after begin, unless it says how the whole of it goes.
type fault struct {
	name   string
	happen func(s *script)
	want   Check
	text   string // part of the verdict
}

// rest is what the reader still lacks after begin.
func (s *script) rest() { s.poll(rec(3, 3)) }

var faults = []fault{
	{"the last record is not in the log", func(s *script) { s.rest(); s.log = s.log[:3] }, LostWrite, `"p 1 3" was acknowledged at offset 3`},
	{"another record is in its place", func(s *script) { s.rest(); s.log = rec(0, 0, 1, 2, 4) }, LostWrite, `"p 1 3" was acknowledged`},
	{"the log has a hole", func(s *script) { s.rest(); s.ack(rec(5, 4)); s.log = append(s.log, rec(5, 4)...) }, LostWrite, "offsets 4 to 4"},
	{"acknowledged without an offset, and not in the log", func(s *script) { s.rest(); s.ack(rec(Somewhere, 4)) }, LostWrite, `"p 2 4" was acknowledged to p`},
	{"garbage acknowledged without an offset", func(s *script) { s.rest(); s.ack([]Record{{Offset: Somewhere, Value: "x"}}) }, Phantom, `acknowledged "x"`},
	{"a record is there twice", func(s *script) { s.rest(); s.log = append(s.log, rec(4, 3)...) }, Duplicate, `"p 1 3" at offsets 3 and 4`},
	{"two are acknowledged at one offset", func(s *script) { s.rest(); s.ack(rec(3, 4)) }, InconsistentOffsets, `told of "p 1 3", p of "p 2 4"`},
	{"readers disagree", func(s *script) { s.poll(rec(3, 4)) }, InconsistentOffsets, "reader of"},
	{"acknowledged at one offset, found at another", func(s *script) {
		s.rest()
		s.ack(rec(5, 4))
		s.log = append(s.log, rec(4, 4)...)
	}, InconsistentOffsets, "at offset 5, the log has it at 4"},
	{"a reader was given what is not there", func(s *script) { s.rest(); s.poll(rec(4, 4)) }, InconsistentOffsets, "the log does not have it"},
	{"an offset below zero", func(s *script) { s.rest(); s.poll(rec(-1, 4)) }, InconsistentOffsets, "offset -1"},
	{"two of one operation change places", func(s *script) {
		s.rest()
		s.ack(rec(4, 5, 4))
		s.log = append(s.log, rec(4, 5, 4)...)
	}, IntNonmonotonicSend, `"p 2 5" is at offset 4, "p 2 4", sent before it, at 5`},
	{"two operations change places", func(s *script) {
		s.rest()
		s.log = append(s.log, rec(4, 6, 4)...)
	}, ExtNonmonotonicSend, `"p 3 6" is at offset 4`},
	{"a poll leaves a record out", func(s *script) {
		s.poll([]Record{rec(3, 3)[0], rec(5, 5)[0]})
		s.log = rec(0, 0, 1, 2, 3, 4, 5)
	}, IntPollSkip, `offset 5 after offset 3, and not what lies between: "p 2 4" at offset 4`},
	{"the next poll leaves a record out", func(s *script) { s.log = rec(0, 0, 1, 2, 3, 4); s.poll(rec(4, 4)) }, ExtPollSkip, `"p 1 3" at offset 3`},
	{"a reader begins behind the first record", func(s *script) {
		s.tell(Event{Client: "second", Kind: Assign, Records: []Record{{Offset: 0}}})
		s.tell(Event{Client: "second", Kind: Poll, Records: rec(1, 1)})
	}, ExtPollSkip, "second was given partition 0 offset 1 after offset -1"},
	{"the final reader leaves a record out", func(s *script) { s.rest(); s.log = append(rec(0, 0, 1), rec(3, 3)...) }, ExtPollSkip, FinalReader},
	{"a poll goes back", func(s *script) { s.poll([]Record{rec(3, 3)[0], rec(3, 3)[0]}) }, IntNonmonotonicPoll, "offset 3 after offset 3"},
	{"the next poll goes back", func(s *script) { s.rest(); s.poll(rec(1, 1)) }, ExtNonmonotonicPoll, "offset 1 after offset 3"},
	{"a reader lacks a record", func(*script) {}, Unseen, "reader was never given 1 records of partition 0, the first at offset 3"},
	{"a group lacks a record", func(s *script) {
		s.poll(rec(3, 3, 4))
		s.log = rec(0, 0, 1, 2, 3, 4)
	}, Unseen, "group g was never given 1 records"},
	{"a producer's record is missing before another", func(s *script) {
		s.rest()
		s.log = append(s.log, rec(4, 5)...)
	}, Gap, "record 5 of p, and not record 4"},
	{"a record of nobody", func(s *script) {
		s.rest()
		s.log = append(s.log, Record{Offset: 4, Value: "other 0 0"})
	}, Phantom, "of a producer that there is not"},
	{"a record that was not sent", func(s *script) {
		s.rest()
		s.tell(Event{Client: "p", Kind: End, Sent: 4})
		s.log = append(s.log, rec(4, 4)...)
	}, Phantom, "sent 4 records"},
	{"a record that is garbage", func(s *script) {
		s.rest()
		s.log = append(s.log, Record{Offset: 4, Value: "p 0 0 "})
	}, Phantom, `holds "p 0 0 "`},
	{"a group goes on before what it committed", func(s *script) {
		s.rest()
		s.member("m2", Commit, Record{Offset: 4})
		s.member("m1", Assign, Record{Offset: Committed})
		s.member("m1", Poll, rec(2, 2)...)
	}, LostCommit, "m1 of group g was given partition 0 and went on at offset 2; 4 had been committed"},
	{"a group goes on where a member was before its last commit", func(s *script) {
		s.rest()
		s.member("m2", Commit, Record{Offset: 3})
		s.member("m2", Commit, Record{Offset: 4})
		s.member("m1", Assign, Record{Offset: Committed})
		s.member("m1", Poll, rec(3, 3)...)
	}, LostCommit, "went on at offset 3; 4 had been committed"},
	{"a commit of one member undoes that of another", func(s *script) {
		s.rest()
		s.member("m2", Commit, Record{Offset: 4})
		s.member("m1", Commit, Record{Offset: 2})
		s.member("m1", Assign, Record{Offset: Committed})
		s.member("m1", Poll, rec(2, 2)...)
	}, LostCommit, "went on at offset 2; 4 had been committed"},
	{"a client gives up", func(s *script) {
		s.rest()
		s.tell(Event{Client: "p", Kind: Error, Text: "OUT_OF_ORDER_SEQUENCE_NUMBER", Fatal: true})
	}, FatalError, "p was told: OUT_OF_ORDER_SEQUENCE_NUMBER"},
	{"a client writes what it should not", func(s *script) { s.rest(); s.tell(Event{Client: "p", Kind: "send"}) }, FatalError, `"send"`},
}

func TestEveryFaultIsFound(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			s := newScript(t)
			s.begin()
			f.happen(s)
			verdict := s.verdict()
			if !slices.ContainsFunc(verdict, func(v Violation) bool { return v.Check == f.want && strings.Contains(v.Text, f.text) }) {
				t.Errorf("verdict %v, want a %s with %s", verdict, f.want, f.text)
			}
		})
	}
}

func TestThereIsAFaultForEveryCheck(t *testing.T) {
	missing := map[Check]bool{}
	for _, c := range []Check{LostWrite, Duplicate, InconsistentOffsets, IntNonmonotonicSend, ExtNonmonotonicSend, IntPollSkip, ExtPollSkip,
		IntNonmonotonicPoll, ExtNonmonotonicPoll, Unseen, Gap, Phantom, LostCommit, FatalError} {
		missing[c] = true
	}
	for _, f := range faults {
		delete(missing, f.want)
	}
	if len(missing) > 0 {
		t.Errorf("no made-up history for %v", slices.Collect(maps.Keys(missing)))
	}
}

// What Kafka permits is no violation.
func TestWhatIsPermittedPasses(t *testing.T) {
	for name, happen := range map[string]func(s *script){
		"all is well":                   func(*script) {},
		"there, and never acknowledged": func(s *script) { s.poll(rec(4, 4)); s.member("m2", Poll, rec(4, 4)...); s.log = rec(0, 0, 1, 2, 3, 4) },
		"acknowledged without an offset": func(s *script) {
			s.ack(rec(Somewhere, 4))
			s.poll(rec(4, 4))
			s.member("m2", Poll, rec(4, 4)...)
			s.log = rec(0, 0, 1, 2, 3, 4)
		},
		"acknowledged twice at one offset": func(s *script) { s.ack(rec(3, 3)) },
		"acknowledged later than the next": func(s *script) { s.late() },
		"a group is given a record again":  func(s *script) { s.member("m1", Assign, Record{Offset: Committed}); s.member("m1", Poll, rec(2, 2)...) },
		"a member begins where the group is": func(s *script) {
			s.member("m3", Assign, Record{Offset: Committed})
			s.member("m3", Poll, rec(2, 2, 3)...)
		},
		"a commit after the assignment": func(s *script) {
			s.member("m1", Assign, Record{Offset: Committed})
			s.member("m2", Commit, Record{Offset: 4})
			s.member("m1", Poll, rec(2, 2)...)
		},
		"a member's older commit is repeated behind its newer": func(s *script) {
			s.member("m2", Commit, Record{Offset: 4})
			s.member("m2", Commit, Record{Offset: 2})
			s.member("m1", Assign, Record{Offset: Committed})
			s.member("m1", Poll, rec(2, 2)...)
		},
		"a record given up is missing": func(s *script) {
			// The failure itself is told; what is missing behind it is not held against the log.
			s.poll(rec(4, 5))
			s.member("m2", Poll, rec(4, 5)...)
			s.log = append(s.log, rec(4, 5)...)
			s.producer("p").failed = true
		},
		"a client is told and tries again": func(s *script) { s.tell(Event{Client: "p", Kind: Error, Text: "broker down"}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.begin()
			s.rest()
			happen(s)
			if got := s.verdict(); len(got) > 0 {
				t.Errorf("verdict %v, want none", got)
			}
		})
	}
}

// late acknowledges two more operations, the later one first.
func (s *script) late() {
	s.ack(rec(6, 6, 7))
	s.ack(rec(4, 4, 5))
	s.poll(rec(4, 4, 5, 6, 7))
	s.member("m2", Poll, rec(4, 4, 5, 6, 7)...)
	s.log = rec(0, 0, 1, 2, 3, 4, 5, 6, 7)
}

func TestManyViolationsAreCounted(t *testing.T) {
	s := newScript(t)
	for range textsMax + 5 {
		s.tell(Event{Client: "p", Kind: Error, Text: "x", Fatal: true})
	}
	got := s.verdict()
	if len(got) != textsMax+1 || got[textsMax].Text != "and 5 more" {
		t.Errorf("verdict %v, want %d and how many more", got, textsMax)
	}
}

func TestCountsAndNotes(t *testing.T) {
	s := newScript(t)
	s.begin()
	s.tell(Event{Client: "p", Kind: Error, Text: "broker down"})
	s.tell(Event{Client: "p", Kind: Error, Text: "broker down"})
	s.member("m2", Commit, Record{Offset: 4})
	s.member("m2", Commit, Record{Offset: 2})
	s.verdict()
	if n := s.Notes()["m2: an older commit was acknowledged behind a newer"]; n != 1 {
		t.Errorf("noted %d times that a member's commits went back, want once", n)
	}
	if s.Acked() != 4 || s.Seen("reader") != 3 || s.Seen("group g") != 4 || s.Seen("nobody") != 0 || s.Notes()["p: broker down"] != 2 {
		t.Errorf("acked %d, seen %d and %d, notes %v", s.Acked(), s.Seen("reader"), s.Seen("group g"), s.Notes())
	}
}

// Clients in other languages write the lines that Read reads; a copy of a history reads back as the same events.
func TestLines(t *testing.T) {
	var copied bytes.Buffer
	h := New(&copied)
	want := []Event{
		{At: 1, Client: "p", Kind: Ack, Records: []Record{{Partition: 2, Offset: 3, Value: "p 0 0"}}},
		{At: 2, Client: "m", Group: "g", Kind: Error, Text: "a \"b\"\n", Fatal: true},
		{At: 3, Client: "p", Kind: End, Sent: 7},
	}
	for _, e := range want {
		h.Add(e, time.Unix(1000, 0))
	}
	if first, _, _ := strings.Cut(copied.String(), "\n"); first != `{"at":1,"client":"p","kind":"ack","records":[{"p":2,"o":3,"v":"p 0 0"}]}` {
		t.Errorf("an event is the line %s", first)
	}
	var got []Event
	if err := Read(&copied, func(e Event) { got = append(got, e) }); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v, %v; want %v", got, err, want)
	}
	if err := Read(strings.NewReader("Exception in thread\n"), func(Event) {}); err == nil || !strings.Contains(err.Error(), "Exception in thread") {
		t.Errorf("a line that is no event: %v, want an error that shows it", err)
	}
}

func TestSilenceLastsUntilSomethingMoves(t *testing.T) {
	h, at := New(nil), time.Unix(1000, 0)
	ack := func(partition int32, seconds int) {
		h.Add(Event{Client: "p", Kind: Ack, Records: []Record{{Partition: partition, Value: "p 0 0"}}}, at.Add(time.Duration(seconds)*time.Second))
	}
	ack(0, 0)
	ack(1, 0)
	h.FromHere(at.Add(10 * time.Second))
	ack(0, 12)
	ack(0, 13)
	if got := h.Longest(at.Add(13 * time.Second))["acks of p"]; got != 3*time.Second {
		t.Errorf("longest silence %v, want the 3 s of partition 1, which has not moved since", got)
	}
	if h.AllMovedAfter(at.Add(10 * time.Second)) {
		t.Error("partition 1 has not moved")
	}
	ack(1, 14)
	if !h.AllMovedAfter(at.Add(10 * time.Second)) {
		t.Error("all have moved")
	}
}
