package load

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Print writes the result as a person reads it.
func (r *Result) Print(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n%s\n\n%-16s%12s%12s%10s\n", r.Load, r.Headline(), r.Where(), "", "records", "records/s", "MB/s")
	for _, f := range r.Flows() {
		fmt.Fprintf(&text, "%-16s%12s%12s%10s\n", f.Name, Number(float64(f.Records)), Number(f.RecordsPerSec), Number(f.MBPerSec))
	}
	for i, l := range r.Latencies() {
		if i == 0 {
			fmt.Fprintf(&text, "\n%-16s%9s%9s%9s%9s%9s%9s\n", "latency in ms", "p50", "p90", "p99", "p99.9", "max", "mean")
		}
		fmt.Fprintf(&text, "%-16s%9s%9s%9s%9s%9s%9s\n", l.Name, Number(l.P50), Number(l.P90), Number(l.P99), Number(l.P999), Number(l.Max), Number(l.Mean))
	}
	fmt.Fprintf(&text, "\ncheck: %s\n", r.CheckText())
	for _, note := range r.Notes {
		fmt.Fprintf(&text, "note: %s\n", note)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// NamedFlow and NamedLatency are rows of a table.
type (
	NamedFlow struct {
		Name string
		*Flow
	}
	NamedLatency struct {
		Name string
		*Latency
	}
)

// Flows are the throughputs that there are.
func (r *Result) Flows() (all []NamedFlow) {
	for _, f := range []NamedFlow{{"backlog written", r.Filled}, {"produced", r.Produced}, {"consumed", r.Consumed}, {"backlog read", r.Backfilled}} {
		if f.Flow != nil {
			all = append(all, f)
		}
	}
	return all
}

// Latencies are those that there are.
func (r *Result) Latencies() (all []NamedLatency) {
	for _, l := range []NamedLatency{{"acknowledged", r.Ack}, {"end to end", r.EndToEnd}} {
		if l.Latency != nil {
			all = append(all, l)
		}
	}
	return all
}

// Headline says what was run.
func (r *Result) Headline() string {
	c := r.Config
	parts := []string{fmt.Sprintf("%s of %s", r.rateText(), Bytes(float64(c.RecordBytes))),
		fmt.Sprintf("%s (%.1f to 1)", c.Codec, r.CompressionRatio), "acks=" + c.Acks}
	if c.Codec == "none" {
		parts[1] = "not compressed"
	}
	if c.Idempotence {
		parts = append(parts, "idempotent")
	}
	parts = append(parts, many(c.Partitions, "partition"))
	s := shapes[r.Load]
	if s.produces || s.fills {
		parts = append(parts, many(c.Producers, "producer"))
	}
	if s.follows || s.backfills {
		parts = append(parts, many(c.Consumers, "consumer"))
	}
	return strings.Join(parts, ", ")
}

func (r *Result) rateText() string {
	switch rate := r.Config.RecordsPerSec; {
	case !shapes[r.Load].produces:
		return "records"
	case rate > 0:
		return Number(rate) + " records/s"
	}
	return "as fast as possible, records"
}

// Where says when and where.
func (r *Result) Where() string {
	return fmt.Sprintf("%s s from %s on, topic %s, %s at %s; clients on %s/%s, %s", Number(r.Seconds), r.Started.Format(time.DateTime+" UTC"), r.Config.Topic,
		many(r.Cluster.Brokers, "broker"), strings.Join(r.Config.Bootstrap, ","), r.Client.OS, r.Client.Arch, many(r.Client.CPUs, "core"))
}

// CheckText tells what the check found.
func (r *Result) CheckText() string {
	c := r.Check
	if c == nil {
		return "not made, as the run failed"
	}
	text := Number(float64(c.Acknowledged)) + " acknowledged, "
	switch {
	case c.ByOffsets:
		text += fmt.Sprintf("the topic grew by %s", Number(float64(c.Received)))
	case c.Received == 0 && r.Load == Produce:
		return text + "nobody read, and others may write to the topic"
	default:
		text += Number(float64(c.Received)) + " received"
	}
	if c.BacklogReadings > 1 {
		text += fmt.Sprintf(" (the backlog %d times)", c.BacklogReadings)
	}
	if wrong := c.wrongs(); len(wrong) > 0 {
		return text + "; " + strings.Join(wrong, ", ")
	} else if c.ByOffsets {
		return text
	}
	return text + "; none lost, none twice, all in order"
}

// wrongs lists what is not as it should be.
func (c *Check) wrongs() (all []string) {
	for _, f := range []struct {
		n    uint64
		what string
	}{{c.Failed, "not taken"}, {c.Lost, "LOST"}, {c.Duplicates, "duplicates"}, {c.Disordered, "out of order"}, {c.Corrupt, "CORRUPT"}, {c.Foreign, "of others"}} {
		if f.n > 0 {
			all = append(all, Number(float64(f.n))+" "+f.what)
		}
	}
	return all
}

// many counts things.
func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(float64(n)) + " " + noun + "s"
}

// Number writes three digits or more, in thousands: 0.123, 4.56, 78.9, 12,345.
func Number(v float64) string {
	decimals := 0
	switch {
	case v == float64(int64(v)) || v >= 100:
	case v >= 10:
		decimals = 1
	case v >= 1:
		decimals = 2
	default:
		decimals = 3
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, rest, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}

// Bytes writes 512 B, 1.5 KiB, 16 MiB.
func Bytes(n float64) string {
	unit := 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for ; n >= 1024 && unit < len(units)-1; unit++ {
		n /= 1024
	}
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0") + " " + units[unit]
}
