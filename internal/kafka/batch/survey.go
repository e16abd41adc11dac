package batch

import (
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// Survey is what the bytes of a client's batch say by themselves, whatever topic it is for. The zero value knows nothing.
//
// It is what costs in Validate: the checksum, and a walk over all records, decompressed. Who gets the bytes of many batches one after
// another can take each one's survey when it has come, while it is in the processor's caches, and need not know yet what is asked of it.
type Survey struct {
	known            bool
	keyed            bool  // each record has a key
	earliest, latest int64 // of the records' timestamps, in ms; earliest > latest: none has one
	latestDelta      int32 // the offset delta of the first record that bears latest
}

// surveyRatio bounds what SurveyOf decompresses, as a multiple of a batch's size: few compress better, and whoever sends one that does
// must be allowed to write before it is decompressed whole. (The last piece or block may go beyond it.)
const surveyRatio = 32

// SurveyOf surveys the one batch of a partition's records in a Produce request. It knows nothing of any others, of a batch that no topic
// would take, and of one that decompresses to more than surveyRatio times its size: Validate looks itself then, and says what is wrong.
func SurveyOf(records []byte) Survey {
	b, rest, err := Next(records)
	if err != nil || b == nil || len(rest) > 0 || b.Magic() != magic2 {
		return Survey{}
	}
	s, _ := look(b, &Rules{}, min(surveyRatio*int64(len(b)), MaxDecompressedBytes))
	return s
}

// Known reports whether the survey knows anything.
func (s *Survey) Known() bool { return s.known }

// look surveys a batch, or says what is wrong with it: the checksum first, then the header, then the records. r names the partition, limit
// bounds what the records decompress to, in bytes.
func look(b Batch, r *Rules, limit int64) (Survey, error) {
	if crc := b.ComputeCRC(); crc != b.CRC() && !plant.LeftOut(plant.BatchChecksums) {
		return Survey{}, base.Errorf(base.CorruptMessage, "%s: the record batch bears checksum %08x, its bytes have %08x",
			r.name(), b.CRC(), crc)
	}
	if err := checkHeader(b, r); err != nil {
		return Survey{}, err
	}
	return survey(b, r, limit)
}

// survey walks the records.
func survey(b Batch, r *Rules, limit int64) (Survey, error) {
	w, err := walkUpTo(b, limit)
	if err != nil {
		return Survey{}, r.malformed(b, 0, err)
	}
	defer w.release()
	s := Survey{known: true, keyed: true, earliest: math.MaxInt64, latest: math.MinInt64}
	baseTimestamp, count := b.BaseTimestamp(), b.Count()
	var h head
	for i := range count {
		if err := w.next(&h); err != nil {
			return Survey{}, r.malformed(b, i, err)
		}
		if h.offsetDelta != i {
			return Survey{}, r.invalid("record %d of the batch has offset delta %d", i, h.offsetDelta)
		}
		s.add(&h, baseTimestamp+h.timestampDelta)
	}
	if end, err := w.atEnd(); err != nil {
		return Survey{}, r.malformed(b, count, err)
	} else if !end {
		return Survey{}, r.invalid("bytes are left over after the batch's %d records", count)
	}
	return s, nil
}

func (s *Survey) add(h *head, timestamp int64) {
	s.keyed = s.keyed && h.hasKey
	if timestamp == NoTimestamp {
		return
	}
	s.earliest = min(s.earliest, timestamp)
	if timestamp > s.latest {
		s.latest, s.latestDelta = timestamp, h.offsetDelta
	}
}

// fits reports whether a topic is certain to take all records. Of timestamps before 1970 that is not said from the earliest and the latest:
// the rules' differences overflow there.
func (s *Survey) fits(r *Rules) bool {
	if r.Compacted && !s.keyed {
		return false
	}
	return r.AppendTime || s.earliest > s.latest || s.earliest >= 0 && r.timely(s.earliest) && r.timely(s.latest)
}

// max gives the largest timestamp and the offset delta of the first record that bears it: NoTimestamp and 0 if there is none.
func (s *Survey) max() (int64, int32) {
	if s.latest < NoTimestamp || s.earliest > s.latest {
		return NoTimestamp, 0
	}
	return s.latest, s.latestDelta
}
