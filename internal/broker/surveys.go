package broker

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/kafka/wire"
)

const (
	// surveyPiece is what is read of a Produce at once, so that the bytes are still in the processor's second cache when their
	// batches are surveyed. (Read whole, requests of many partitions are larger than that, and each look at them waits for memory.)
	surveyPiece = 256 << 10
	// surveyStep is what must have come since batches were last looked for: who sends single bytes does not have it done for each.
	surveyStep = 16 << 10
	// surveysMax bounds the surveys of one request, and with them memory that is in no budget, also as long as they are only expected; those of
	// further partitions are taken when the request is handled.
	surveysMax = 10_000
	// surveysFirst is how many must have come before room is made for all that seem to follow.
	surveysFirst = 64
	// surveyMisses is how many batches may be looked at in vain: one that does not end as soon as it should may have cost as much as
	// 4 MiB of others do.
	surveyMisses = 8
)

// surveys are those of the batches of a Produce that is being read: taken when a batch has come whole, not when all have. Whether the
// client may write, and what the topics ask of batches, is seen to when the request is handled, which counts from then on.
type surveys struct {
	arriving *wire.Arriving
	seen     int        // partitions
	misses   int        // batches of which nothing is known
	upTo     int        // of the frame, when they were last looked for
	list     []surveyed // of batches that something is known of, as the client sent them
}

// surveyed is one partition's records in the frame, and what they are.
type surveyed struct {
	number   int // of the partition in the request
	at, size int
	survey   batch.Survey
}

// surveysOf begins with the front of a frame; nil if that is not one of a Produce.
func surveysOf(front []byte) *surveys {
	arriving, ok := wire.ArrivingProduce(front)
	if !ok {
		return nil
	}
	return &surveys{arriving: arriving}
}

// take surveys the batches that came since.
func (s *surveys) take(frame []byte, have int) {
	if have < s.upTo+surveyStep && have < len(frame) {
		return
	}
	s.upTo = have
	for len(s.list) < surveysMax && s.misses < surveyMisses {
		start, end, ok := s.arriving.Next(frame[:have])
		if !ok {
			return
		}
		survey := batch.SurveyOf(frame[start:end])
		switch {
		case survey.Known():
			if len(s.list) == cap(s.list) {
				s.list = slices.Grow(s.list, s.growth(end, len(frame)))
			}
			s.list = append(s.list, surveyed{s.seen, start, end - start, survey})
		case end > start:
			s.misses++
		}
		s.seen++
	}
}

// growth is for how many more batches room is made, when the next one ends at end of a frame of size: for that and as many as there will be if the rest
// is like the beginning; the first few may be like no others.
func (s *surveys) growth(end, size int) int {
	n := len(s.list) + 1
	more := n * (size - end) / end
	if n < surveysFirst {
		more = min(more, surveysFirst)
	}
	return 1 + min(more, surveysMax-n)
}

// survey surveys what has come of a frame. A bug that shows in a client's bytes must not end the agent: the frame has no surveys then, and
// the request goes its way, on which panics are contained.
func (c *conn) survey(m *frame, have int) {
	defer func() {
		if p := recover(); p != nil {
			m.surveys = nil
			c.b.stats.panics.Add(1)
			c.b.complain(slog.LevelError, "the batches of a request could not be looked at because of a bug in this agent",
				"client", c.host, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if m.surveys != nil {
		m.surveys.take(m.bytes, have)
	}
}

// surveyOf gives the survey of the records of the partition with that number in the request, each of which is asked for once, in order.
// Should these be other bytes, nothing is known of them.
func (m *frame) surveyOf(number int, records []byte) batch.Survey {
	if m.surveys == nil {
		return batch.Survey{}
	}
	list := m.surveys.list
	for len(list) > 0 && list[0].number < number {
		list = list[1:]
	}
	m.surveys.list = list
	if len(list) == 0 || list[0].number != number || list[0].size != len(records) || &m.bytes[list[0].at] != &records[0] {
		return batch.Survey{}
	}
	return list[0].survey
}
