package load

import (
	"bytes"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"
)

// poolBytes of filler are made once and cut up into values one after another: more than a batch, so that none holds the same
// bytes twice.
const poolBytes = 16 << 20

// words are the compressible part of values: those of a log line or an event in JSON.
var words = []string{
	`{"level":"info","service":"checkout","message":"`, `","customer":`, `","currency":"EUR","amount":`, `"status":"accepted",`, `"region":"eu-central-1",`,
	`"request_id":"`, ` order placed `, ` payment authorised `, ` retrying after timeout `, `"tags":["web","mobile"]},`, `"latency_ms":`, `"host":"node-`,
	`"items":[{"sku":"`, `"quantity":1,`, `"null":null,"true":true}`, "\n",
}

// filler makes n bytes of which a share is random and the rest words.
func filler(rng *rand.Rand, n int, share float64) []byte {
	out := make([]byte, 0, n+64)
	for randoms := 0.0; len(out) < n; {
		w := words[rng.IntN(len(words))]
		out = append(out, w...)
		// As many random bytes as the words so far ask for, so that the share holds in every batch.
		for randoms += float64(len(w)) * share / (1 - share); randoms >= 1; randoms-- {
			out = append(out, byte(rng.Uint32()))
			if len(out) >= n {
				break
			}
		}
	}
	return out[:n]
}

// sampleBytes of values, in records of the run's size, are compressed to see how far a filler is from what is wanted.
const sampleBytes = 256 << 10

// ratioOf gives how many times smaller the codec makes a batch of such values.
func ratioOf(codec kgo.Compressor, pool []byte, recordBytes int) float64 {
	sample := make([]byte, 0, sampleBytes+recordBytes)
	for number := uint64(0); len(sample) < sampleBytes; number++ {
		at := len(sample)
		sample = append(sample, pool[at%(len(pool)-recordBytes):][:recordBytes]...)
		stamp{run: 0x8d1f6a2b9c30e457, number: number, due: 1_000_000_007}.seal(sample[at:])
	}
	if codec == nil {
		return 1
	}
	small, _ := codec.Compress(new(bytes.Buffer), sample)
	return float64(len(sample)) / float64(len(small))
}

// shareSteps halve the interval of shares: to within a thousandth.
const shareSteps = 10

// makeFiller makes a pool that the codec makes so many times smaller, and tells how many times it really does: less, when
// records are so small that their stamps weigh. Without a codec it is made for lz4.
func makeFiller(rng *rand.Rand, codec string, ratio float64, recordBytes int) (pool []byte, got float64, err error) {
	preference := codecs[codec]
	if codec == "none" {
		preference = kgo.Lz4Compression()
	}
	compressor, err := kgo.DefaultCompressor(preference)
	if err != nil {
		return nil, 0, err
	}
	try := func(share float64) float64 {
		return ratioOf(compressor, filler(rng, sampleBytes+2*recordBytes, share), recordBytes)
	}
	low, high := 0.0, 0.999
	for range shareSteps {
		if middle := (low + high) / 2; try(middle) > ratio {
			low = middle
		} else {
			high = middle
		}
	}
	pool = filler(rng, max(poolBytes, 2*recordBytes), high)
	return pool, ratioOf(compressor, pool, recordBytes), nil
}
