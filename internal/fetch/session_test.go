package fetch_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Scripts: each line is a command and what comes of it. The topic "orders" has 4 partitions.
//
//	produce P N           N batches of one record to partition P
//	trim P OFFSET         the log of P begins at OFFSET
//	delete                the topic is deleted
//	fetch EPOCH [P@OFFSET]… [-P]… [name] [id=N]
//	                      a fetch of the current session; -P forgets P; name: by a version without topic ids
//	→                     what is answered: ERROR, or +/- (a session or none), then for each partition P, and its number
//	                      of batches or its error
var sessionScripts = map[string]string{
	"only what changed comes back": `
		produce 0 2
		fetch 0 0@0 1@0 2@0      → + 0:2 1:0 2:0
		fetch 1 0@2              → +
		produce 1 1
		fetch 2                  → + 1:1
		fetch 3 1@1              → +
		trim 0 1
		fetch 4                  → + 0:0
		fetch 5                  → +`,
	"partitions are added and forgotten": `
		produce 0 1
		produce 1 1
		produce 2 1
		fetch 0 0@0              → + 0:1
		fetch 1 0@1 1@0 2@0      → + 1:1 2:1
		fetch 2 -1 -2            → +
		produce 1 1
		produce 0 1
		fetch 3                  → + 0:1`,
	"an epoch that is not the next": `
		fetch 0 0@0              → + 0:0
		fetch 2                  → INVALID_FETCH_SESSION_EPOCH
		fetch 1                  → +
		fetch 1                  → INVALID_FETCH_SESSION_EPOCH`,
	"no such session": `
		fetch 1 id=77            → FETCH_SESSION_ID_NOT_FOUND
		fetch -2                 → FETCH_SESSION_ID_NOT_FOUND
		fetch 0 0@0              → + 0:0
		fetch -1 0@0             → - 0:0
		fetch 1                  → FETCH_SESSION_ID_NOT_FOUND`,
	"a full request replaces the session": `
		fetch 0 0@0 1@0          → + 0:0 1:0
		fetch 0 1@0              → + 1:0
		produce 0 1
		fetch 1                  → +`,
	"forgetting everything ends the session": `
		fetch 0 0@0              → + 0:0
		fetch 1 -0               → -
		fetch 2                  → FETCH_SESSION_ID_NOT_FOUND`,
	"ids and names do not mix": `
		fetch 0 0@0              → + 0:0
		fetch 1 name             → FETCH_SESSION_TOPIC_ID_ERROR
		fetch 0 0@0 name         → + 0:0
		fetch 1                  → FETCH_SESSION_TOPIC_ID_ERROR
		fetch 1 name             → +`,
	"an error comes each time, and its end is told": `
		fetch 0 0@5 1@0          → + 0:OFFSET_OUT_OF_RANGE 1:0
		fetch 1                  → + 0:OFFSET_OUT_OF_RANGE
		produce 0 5
		fetch 2                  → + 0:0
		fetch 3                  → +`,
	"a deleted topic, by id": `
		fetch 0 0@0              → + 0:0
		delete
		fetch 1                  → + 0:UNKNOWN_TOPIC_ID
		fetch 2 -0               → -`,
	"a deleted topic, by name, has the client say all names anew": `
		fetch 0 0@0 name         → + 0:0
		delete
		fetch 1 name             → FETCH_SESSION_ID_NOT_FOUND
		fetch 0 0@0 name         → + 0:UNKNOWN_TOPIC_OR_PARTITION`,
	"what had records comes last": `
		produce 0 1
		produce 1 1
		fetch 0 0@0 1@0 2@0      → + 0:1 1:1 2:0
		fetch 1                  → + 0:1 1:1
		produce 2 1
		fetch 2                  → + 2:1 0:1 1:1`,
	"a partition asked for twice counts once": `
		produce 0 3
		fetch 0 0@0 1@0 0@2      → + 0:1 1:0
		fetch 1 0@1 0@3          → +`,
}

