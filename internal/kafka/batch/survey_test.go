package batch

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/invariant"
)

// surveyedAlike validates records twice, without a survey and with theirs, and demands the same of both: what is given, what is refused
// and why, and what becomes of the bytes.
func surveyedAlike(t *testing.T, records []byte, r *Rules) {
	t.Helper()
	plain, surveyed := bytes.Clone(records), bytes.Clone(records)
	survey := SurveyOf(surveyed)
	if !bytes.Equal(surveyed, records) {
		t.Fatal("the survey changed what it is of")
	}
	b, info, err := Validate(plain, r)
	b2, info2, err2 := ValidateSurveyed(surveyed, survey, r)
	if fmt.Sprint(err) != fmt.Sprint(err2) || base.KindOf(err) != base.KindOf(err2) || !slices.Equal(refused(err), refused(err2)) || info != info2 || !bytes.Equal(b, b2) || !bytes.Equal(plain, surveyed) {
		t.Fatalf("without a survey: %+v %v; with: %+v %v", info, err, info2, err2)
	}
}

// refused lists the records of a RecordsError.
func refused(err error) []RecordError {
	var list *RecordsError
	if errors.As(err, &list) {
		return list.Records
	}
	return nil
}

// oneByOne tells by each record alone which of a sound batch are refused, and the largest timestamp with the first record that bears it.
func oneByOne(t *testing.T, b Batch, r *Rules) (indexes []int32, max int64, delta int32) {
	t.Helper()
	it, err := Iterate(b, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	max = NoTimestamp
	for it.Next() {
		one, ts := it.Record(), b.BaseTimestamp()+it.Record().TimestampDelta
		age := r.NowMs - ts
		switch {
		case r.Compacted && one.Key == nil, !r.AppendTime && ts != NoTimestamp && (age > r.BeforeMaxMs || -age > r.AfterMaxMs):
			indexes = append(indexes, one.OffsetDelta)
		}
		if ts > max {
			max, delta = ts, one.OffsetDelta
		}
	}
	if r.AppendTime {
		max, delta = r.NowMs, 0
	}
	return indexes, max, delta
}

// Validate decides about records by the earliest and the latest where it can: that is what each record by itself says.
func TestValidateAgainstOneByOne(t *testing.T) {
	rng, good, bad := rand.New(rand.NewPCG(3, 4)), 0, 0
	for range 5000 {
		b, r := Plain(None).Build(randomRecords(rng)...), randomRules(rng)
		indexes, max, delta := oneByOne(t, b, r)
		_, info, err := Validate(bytes.Clone(b), r)
		var found []int32
		for _, e := range refused(err) {
			found = append(found, e.Index)
		}
		if !slices.Equal(found, indexes) || (err == nil) != (len(indexes) == 0) {
			t.Fatalf("refused are %d, one by one %d (%+v): %v", found, indexes, *r, err)
		}
		if err != nil {
			bad++
		} else {
			good++
			if info.MaxTimestamp != max || info.MaxTimestampDelta != delta {
				t.Fatalf("largest timestamp %d of record %d, one by one %d of %d", info.MaxTimestamp, info.MaxTimestampDelta, max, delta)
			}
		}
	}
	if good < 500 || bad < 500 {
		t.Errorf("%d good, %d bad: the test has lost its teeth", good, bad)
	}
}

func randomRules(rng *rand.Rand) *Rules {
	r := rules()
	r.Compacted, r.AppendTime = rng.IntN(4) == 0, rng.IntN(4) == 0
	r.BeforeMaxMs = []int64{100, 1000, math.MaxInt64}[rng.IntN(3)]
	r.AfterMaxMs = []int64{0, 100, math.MaxInt64}[rng.IntN(3)]
	return r
}

// A survey is used: who has one does not look at the records again.
func TestASurveyStandsForTheRecords(t *testing.T) {
	if invariant.Costly {
		t.Skip("this build looks again")
	}
	b := Plain(LZ4).Build(sample(10)...)
	s := SurveyOf(b)
	for i := HeaderSize; i < len(b); i++ {
		b[i] = 0xff
	}
	if _, info, err := ValidateSurveyed(b, s, rules()); err != nil || info.MaxTimestamp != 1009 {
		t.Errorf("%+v %v", info, err)
	}
}

// What decompresses to many times its size is given up, and left to Validate, which is asked when its sender is known to be allowed to write.
func TestSurveysGiveBombsUp(t *testing.T) {
	bomb := NewRecord{Timestamp: 1000, Value: make([]byte, 4<<20)}
	for _, c := range codecs[1:] {
		b := Plain(c).Build(bomb)
		if ratio := (4 << 20) / len(b); ratio <= surveyRatio && c != Snappy {
			t.Fatalf("%s: the bomb decompresses to %d times its size", c, ratio)
		} else if s := SurveyOf(b); s.Known() && ratio > surveyRatio {
			t.Errorf("%s: it was decompressed", c)
		}
		if _, _, err := Validate(b, rules()); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// randomRecords have keys or not, and timestamps around those that rules refuse.
func randomRecords(rng *rand.Rand) []NewRecord {
	times := []int64{-1, -1, 1000, 1900, 2000, 2100, 2101, math.MaxInt64 - 1, math.MinInt64, -2}
	list := make([]NewRecord, 1+rng.IntN(4))
	for i := range list {
		list[i].Timestamp = times[rng.IntN(len(times))]
		if rng.IntN(3) > 0 {
			list[i].Key = []byte("k")
		}
	}
	return list
}

func TestASurveyChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	outcomes := map[base.Kind]int{}
	for range 5000 {
		b := Plain(codecs[rng.IntN(len(codecs))]).Build(randomRecords(rng)...)
		r := randomRules(rng)
		if rng.IntN(10) == 0 {
			r.MaxBytes = len(b) - 1
		}
		if rng.IntN(5) == 0 {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		if rng.IntN(5) == 0 {
			b = edit(b, func(b Batch) { b[HeaderSize-1-rng.IntN(40)] ^= 1 << rng.IntN(8) })
		}
		if rng.IntN(50) == 0 {
			b = edit(b, put16(attributesAt, uint16(codecCount)))
		}
		surveyedAlike(t, b, r)
		_, _, err := Validate(b, r)
		outcomes[base.KindOf(err)]++
	}
	for _, kind := range []base.Kind{base.OK, base.InvalidRecord, base.InvalidTimestamp, base.CorruptMessage, base.MessageTooLarge, base.UnsupportedCompressionType} {
		if outcomes[kind] < 10 {
			t.Errorf("kind %d came %d times: the test has lost its teeth", kind, outcomes[kind])
		}
	}
}

// A survey knows nothing of what no topic would take, so that Validate looks itself and says what is wrong.
func TestSurveysOfWhatIsRefused(t *testing.T) {
	good := Plain(LZ4).Build(sample(50)...)
	if !SurveyOf(good).known {
		t.Error("a good batch is not known")
	}
	for name, records := range map[string][]byte{
		"nothing":       nil,
		"half a batch":  good[:len(good)-1],
		"two":           append(bytes.Clone(good), good...),
		"checksum":      append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1),
		"header":        edit(good, put64(producerIDAt, 1<<64-2)),
		"count":         edit(good, func(b Batch) { put32(countAt, 51)(b); put32(lastOffsetDeltaAt, 50)(b) }),
		"magic":         edit(good, func(b Batch) { b[magicAt] = 1 }),
		"broken stream": edit(good, func(b Batch) { b[HeaderSize+9] ^= 0xff }),
	} {
		if SurveyOf(records) != (Survey{}) {
			t.Errorf("%s: a survey knows something", name)
		}
	}
}
