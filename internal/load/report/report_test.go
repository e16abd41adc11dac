package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

// example is a run of n seconds after 5 of warm-up.
func example(n int) *load.Result {
	c := load.Defaults(load.EndToEnd)
	c.Topic, c.Bootstrap = "orders<&>", []string{"kafka:9092"}
	r := &load.Result{Load: load.EndToEnd, Started: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Seconds: float64(n), Config: c, Cluster: load.Cluster{ID: "x", Brokers: 3},
		Client: load.Client{OS: "linux", Arch: "amd64", CPUs: 8, Go: "go1.26", CoresUsed: 0.5}, CompressionRatio: 3,
		Produced: &load.Flow{Records: 60_000, Bytes: 61_440_000, RecordsPerSec: 1000, MBPerSec: 1.024}, Consumed: &load.Flow{Records: 59_990, Bytes: 61_430_000, RecordsPerSec: 999.8, MBPerSec: 1.023},
		Ack: latency(120, 400), EndToEnd: latency(140, 450), Check: &load.Check{Acknowledged: 65_000, Received: 65_000}}
	for i := -4; i <= n; i++ {
		wave := math.Sin(float64(i))
		r.Series = append(r.Series, load.Point{At: float64(i), Seconds: 1, Produced: load.Pace{RecordsPerSec: 1000, MBPerSec: 1 + wave/10}, Consumed: load.Pace{RecordsPerSec: 1000, MBPerSec: 1},
			Ack: load.Tick{P50: 120 + wave, P99: 300, Max: 400}, EndToEnd: load.Tick{P50: 140, P99: 350 + wave, Max: 450}})
	}
	return r
}

func latency(median, most float64) *load.Latency {
	l := &load.Latency{Count: 60_000, Mean: median, P50: median, P90: 1.5 * median, P99: 2 * median, P999: 0.9 * most, P9999: most, Max: most}
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
		l.Curve = append(l.Curve, load.Quantile{Q: q, Ms: median/2 + q*(most-median/2)})
	}
	return l
}

func write(t *testing.T, r *load.Result) string {
	t.Helper()
	var out strings.Builder
	if err := report.Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// caughtUp is a backlog of 700 MB that was written and read in so many seconds, in points of a tenth of one.
func caughtUp(written, read float64) *load.Result {
	r := example(0)
	r.Load, r.Config.Load, r.Config.RecordsPerSec, r.Config.Warmup = load.CatchUp, load.CatchUp, 0, 0
	r.Filled, r.Backfilled = r.Produced, r.Consumed
	r.Produced, r.Consumed, r.Ack, r.EndToEnd, r.Seconds = nil, nil, nil, nil, read
	series := func(length float64, pace func(*load.Point) *load.Pace) (all []load.Point) {
		for at := 0.0; at < length; at += 0.1 {
			p := load.Point{At: min(at+0.1, length), Seconds: min(0.1, length-at)}
			pace(&p).MBPerSec = 700 / length
			all = append(all, p)
		}
		return all
	}
	r.FilledSeries = series(written, func(p *load.Point) *load.Pace { return &p.Produced })
	r.Series = series(read, func(p *load.Point) *load.Pace { return &p.Backfilled })
	return r
}

// A backlog is drawn as it was written and as it was read, however short that took; what catching up has no use for is not
// spoken of.
func TestTheReportOfABacklog(t *testing.T) {
	for _, seconds := range []float64{0.066, 2.17, 30} {
		page := write(t, caughtUp(3, seconds))
		found := plots.FindAllString(page, -1)
		if len(found) != 2 {
			t.Fatalf("%g s: %d plots, want the writing and the reading", seconds, len(found))
		}
		for name, plot := range map[string]string{"backlog read": found[0], "backlog written": found[1]} {
			checkPlot(t, plot)
			if !strings.Contains(plot, name) || !strings.Contains(plot, `class="area`) {
				t.Errorf("%g s: there is no line of %q in\n%s", seconds, name, plot)
			}
		}
		for _, word := range []string{"Rate", "Warm-up", "warm-up"} {
			if strings.Contains(page, ">"+word) {
				t.Errorf("%g s: the report speaks of %q", seconds, word)
			}
		}
	}
}

var plots = regexp.MustCompile(`(?s)<svg class="plot.*?</svg>`)

func TestTheReportHasEveryPlot(t *testing.T) {
	page := write(t, example(60))
	for _, word := range []string{"Bench: endtoend", "Every record accounted for", "Throughput", "Latency by percentile", "Until acknowledged", "From end to end",
		"warm-up", "99.99 %", "65,000 acknowledged", "orders&lt;&amp;&gt;"} {
		if !strings.Contains(page, word) {
			t.Errorf("the report does not say %q", word)
		}
	}
	if n := len(plots.FindAllString(page, -1)); n != 4 {
		t.Errorf("%d plots, want 4", n)
	}
}

// A report is a file to send around: nothing in it may be fetched from elsewhere, or run.
func TestTheReportStandsAlone(t *testing.T) {
	page := write(t, example(60))
	if found := regexp.MustCompile(`(?i)https?:|src=|@import|url\(|<script>|\son\w+=`).FindString(page); found != "" {
		t.Errorf("it holds %q", found)
	}
}

func TestTheReportHoldsTheResult(t *testing.T) {
	want := example(10)
	_, rest, _ := strings.Cut(write(t, want), `<script type="application/json" id="result">`)
	text, _, _ := strings.Cut(rest, "</script>")
	var got load.Result
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(want)
	if b, _ := json.Marshal(got); string(a) != string(b) {
		t.Errorf("the result came back as\n%s\nwant\n%s", b, a)
	}
}

// Plots are well formed and lie inside of their pictures, whatever the figures.
func TestPlotsOfStrangeRuns(t *testing.T) {
	for name, change := range map[string]func(*load.Result){
		"as usual":   func(*load.Result) {},
		"no second":  func(r *load.Result) { r.Series = nil },
		"one second": func(r *load.Result) { r.Series = r.Series[:1] },
		"five hours": func(r *load.Result) { *r = *example(5 * 3600) },
		"nothing moved": func(r *load.Result) {
			for i, p := range r.Series {
				r.Series[i] = load.Point{At: p.At, Seconds: p.Seconds}
			}
		},
		"a very short one": func(r *load.Result) { *r = *caughtUp(0.002, 0.002) },
		"no latencies":     func(r *load.Result) { r.Ack, r.EndToEnd = nil, nil },
		"one record": func(r *load.Result) {
			r.Ack, r.EndToEnd = &load.Latency{Count: 1, Curve: []load.Quantile{{Q: 1, Ms: 5}}}, nil
		},
		"stalls":                 func(r *load.Result) { r.Ack.Max, r.Series[3].Ack.Max = 60_000, 60_000 },
		"fractions of a ms":      func(r *load.Result) { r.Series[5].Ack = load.Tick{P50: 0.001, P99: 0.002, Max: 0.003} },
		"a very fast cluster":    func(r *load.Result) { r.Series[5].Produced.MBPerSec = 1e6 },
		"the check was not made": func(r *load.Result) { r.Check = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := example(20)
			change(r)
			page := write(t, r)
			if found := regexp.MustCompile(`NaN|Inf|%!`).FindString(page); found != "" {
				t.Errorf("it says %s", found)
			}
			if len(page) > 1<<20 && name != "five hours" {
				t.Errorf("the report has %d bytes", len(page))
			}
			for _, plot := range plots.FindAllString(page, -1) {
				checkPlot(t, plot)
			}
		})
	}
}

