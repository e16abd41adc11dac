package broker

import (
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/kafka/wire"
)

const (
	// surveyPiece is what is read of a Produce at once, so that the bytes are still in the processor's second cache when their
	// batches are surveyed. (Read whole, requests of many partitions are larger than that, and each look at them waits for memory.)
	surveyPiece = 256 << 10
	// surveysMax bounds the surveys of one request, and with them memory that is in no budget; those of further partitions are taken when
	// the request is handled.
	surveysMax = 10_000
)

// surveys are those of the batches of a Produce that is being read: taken when a batch has come whole, not when all have. Whether the
// client may write, and what the topics ask of batches, is seen to when the request is handled.
type surveys struct {
	arriving *wire.Arriving
	list     []surveyed // of the first partitions, as the client sent them
}

// surveyed is one partition's records in the frame, and what they are.
type surveyed struct {
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
func (s *surveys) take(front []byte) {
	for len(s.list) < surveysMax {
		start, end, ok := s.arriving.Next(front)
		if !ok {
			return
		}
		s.list = append(s.list, surveyed{start, end - start, batch.SurveyOf(front[start:end])})
	}
}

// surveyOf gives the survey of the records that are those of the partition with that number in the request. Should they be other bytes
// it knows nothing of them.
func (m *frame) surveyOf(number int, records []byte) batch.Survey {
	if m.surveys == nil || number >= len(m.surveys.list) {
		return batch.Survey{}
	}
	one := &m.surveys.list[number]
	if len(records) == 0 || one.size != len(records) || &m.bytes[one.at] != &records[0] {
		return batch.Survey{}
	}
	return one.survey
}
