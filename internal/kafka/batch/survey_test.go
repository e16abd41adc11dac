package batch

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
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
	if fmt.Sprint(err) != fmt.Sprint(err2) || base.KindOf(err) != base.KindOf(err2) || info != info2 || !bytes.Equal(b, b2) || !bytes.Equal(plain, surveyed) {
		t.Fatalf("without a survey: %+v %v; with: %+v %v", info, err, info2, err2)
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
		r := rules()
		r.Compacted, r.AppendTime = rng.IntN(4) == 0, rng.IntN(4) == 0
		r.BeforeMaxMs = []int64{100, 1000, math.MaxInt64}[rng.IntN(3)]
		r.AfterMaxMs = []int64{0, 100, math.MaxInt64}[rng.IntN(3)]
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