var coordinate = regexp.MustCompile(`(-?[\d.]+),(-?[\d.]+)`)

func checkPlot(t *testing.T, plot string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(plot))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v in\n%s", err, plot)
		}
	}
	size := regexp.MustCompile(`viewBox="0 0 (\d+) (\d+)"`).FindStringSubmatch(plot)
	var width, height float64
	if err := json.Unmarshal([]byte("["+size[1]+","+size[2]+"]"), &[]*float64{&width, &height}); err != nil {
		t.Fatal(err)
	}
	checkLabels(t, plot, width)
	for _, points := range regexp.MustCompile(`points="([^"]*)"`).FindAllStringSubmatch(plot, -1) {
		for _, at := range coordinate.FindAllStringSubmatch(points[1], -1) {
			var x, y float64
			if err := json.Unmarshal([]byte("["+at[1]+","+at[2]+"]"), &[]*float64{&x, &y}); err != nil {
				t.Fatal(err)
			}
			if x < 0 || x > width || y < 0 || y > height {
				t.Fatalf("a line goes through %s, outside of a picture of %s × %s", at[0], size[1], size[2])
			}
		}
	}
}

var labelAt = regexp.MustCompile(`<text class="(tick x|label)" x="([^"]*)"[^>]*>([^<]*)</text>`)

// textWidth is that of a label in Helvetica and the like, at the size it has on a narrow screen.
func textWidth(label string) (width float64) {
	for _, r := range label {
		switch r {
		case ' ', '.', ':':
			width += 0.278
		case '%':
			width += 0.889
		default:
			width += 0.584
		}
	}
	return 15 * width
}

// checkLabels holds that the labels of the x axis are seen whole.
func checkLabels(t *testing.T, plot string, width float64) {
	t.Helper()
	for _, l := range labelAt.FindAllStringSubmatch(plot, -1) {
		x, err := strconv.ParseFloat(l[2], 64)
		if half := textWidth(l[3]) / 2; err != nil || x-half < 0 || x+half > width {
			t.Errorf("%q at %s reaches out of a picture of %g, %v", l[3], l[2], width, err)
		}
	}
}

// The label at the end of an axis is not cut off: a run ends at a round time, or a little before or after.
func TestTheLastLabelIsSeenWhole(t *testing.T) {
	for _, seconds := range []float64{0.0698, 3.96, 4, 4.03, 60} {
		for _, plot := range plots.FindAllString(write(t, caughtUp(seconds, seconds)), -1) {
			checkPlot(t, plot)
		}
	}
	r := example(4)
	r.Ack.Count, r.EndToEnd.Count = 1_000_001, 1_000_000 // 99.9999 % lies at the very end
	for _, plot := range plots.FindAllString(write(t, r), -1) {
		checkPlot(t, plot)
	}
}

func TestABadRunIsCalledSo(t *testing.T) {
	for want, change := range map[string]func(*load.Result){
		"3 acknowledged records were lost":     func(r *load.Result) { r.Check.Lost = 3 },
		"5,000 records lost, as acks=0 allows": func(r *load.Result) { r.Config.Acks, r.Check.Lost = "0", 5000 },
		"7 records were not taken":             func(r *load.Result) { r.Check.Failed = 7 },
		"Not checked":                          func(r *load.Result) { r.Check = nil },
	} {
		r := example(10)
		change(r)
		if page := write(t, r); !strings.Contains(page, `class="badge bad">`+want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}
