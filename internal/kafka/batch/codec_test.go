package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/s2"
	"github.com/millrace-io/millrace/internal/base"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestBatchesOfTheJavaClient reads what testdata/Vectors.java had Apache Kafka's client write; its comment says what
// is in them. Among them are xerial snappy, and zstd of level 22 with a window of 128 MiB.
func TestBatchesOfTheJavaClient(t *testing.T) {
	files, err := filepath.Glob("testdata/java-*.batch")
	if err != nil || len(files) != 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		bytes, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b, info, err := Validate(bytes, rules())
		want := Info{Count: 300, MaxTimestamp: 1299, MaxTimestampDelta: 299, ProducerID: 9, Epoch: 3, BaseSequence: 17, Attributes: b.Attributes()}
		if err != nil || info != want {
			t.Fatalf("%s: %+v, %v", file, info, err)
		}
		if codec := strings.Split(filepath.Base(file), "-")[1]; !strings.HasPrefix(codec, b.Attributes().Codec().String()) {
			t.Fatalf("%s has codec %s", file, b.Attributes().Codec())
		}
		checkVector(t, file, b)
	}
}

func checkVector(t *testing.T, file string, b Batch) {
	it, err := Iterate(b, 1<<20)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	i := 0
	for ; it.Next(); i++ {
		r := it.Record()
		key, headers := fmt.Sprintf("key-%d", i), "[]"
		if i%5 == 0 {
			headers = "[{h [118]}]"
		}
		if (r.Key == nil) != (i%7 == 0) || r.Key != nil && string(r.Key) != key || fmt.Sprint(r.Headers()) != headers ||
			string(r.Value) != strings.Repeat(fmt.Sprintf("value %d ", i), 1+i%9) || it.Timestamp() != int64(1000+i) {
			t.Fatalf("%s: record %d: %q %q %v", file, i, r.Key, r.Value, r.Headers())
		}
	}
	if i != 300 || it.Err() != nil {
		t.Fatalf("%s: %d records, %v", file, i, it.Err())
	}
}

// TestCodecsOfFranzGo goes both ways: its codecs are those of many Go clients.
func TestCodecsOfFranzGo(t *testing.T) {
	in := sample(400)
	plain := Plain(None).Build(in...)
	for _, c := range codecs[1:] {
		built := Plain(c).Build(in...)
		out, err := kgo.DefaultDecompressor().Decompress(built.Body(), kgo.CompressionCodecType(c))
		if err != nil || !bytes.Equal(out, plain.Body()) {
			t.Fatalf("%s: franz-go cannot read what is built: %v", c, err)
		}
		compressor, err := kgo.DefaultCompressor([]kgo.CompressionCodec{
			{}, kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}[c])
		if err != nil {
			t.Fatal(err)
		}
		body, used := compressor.Compress(new(bytes.Buffer), plain.Body())
		if Codec(used) != c {
			t.Fatalf("franz-go used %d for %s", used, c)
		}
		if _, info, err := Validate(withBody(built, body), rules()); err != nil || info.Count != 400 {
			t.Fatalf("%s of franz-go: %v", c, err)
		}
	}
}

// withBody gives b with other records, already compressed.
func withBody(b Batch, body []byte) Batch {
	c := append(Batch(bytes.Clone(b[:HeaderSize])), body...)
	return edit(c, put32(lengthAt, uint32(len(c)-prefixSize)))
}

