package batch

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/millrace-io/millrace/internal/base/crc32c"
)

var codecs = []Codec{None, Gzip, Snappy, LZ4, Zstd}

// sample gives n records that compress somewhat, at timestamps 1000, 1001, …
func sample(n int) []NewRecord {
	out := make([]NewRecord, n)
	for i := range out {
		out[i] = NewRecord{
			Timestamp: 1000 + int64(i),
			Key:       fmt.Appendf(nil, "key-%d", i),
			Value:     bytes.Repeat(fmt.Appendf(nil, "value %d ", i), 1+i%9),
			Headers:   []Header{{"h", []byte("v")}, {"null", nil}},
		}
	}
	return out
}

func rules() *Rules {
	return &Rules{
		Topic: "t", Partition: 0, ProduceVersion: 9, MaxBytes: 1 << 20,
		NowMs: 2000, BeforeMaxMs: 1 << 62, AfterMaxMs: 3_600_000,
	}
}

func TestWhatIsBuiltIsValidAndReadsBack(t *testing.T) {
	for _, c := range codecs {
		in := sample(500)
		built := Plain(c).Build(in...)
		b, info, err := Validate(built, rules())
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		if info.Count != 500 || info.MaxTimestamp != 1499 || info.MaxTimestampDelta != 499 || info.ProducerID != -1 {
			t.Fatalf("%s: %+v", c, info)
		}
		b.Rebase(70, 3)
		if b.ComputeCRC() != b.CRC() || b.LastOffset() != 569 || b.LeaderEpoch() != 3 {
			t.Fatalf("%s: rebase broke the batch", c)
		}
		it, err := Iterate(b, MaxDecompressedBytes)
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		n := 0
		for ; it.Next(); n++ {
			r := it.Record()
			if it.Offset() != int64(70+n) || it.Timestamp() != in[n].Timestamp || !bytes.Equal(r.Key, in[n].Key) ||
				!bytes.Equal(r.Value, in[n].Value) || fmt.Sprint(r.Headers()) != fmt.Sprint(in[n].Headers) {
				t.Fatalf("%s: record %d: %+v", c, n, r)
			}
		}
		if n != 500 || it.Err() != nil {
			t.Fatalf("%s: read %d records: %v", c, n, it.Err())
		}
	}
}

// A front takes the place of a batch's own; the sum with it is that of all bytes, short or long.
func TestFront(t *testing.T) {
	for _, n := range []int{0, 10, 10_000} {
		b := Plain(None).Build(NewRecord{Value: make([]byte, n)})
		front := make([]byte, FrontSize)
		PutFront(front, 7, uint32(len(b)), 9)
		sum := b.SumWith(front)
		b.Rebase(7, 9)
		if !bytes.Equal(front, b[:FrontSize]) {
			t.Errorf("value of %d bytes: front %x, want %x", n, front, b[:FrontSize])
		}
		if want := crc32c.Of(b); sum != want {
			t.Errorf("value of %d bytes: %08x, want %08x", n, sum, want)
		}
	}
}
