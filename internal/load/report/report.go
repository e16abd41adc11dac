package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/millrace-io/millrace/internal/load"
)

var (
	//go:embed page.html
	pageSource string
	//go:embed page.css
	pageStyle string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"number": func(v any) string {
			switch v := v.(type) {
			case int64:
				return load.Number(float64(v))
			case uint64:
				return load.Number(float64(v))
			default:
				return load.Number(v.(float64))
			}
		},
	}).Parse(pageSource))
)

// view is what the page shows.
type view struct {
	*load.Result
	Style    template.CSS
	Good     bool // nothing was lost
	Verdict  string
	Charts   []*chart // over the whole width
	Halves   []*chart // side by side
	Settings [][2]string
}

// Write writes the report of r.
func Write(w io.Writer, r *load.Result) error {
	v := view{Result: r, Style: template.CSS(pageStyle), Settings: settings(r)}
	v.Good, v.Verdict = verdict(r)
	points := thin(r.Series)
	if c := throughput("Throughput", points, flows); c != nil {
		v.Charts = append(v.Charts, c)
	}
	if c := throughput("Writing of the backlog", thin(r.FilledSeries), filling); c != nil {
		v.Charts = append(v.Charts, c)
	}
	if c := percentiles(r.Latencies()); c != nil {
		v.Charts = append(v.Charts, c)
	}
	v.addLatencies(points)
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		return err
	}
	_, err := w.Write(out.Bytes())
	return err
}

// addLatencies draws latencies over time: side by side if there are two.
func (v *view) addLatencies(points []load.Point) {
	ack := latencyOverTime("Until acknowledged", points, func(p load.Point) load.Tick { return p.Ack })
	endToEnd := latencyOverTime("From end to end", points, func(p load.Point) load.Tick { return p.EndToEnd })
	switch {
	case ack != nil && endToEnd != nil:
		v.Halves = []*chart{ack.draw(half, lowerOne), endToEnd.draw(half, lowerOne)}
	case ack != nil:
		v.Charts = append(v.Charts, ack.draw(wide, wideHeight))
	case endToEnd != nil:
		v.Charts = append(v.Charts, endToEnd.draw(wide, wideHeight))
	}
}

func verdict(r *load.Result) (good bool, text string) {
	switch err := r.Verdict(); {
	case err != nil:
		return false, err.Error()
	case r.Check == nil:
		return false, "Not checked"
	case r.Check.Lost > 0:
		return false, load.Number(float64(r.Check.Lost)) + " records lost, as acks=0 allows"
	case r.Check.Failed > 0:
		return false, fmt.Sprintf("%d records were not taken", r.Check.Failed)
	case r.Check.Received == 0:
		return true, "Nobody read"
	}
	return true, "Every record accounted for"
}

// settings are the rows that say what was asked for.
func settings(r *load.Result) [][2]string {
	c, unused := r.Config, r.Load.Unused()
	rate := "as fast as possible"
	if c.RecordsPerSec > 0 {
		rate = load.Number(c.RecordsPerSec) + " records/s"
	}
	span := func(s load.Span) string {
		text, _ := s.MarshalText() // never fails
		return string(text)
	}
	keys := "none"
	if c.Keys > 0 {
		keys = load.Number(float64(c.Keys)) + " distinct"
	}
	rows := [][2]string{{"Topic", c.Topic}, {"Partitions", load.Number(float64(c.Partitions))}, {"Producers", load.Number(float64(c.Producers))}}
	for _, row := range []struct{ flag, name, text string }{
		{"consumers", "Consumers", load.Number(float64(c.Consumers))},
		{"rate", "Rate", rate},
		{"backlog", "Backlog", load.Bytes(float64(c.BacklogBytes))},
		{"warmup", "Warm-up", span(c.Warmup)},
	} {
		if !slices.Contains(unused, row.flag) {
			rows = append(rows, [2]string{row.name, row.text})
		}
	}
	return append(rows, [][2]string{
		{"Measured", fmt.Sprintf("%.1f s", r.Seconds)},
		{"Record", load.Bytes(float64(c.RecordBytes))},
		{"Keys", keys},
		{"Codec", fmt.Sprintf("%s, %.1f to 1", c.Codec, r.CompressionRatio)},
		{"acks, idempotence", fmt.Sprintf("%s, %v", c.Acks, c.Idempotence)},
		{"Linger, batch", span(c.Linger) + ", " + load.Bytes(float64(c.BatchBytes))},
		{"Buffer of a producer", load.Bytes(float64(c.BufferBytes))},
		{"Client", fmt.Sprintf("%s/%s, %d cores, %.1f in use", r.Client.OS, r.Client.Arch, r.Client.CPUs, r.Client.CoresUsed)},
	}...)
}
