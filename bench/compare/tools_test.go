package main

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestWhatToolsPrint(t *testing.T) {
	n, ok := sentIn("94011 records sent, 94011.0 records/sec (91.81 MB/sec), 12.4 ms avg latency, 130.0 ms max latency.")
	if n != 94011 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	if _, ok := sentIn("SLF4J: Defaulting to no-operation"); ok {
		t.Error("a complaint is taken for a report")
	}
	mib, rate, err := fetchedIn("start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n" +
		"2026-11-25 18:00:00:000, 2026-11-25 18:00:10:000, 976.5625, 97.6562, 1000000, 100000.0, 3500, 6500, 150.2404, 153846.2\n")
	if mib != 976.5625 || rate != 150.2404 || err != nil {
		t.Errorf("%v, %v, %v", mib, rate, err)
	}
	if _, _, err := fetchedIn("WARNING: Exiting before consuming the expected number of records"); err == nil {
		t.Error("a complaint is taken for a result")
	}
}

// The records of Kafka's tool compress as those of our clients do.
func TestRecordsAreHalved(t *testing.T) {
	lz4, err := kgo.DefaultCompressor(kgo.Lz4Compression())
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var batch []byte
	for range 64 {
		batch = append(batch, recordLine(rng)...)
	}
	small, _ := lz4.Compress(new(bytes.Buffer), batch)
	if ratio := float64(len(batch)) / float64(len(small)); ratio < 0.95*halved || ratio > 1.05*halved {
		t.Errorf("%.2f to 1, want %d", ratio, halved)
	}
}
