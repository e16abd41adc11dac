package console

import (
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/millrace-io/millrace/internal/base"
)

func TestNumbersForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{amount(0), "0"}, {amount(950), "950"}, {amount(999.7), "1.0k"}, {amount(1234), "1.2k"}, {amount(int64(5_600_000)), "5.6M"},
		{amount(0.5), "0.5"}, {amount(uint64(math.MaxUint64)), "18E"},
		{byteSize(int64(512)), "512 B"}, {byteSize(int64(1 << 30)), "1 GiB"}, {byteSize(1536.0), "1.5 KiB"},
		{millis(0), "–"}, {millis(0.0042), "4.2 ms"}, {millis(0.31), "310 ms"}, {millis(1.25), "1.25 s"},
		{ago(time.UnixMilli(10_000), base.Millis(7_000)), "3 s ago"}, {ago(time.UnixMilli(0), base.Millis(7_000)), "0 s ago"},
		{ago(time.UnixMilli(7_200_000), base.Millis(1)), "1 h ago"}, {ago(time.UnixMilli(1), -1), "–"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	if percent(5, 0) != 0 || percent(9, 4) != 100 || percent(1, 4) != 25 {
		t.Error("percent")
	}
}

func TestSecretsOfBucketURLs(t *testing.T) {
	for in, want := range map[string]string{
		"s3://bucket/prefix":                           "s3://bucket/prefix",
		"s3://AKIA:secret@bucket/prefix?secret=1#frag": "s3://bucket/prefix",
		"file:///var/lib/millrace":                     "file:///var/lib/millrace",
		"mem://x":                                      "mem://x",
		"s3://bucket/%zz?secret=1":                     "s3://bucket/%zz",
		"":                                             "",
	} {
		if got := withoutSecrets(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestRatesSurviveCountersThatBeginAnew(t *testing.T) {
	at := time.UnixMilli(0)
	got := ratesBetween(sample{at: at, stats: Stats{RecordsIn: 100, BytesOut: 10}},
		sample{at: at.Add(2 * time.Second), stats: Stats{RecordsIn: 4, BytesOut: 30, Store: []StoreOperation{{Name: "put-if-absent", Requests: 6}}}})
	if want := (Rates{BytesOut: 10, Puts: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := ratesBetween(sample{at: at}, sample{at: at, stats: Stats{RecordsIn: 1}}); got != (Rates{}) {
		t.Errorf("no time has passed: %+v", got)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range 3 * historyPoints {
		h.add(sample{at: time.UnixMilli(int64(i) * 1000), stats: Stats{RecordsIn: uint64(i)}})
	}
	if got := h.rates(); len(got) != historyPoints || got[0].RecordsIn != 1 {
		t.Errorf("%d points", len(got))
	}
}

func TestQuantile(t *testing.T) {
	buckets := func(counts ...uint64) []*dto.Bucket {
		var all []*dto.Bucket
		for i, n := range counts {
			bound := []float64{0.1, 0.2, 0.4}[i]
			all = append(all, &dto.Bucket{CumulativeCount: &n, UpperBound: &bound})
		}
		return all
	}
	none := buckets(0, 0, 0)
	for _, c := range []struct {
		q             float64
		before, after []*dto.Bucket
		want          float64
	}{
		{0.5, none, buckets(10, 10, 10), 0.05},
		{0.5, none, buckets(0, 10, 10), 0.15},
		{1, none, buckets(5, 5, 10), 0.4},
		{0.5, buckets(10, 10, 10), buckets(10, 10, 20), 0.3},
		{0.5, none, none, 0},
		{0.5, nil, none, 0},
	} {
		if got := quantile(c.q, c.before, c.after); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("quantile %v: %v, want %v", c.q, got, c.want)
		}
	}
}

func TestChartEndsAtTheRightEdge(t *testing.T) {
	c := newChart([]Rates{{BytesIn: 0}, {BytesIn: 5000, BytesOut: 10000}})
	points := strings.Fields(line(c.In, c.Max))
	if len(points) != 2 || points[0] != "596.0,98.0" || points[1] != "600.0,51.0" {
		t.Errorf("line %v", points)
	}
	if got := area(c.Out, c.Max); !strings.HasPrefix(got, "596.0,100 ") || !strings.HasSuffix(got, " 600,100") {
		t.Errorf("area %s", got)
	}
	if idle := newChart([]Rates{{BytesIn: 1}}); idle.Max != chartFloor {
		t.Errorf("one byte a second fills the chart: %+v", idle)
	}
	if got := area(nil, 1); got != "" {
		t.Errorf("area of nothing: %q", got)
	}
}
