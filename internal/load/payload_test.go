package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestAStampIsReadAsItWasSealed(t *testing.T) {
	for _, want := range []stamp{
		{},
		{run: math.MaxUint64, producer: math.MaxUint16, number: stampRecordMax, due: math.MaxInt64},
		{run: 1, producer: 2, number: 3, due: 4 * time.Second},
	} {
		for _, size := range []int{stampBytes, stampBytes + 1, 1024} {
			value := make([]byte, size)
			want.seal(value)
			if got := open(value); got != want || !intact(value) {
				t.Errorf("%d bytes: opened %+v, intact %v, want %+v", size, got, intact(value), want)
			}
		}
	}
}

func TestEveryChangedByteShows(t *testing.T) {
	value := make([]byte, 64)
	stamp{run: 1, producer: 2, number: 3}.seal(value)
	for i := range value {
		value[i] ^= 0x10
		if intact(value) {
			t.Errorf("byte %d was changed and the value passes as intact", i)
		}
		value[i] ^= 0x10
	}
	if intact(value[:stampBytes-1]) {
		t.Error("a value without room for a stamp passes as intact")
	}
}

func TestValuesCompressAsAskedFor(t *testing.T) {
	for codec := range codecs {
		for _, ratio := range []float64{1, 2, 3, 4} {
			t.Run(fmt.Sprintf("%s/%g", codec, ratio), func(t *testing.T) {
				pool, got, err := makeFiller(rand.New(rand.NewPCG(1, 0)), codec, ratio, 1024)
				if err != nil || len(pool) != poolBytes {
					t.Fatalf("%d bytes, %v", len(pool), err)
				}
				if math.Abs(got-ratio) > 0.05*ratio {
					t.Errorf("a batch becomes %.2f times smaller, want %g", got, ratio)
				}
			})
		}
	}
}

// What cannot be had is told: the stamps of small records do not compress.
func TestTheRatioOfSmallRecordsIsToldAsItIs(t *testing.T) {
	_, got, err := makeFiller(rand.New(rand.NewPCG(1, 0)), "lz4", 10, 40)
	if err != nil || got > 4 || got < 1 {
		t.Errorf("ratio %.1f, %v; want what is possible, some 2", got, err)
	}
}

func BenchmarkRecord(b *testing.B) {
	pool, _, err := makeFiller(rand.New(rand.NewPCG(1, 0)), "lz4", 3, 1024)
	if err != nil {
		b.Fatal(err)
	}
	c := Defaults(Produce)
	p := &producer{config: &c, filler: pool, rng: rand.New(rand.NewPCG(1, 0)), clock: &clock{time.Now()}, meter: newMeter(newWindow(0, forever), true)}
	b.ReportAllocs()
	b.SetBytes(int64(c.RecordBytes))
	for b.Loop() {
		p.done(p.record(0), nil)
	}
}

func BenchmarkNote(b *testing.B) {
	value := make([]byte, 1024)
	books := newBook(1, 1)
	b.ReportAllocs()
	b.SetBytes(int64(len(value)))
	for number := uint64(0); b.Loop(); number++ {
		stamp{run: 1, number: number}.seal(value)
		books.note(0, value)
	}
}
