package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// freshBytes of compressed batches are validated in turn. A processor learns the branches of a batch that comes again and
// again: one of 100 KiB is then decoded at twice the speed that it has for a client's, which comes once.
const freshBytes = 8 << 20

// freshMax bounds how many batches there are, where they are small.
const freshMax = 4000

// lz4Clients are the blocks and the compressors of franz-go, and of Java or librdkafka, which use the C library.
var lz4Clients = map[string][]lz4.Option{
	"franz": {lz4.CompressionLevelOption(lz4.Fast)},
	"java":  {lz4.CompressionLevelOption(lz4.CCompatFast), lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)},
}

// BenchmarkValidateLZ4 is of values as internal/load makes them, and of the ends of what can be compressed.
func BenchmarkValidateLZ4(b *testing.B) {
	for _, c := range []struct {
		client, filler string
		records, size  int
	}{
		{"franz", "words", 100, 1024}, {"franz", "words", 1000, 1024},
		{"java", "words", 100, 1024}, {"java", "words", 1000, 1024},
		{"franz", "text", 1000, 1024}, {"java", "text", 1000, 1024},
		{"franz", "words", 3, 180}, {"java", "words", 3, 180},
		{"franz", "words", 10_000, 100}, {"java", "words", 10_000, 100},
		{"franz", "random", 1000, 1024}, {"java", "random", 1000, 1024},
		{"franz", "zeros", 1000, 1024}, {"java", "zeros", 1000, 1024},
	} {
		b.Run(fmt.Sprintf("%s/%s/%dx%dB", c.client, c.filler, c.records, c.size), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			var batches []Batch
			plain, small := 0, 0
			for small < freshBytes && len(batches) < freshMax {
				n, batch := freshBatch(b, lz4Clients[c.client], stamped(rng, c.filler, c.records, c.size))
				batches = append(batches, batch)
				plain, small = plain+n, small+len(batch)
			}
			validateInTurn(b, batches)
			b.SetBytes(int64(plain / len(batches)))
			b.ReportMetric(float64(plain)/float64(small), "ratio")
		})
	}
}

func validateInTurn(b *testing.B, batches []Batch) {
	r := rules()
	r.MaxBytes = 1 << 30
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := Validate(batches[i%len(batches)], r); err != nil {
			b.Fatal(err)
		}
	}
}

// freshBatch gives a batch as a client compresses it, and the size of its records before.
func freshBatch(b *testing.B, client []lz4.Option, records []NewRecord) (plain int, batch Batch) {
	none := Plain(None).Build(records...)
	var out bytes.Buffer
	w := lz4.NewWriter(&out)
	if err := w.Apply(client...); err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(none.Body()); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	batch = withBody(none, out.Bytes())
	return len(none.Body()), edit(batch, put16(attributesAt, uint16(LZ4)))
}

// stamped gives records without keys, three to a millisecond, whose values begin as internal/load stamps them.
func stamped(rng *rand.Rand, filler string, records, size int) []NewRecord {
	out := make([]NewRecord, records)
	values := fill(rng, filler, records*size)
	for i := range out {
		v := values[i*size:][:size]
		if filler != "zeros" {
			binary.BigEndian.PutUint64(v, 0x8d1f6a2b9c30e457)          // the run
			binary.BigEndian.PutUint64(v[8:], uint64(1000+i))          // number
			binary.BigEndian.PutUint64(v[16:], uint64(1e9+7+i*13_717)) // when it was due
			binary.BigEndian.PutUint32(v[24:], rng.Uint32())           // checksum
		}
		out[i] = NewRecord{Timestamp: 1000 + int64(i/3), Value: v}
	}
	return out
}

// fill makes n bytes: words of which lz4 makes half, text of which it makes a fifth, random bytes, or zeros.
func fill(rng *rand.Rand, filler string, n int) []byte {
	switch filler {
	case "words":
		return wordsWith(rng, n, 0.38)
	case "text":
		return wordsWith(rng, n, 0.05)
	case "random":
		return wordsWith(rng, n, 0.999)
	}
	return make([]byte, n)
}

// wordsWith makes n bytes as the filler of internal/load does, of which a share is random.
func wordsWith(rng *rand.Rand, n int, share float64) []byte {
	words := []string{
		`{"level":"info","service":"checkout","message":"`, `","customer":`, `","currency":"EUR","amount":`, `"status":"accepted",`,
		`"request_id":"`, ` order placed `, ` payment authorised `, ` retrying after timeout `, `"latency_ms":`, `"host":"node-`, "\n",
	}
	out := make([]byte, 0, n+64)
	for randoms := 0.0; len(out) < n; {
		w := words[rng.IntN(len(words))]
		out = append(out, w...)
		for randoms += float64(len(w)) * share / (1 - share); randoms >= 1 && len(out) < n; randoms-- {
			out = append(out, byte(rng.Uint32()))
		}
	}
	return out[:n]
}