func TestSessions(t *testing.T) {
	for name, script := range sessionScripts {
		t.Run(name, func(t *testing.T) {
			s := sessionScript{bed: start(t, settings{fill: true})}
			s.topicID = s.topic("orders", 4)
			for line := range strings.Lines(strings.TrimSpace(script)) {
				s.line(strings.TrimSpace(line))
			}
			if free, all := s.memory.Free(), s.memory.Size(); free != all {
				t.Errorf("%d bytes of memory are still held", all-free)
			}
		})
	}
}

type sessionScript struct {
	*bed
	topicID base.TopicID
	session int32
}

func (s *sessionScript) line(line string) {
	s.Helper()
	command, wanted, _ := strings.Cut(line, "→")
	words := strings.Fields(command)
	switch words[0] {
	case "produce":
		for range number(words[2]) {
			s.produce(s.topicID, int32(number(words[1])), plain(0, 1, 0))
		}
	case "trim":
		s.propose(&log.DeleteRecords{ID: s.topicID, Index: int32(number(words[1])), Offset: int64(number(words[2]))})
	case "delete":
		s.propose(&log.DeleteTopic{ID: s.topicID})
	case "fetch":
		if got := s.fetchLine(words[1:]); got != strings.Join(strings.Fields(wanted), " ") {
			s.Fatalf("%s: got %s", line, got)
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func (s *sessionScript) fetchLine(words []string) string {
	q := fetch.Request{MinBytes: 1, MaxBytes: 1 << 20, ByID: true, SessionID: s.session, SessionEpoch: int32(number(words[0]))}
	for _, word := range words[1:] {
		partition, offset, asked := strings.Cut(word, "@")
		switch {
		case asked:
			q.Partitions = append(q.Partitions, want(s.topicID, int32(number(partition)), int64(number(offset))))
		case word == "name":
			q.ByID = false
		case strings.HasPrefix(word, "id="):
			q.SessionID = int32(number(word[3:]))
		default:
			q.Forgotten = append(q.Forgotten, fetch.Place{Topic: s.topicID, Partition: int32(number(word[1:]))})
		}
	}
	r := s.fetch.Read(q, time.Now())
	if r.Release != nil {
		r.Release()
	}
	return s.told(r)
}

var kindNames = map[base.Kind]string{
	base.InvalidFetchSessionEpoch: "INVALID_FETCH_SESSION_EPOCH", base.FetchSessionIDNotFound: "FETCH_SESSION_ID_NOT_FOUND",
	base.FetchSessionTopicIDError: "FETCH_SESSION_TOPIC_ID_ERROR", base.OffsetOutOfRange: "OFFSET_OUT_OF_RANGE",
	base.UnknownTopicID: "UNKNOWN_TOPIC_ID", base.UnknownTopicOrPartition: "UNKNOWN_TOPIC_OR_PARTITION",
}

func (s *sessionScript) told(r fetch.Response) string {
	if r.Kind != base.OK {
		return kindNames[r.Kind]
	}
	out := "-"
	if r.SessionID != 0 {
		out, s.session = "+", r.SessionID
	}
	for _, p := range r.Partitions {
		if p.Kind != base.OK {
			out += fmt.Sprintf(" %d:%s", p.Partition, kindNames[p.Kind])
		} else {
			out += fmt.Sprintf(" %d:%d", p.Partition, len(s.parse(p)))
		}
	}
	return out
}

// An incremental fetch that names nothing waits for records of the session's partitions; clients would spin else.
func TestEmptyIncrementalFetchWaits(t *testing.T) {
	b := start(t, settings{fill: true})
	id := b.topic("orders", 1)
	first := b.fetch.Read(fetch.Request{MinBytes: 1, MaxBytes: 1 << 20, ByID: true, Partitions: []fetch.Want{want(id, 0, 0)}}, time.Now())
	began := time.Now()
	q := fetch.Request{MinBytes: 1, MaxBytes: 1 << 20, ByID: true, SessionID: first.SessionID, SessionEpoch: 1}
	if r := b.fetch.Read(q, began.Add(50*time.Millisecond)); len(r.Partitions) != 0 || time.Since(began) < 50*time.Millisecond {
		t.Fatalf("answered %+v after %v", r, time.Since(began))
	}
}