// bomb is one record whose value is n zeros: some thousandth of that when compressed.
func bomb(c Codec, n int) Batch {
	return Plain(c).Build(NewRecord{Timestamp: 1000, Value: make([]byte, n)})
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestABombIsWalkedInBoundedMemory(t *testing.T) {
	const size, window = 128 << 20, 24 << 20
	for _, c := range []Codec{Gzip, LZ4, Zstd} {
		b := bomb(c, size)
		r := rules()
		r.MaxBytes = len(b)
		n := allocated(func() {
			if _, info, err := Validate(b, r); err != nil || info.Count != 1 {
				t.Errorf("%s: %v", c, err)
			}
		})
		if n > window {
			t.Errorf("%s: walking %d bytes out of %d allocated %d", c, size, len(b), n)
		}
		if _, err := Iterate(b, 1<<20); base.KindOf(err) != base.CorruptMessage {
			t.Errorf("%s: iterating past the caller's bound: %v", c, err)
		}
	}
}

func TestSnappyThatLiesAboutItsSize(t *testing.T) {
	lie := append(binary.AppendUvarint(nil, 1<<31), 0, 0)
	framed := append(append(bytes.Clone(xerial), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, byte(len(lie))), lie...)
	for name, body := range map[string][]byte{
		"raw": lie, "xerial": framed,
		"chunk longer than the stream": append(bytes.Clone(framed[:16]), 0xff, 0xff, 0xff, 0xff),
		"half a chunk length":          framed[:18],
	} {
		b := withBody(Plain(Snappy).Build(sample(1)...), body)
		n := allocated(func() {
			if _, _, err := Validate(b, rules()); base.KindOf(err) != base.InvalidRecord {
				t.Errorf("%s: %v", name, err)
			}
		})
		if n > 1<<20 {
			t.Errorf("%s: a lie of %d bytes allocated %d", name, len(body), n)
		}
	}
}

// TestWideZstdFrames: a frame that claims a large window must not get it unless its content needs it.
func TestWideZstdFrames(t *testing.T) {
	b, err := os.ReadFile("testdata/java-zstd-22.batch")
	if err != nil {
		t.Fatal(err)
	}
	n := allocated(func() { _, _, err = Validate(b, rules()) })
	if err != nil || n > 16<<20 {
		t.Fatalf("a batch of %d bytes allocated %d: %v", len(b), n, err)
	}
}

func TestXerialChunks(t *testing.T) {
	plain := Plain(None).Build(sample(100)...).Body()
	framed := append(bytes.Clone(xerial), 0, 0, 0, 1, 0, 0, 0, 1)
	for len(plain) > 0 { // chunks that end within records and varints
		n := min(17, len(plain))
		chunk := s2.EncodeSnappy(nil, plain[:n])
		framed = append(binary.BigEndian.AppendUint32(framed, uint32(len(chunk))), chunk...)
		plain = plain[n:]
	}
	b := withBody(Plain(Snappy).Build(sample(100)...), framed)
	if _, info, err := Validate(b, rules()); err != nil || info.Count != 100 {
		t.Fatalf("%+v %v", info, err)
	}
}

// TestBothWaysToReadARecordAgree feeds records to the scanner whole, and byte by byte.
func TestBothWaysToReadARecordAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	body := Plain(None).Build(sample(3)...).Body()
	good := 0
	for range 100_000 {
		c := bytes.Clone(body)
		for range rng.IntN(3) {
			c[rng.IntN(len(c))] = byte(rng.Uint32()) >> rng.IntN(8)
		}
		whole := scanner{buf: c}
		bytewise := scanner{src: &stream{r: iotest.OneByteReader(bytes.NewReader(c)), mem: make([]byte, 8)}, limit: 1 << 20}
		for i := range 3 {
			var a, b head
			errA, errB := whole.next(&a), bytewise.next(&b)
			if (errA == nil) != (errB == nil) || errA == nil && a != b {
				t.Fatalf("record %d of %x: whole %+v %v, bytewise %+v %v", i, c, a, errA, b, errB)
			}
			if errA != nil {
				break
			}
			good++
		}
	}
	if good < 100_000 {
		t.Fatalf("only %d records were good: the test has lost its teeth", good)
	}
}

func FuzzValidate(f *testing.F) {
	for _, c := range codecs {
		f.Add([]byte(Plain(c).Build(sample(5)...)), true)
	}
	files, _ := filepath.Glob("testdata/java-*.batch")
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil {
			f.Add(b, true)
		}
	}
	f.Fuzz(func(t *testing.T, records []byte, fix bool) {
		if b, _, err := Next(records); fix && err == nil && b != nil && len(b) >= HeaderSize {
			copy(records, edit(b, func(b Batch) { b.Rebase(0, 0) }))
		}
		surveyedAlike(t, records, rules())
		b, info, err := Validate(records, rules())
		if err != nil {
			return
		}
		it, err := Iterate(b, 64<<20)
		if err != nil {
			return // more than this test wants to hold
		}
		n, max := int32(0), int64(-1)
		for ; it.Next(); n++ {
			it.Record().Headers()
			if ts := it.Timestamp(); ts > max {
				max = ts
			}
		}
		if it.Err() != nil || n != info.Count || max != info.MaxTimestamp || b.ComputeCRC() != b.CRC() {
			t.Fatalf("valid, but then %d records of %d, max timestamp %d of %d: %v", n, info.Count, max, info.MaxTimestamp, it.Err())
		}
		if f, ok, err := MaxTimestampFrom(b, b.BaseOffset()); err != nil || ok && f.Offset != int64(info.MaxTimestampDelta) {
			t.Fatalf("max timestamp at %d, not %d: %v", f.Offset, info.MaxTimestampDelta, err)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	for _, value := range []int{100, 1000} {
		for _, c := range codecs {
			b.Run(fmt.Sprintf("%s/%dB", c, value), func(b *testing.B) {
				records := make([]NewRecord, 1<<20/value)
				for i := range records {
					v := bytes.Repeat(fmt.Appendf(nil, "%016x", uint64(i)*0x9e3779b97f4a7c15), 1+value/16)[:value]
					records[i] = NewRecord{Timestamp: 1000, Key: fmt.Appendf(nil, "key %d", i), Value: v}
				}
				plain, batch, r := len(Plain(None).Build(records...)), Plain(c).Build(records...), rules()
				r.MaxBytes = 1 << 30
				b.SetBytes(int64(plain))
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := Validate(batch, r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkFindByTimestamp(b *testing.B) {
	batch := Plain(None).Build(sample(1000)...)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := FindByTimestamp(batch, 1999, 0); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkValidateSmall is a batch of ten records, where opening the stream costs more than reading it.
func BenchmarkValidateSmall(b *testing.B) {
	for _, c := range codecs {
		batch, r := Plain(c).Build(sample(10)...), rules()
		b.Run(c.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Validate(batch, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
