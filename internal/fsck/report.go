package fsck

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/millrace-io/millrace/internal/base"
)

// Severity says what to make of a problem.
type Severity string

const (
	// Damage: a promise is broken. Records may be lost, or agents refuse to start.
	Damage Severity = "damage"
	// Garbage: objects that nothing refers to any more; harmless, and safe to delete.
	Garbage Severity = "garbage"
	// Note: worth knowing, and normal.
	Note Severity = "note"
)

// Problem is one finding.
type Problem struct {
	Severity Severity `json:"severity"`
	Key      string   `json:"key"` // of the object in the bucket; empty: it concerns the whole
	Text     string   `json:"text"`
}

// MaxProblems bounds the list of problems; all are counted.
const MaxProblems = 10_000

// Report is what Run found.
type Report struct {
	Cluster         string    `json:"cluster"`
	Snapshots       int       `json:"snapshots"`       // usable
	Entries         int       `json:"entries"`         // applied
	VoidEntries     int       `json:"voidEntries"`     //
	DigestsCompared int       `json:"digestsCompared"` // with those that entries and snapshots carry
	FirstSlot       base.Slot `json:"firstSlot"`       // the state before the first entry applied
	LastSlot        base.Slot `json:"lastSlot"`        // the state that was checked
	Topics          int       `json:"topics"`
	Partitions      int       `json:"partitions"`
	Extents         int64     `json:"extents"`
	Files           int       `json:"files"`       // that the state refers to
	FilesRead       int       `json:"filesRead"`   // whole
	BytesRead       int64     `json:"bytesRead"`   // of these
	Batches         int64     `json:"batches"`     // whose CRC was computed
	Records         int64     `json:"records"`     // by the batches' headers
	Uncommitted     int       `json:"uncommitted"` // files of the last hour that no entry names
	Damage          int       `json:"damage"`
	Garbage         int       `json:"garbage"`
	Notes           int       `json:"notes"`
	Problems        []Problem `json:"problems"`
}

// OK reports whether no promise is broken.
func (r *Report) OK() bool { return r.Damage == 0 }

func (r *Report) add(s Severity, key, format string, args ...any) {
	switch s {
	case Damage:
		r.Damage++
	case Garbage:
		r.Garbage++
	case Note:
		r.Notes++
	}
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, Problem{s, key, fmt.Sprintf(format, args...)})
	}
}

// Table writes the report for people.
func (r *Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range []struct {
		name  string
		value any
	}{
		{"cluster", r.Cluster},
		{"snapshots", r.Snapshots},
		{"entries applied", fmt.Sprintf("%d (after slot %d, up to slot %d)", r.Entries, r.FirstSlot, r.LastSlot)},
		{"void entries", r.VoidEntries},
		{"digests compared", r.DigestsCompared},
		{"topics", r.Topics},
		{"partitions", r.Partitions},
		{"extents", r.Extents},
		{"data files", r.Files},
		{"data files read", fmt.Sprintf("%d (%d bytes, %d batches, %d records)", r.FilesRead, r.BytesRead, r.Batches, r.Records)},
		{"uploads not committed yet", r.Uncommitted},
	} {
		fmt.Fprintf(t, "%s\t%v\n", row.name, row.value)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(t, "%s\t%s\t%s\n", p.Severity, p.Key, p.Text)
	}
	if hidden := r.Damage + r.Garbage + r.Notes - len(r.Problems); hidden > 0 {
		fmt.Fprintf(t, "…\t%d more are not listed\n", hidden)
	}
	verdict := "no damage"
	if !r.OK() {
		verdict = fmt.Sprintf("%d damaged", r.Damage)
	}
	fmt.Fprintf(t, "result\t%s, %d garbage, %d notes\n", verdict, r.Garbage, r.Notes)
	return t.Flush()
}
