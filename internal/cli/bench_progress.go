package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/load"
)

// benchProgress prints a line a second: over the last one on a terminal, below it elsewhere.
type benchProgress struct {
	out      io.Writer
	terminal bool
	phase    load.Phase
}

// overLine writes over the line, and does not let a narrow terminal break it into two.
const overLine = "\r\x1b[K\x1b[?7l%s\x1b[?7h"

func newBenchProgress(out io.Writer) *benchProgress {
	return &benchProgress{out: out, terminal: isTerminal(out)}
}

func (b *benchProgress) show(p load.Progress) {
	switch line := b.line(p); {
	case !b.terminal:
		fmt.Fprintln(b.out, line)
	case p.Phase != b.phase && b.phase != "":
		fmt.Fprintf(b.out, "\n"+overLine, line) // what the last phase came to stays
	default:
		fmt.Fprintf(b.out, overLine, line)
	}
	b.phase = p.Phase
}

// end leaves the cursor at the beginning of a line.
func (b *benchProgress) end() {
	if b.terminal && b.phase != "" {
		fmt.Fprint(b.out, "\n\n")
	}
}

// barCells are the width of the bar.
const barCells = 12

func (b *benchProgress) line(p load.Progress) string {
	parts := []string{b.clock(p)}
	flow := func(name string, r load.Pace) {
		if r.RecordsPerSec > 0 {
			parts = append(parts, fmt.Sprintf("%s %s MB/s (%s/s)", name, load.Number(r.MBPerSec), load.Number(float64(int64(r.RecordsPerSec)))))
		}
	}
	flow("in", p.Produced)
	flow("out", p.Consumed)
	flow("backlog", p.Backfilled)
	latency := func(name string, t load.Tick) {
		if t.Max > 0 {
			parts = append(parts, fmt.Sprintf("%s %s/%s ms", name, load.Number(t.P50), load.Number(t.P99)))
		}
	}
	latency("ack p50/p99", p.Ack)
	latency("end to end", p.EndToEnd)
	if p.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d FAILED", p.Failed))
	}
	return strings.Join(parts, "  ")
}

func (b *benchProgress) clock(p load.Progress) string {
	elapsed := int(p.Elapsed.Round(time.Second).Seconds())
	if p.Length == 0 {
		return fmt.Sprintf("%s %d s", p.Phase, elapsed)
	}
	text := fmt.Sprintf("%s %d/%d s", p.Phase, elapsed, int(p.Length.Round(time.Second).Seconds()))
	if !b.terminal {
		return text
	}
	full := min(barCells, int(barCells*p.Elapsed/p.Length))
	return text + " " + strings.Repeat("█", full) + strings.Repeat("░", barCells-full)
}
