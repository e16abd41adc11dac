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
	// Garbage: objects that nothing refers to any more; harmless.
	Garbage Severity = "garbage"
	// Note: worth knowing, and normal.
	Note Severity = "note"
)

// Repair says what can be done about a problem without losing anything.
type Repair string

const (
	// Nothing: a person has to judge, or time has to pass.
	Nothing Repair = ""
	// Possible: Options.Repair deletes what the problem is about.
	Possible Repair = "delete"
	// Done: it was deleted.
	Done Repair = "deleted"
)

// Problem is one finding.
type Problem struct {
	Severity Severity `json:"severity"`
	Key      string   `json:"key"` // of the object in the bucket; empty: it concerns the whole
	Text     string   `json:"text"`
	Repair   Repair   `json:"repair,omitempty"`

	sweep sweep // that repairs it
}

// MaxProblems bounds the list of problems; all are counted.
const MaxProblems = 10_000

// Report is what Run found.
type Report struct {
	Cluster         string    `json:"cluster"`
	Snapshots       int       `json:"snapshots"`       // usable
	Entries         int       `json:"entries"`         // applied
	VoidEntries     int       `json:"voidEntries"`     //
	Level           uint16    `json:"featureLevel"`    // of the newest entry; 0: there is none
	DigestsCompared int       `json:"digestsCompared"` // with those that entries, snapshots and the second reading carry
	FirstSlot       base.Slot `json:"firstSlot"`       // the state before the first entry applied
	LastSlot        base.Slot `json:"lastSlot"`        // the state that was checked
	Topics          int       `json:"topics"`
	Partitions      int       `json:"partitions"`
	Extents         int64     `json:"extents"`
	Files           int       `json:"files"`         // that the state refers to
	FilesRead       int       `json:"filesRead"`     // whole
	FilesGone       int       `json:"filesGone"`     // merged into others or trimmed away while this check read
	FilesReleased   int       `json:"filesReleased"` // nothing of them is left, since too short a time for them to be deleted
	BytesRead       int64     `json:"bytesRead"`     // of these
	Batches         int64     `json:"batches"`       // whose CRC was computed
	Records         int64     `json:"records"`       // by the batches' headers
	Uncommitted     int       `json:"uncommitted"`   // files that no entry names, and that one may still name
	GarbageBytes    int64     `json:"garbageBytes"`  // of data files that are garbage
	Damage          int       `json:"damage"`
	Garbage         int       `json:"garbage"`
	Notes           int       `json:"notes"`
	Problems        []Problem `json:"problems"`

	// What of it can be repaired, and was.
	Repairable int     `json:"repairable"`        // problems, before the repair
	Mended     int     `json:"mended"`            // damage that was repaired
	Refused    string  `json:"refused,omitempty"` // why nothing is repaired although something could be
	Deleted    Deleted `json:"deleted,omitempty"` // by the repair
	mendable   int     // damage that can be repaired
	sweeps     [sweeps]bool
}

// Deleted counts objects that a repair deleted.
type Deleted struct {
	Entries   int   `json:"entries"`
	Snapshots int   `json:"snapshots"`
	Parts     int   `json:"parts"`
	Files     int   `json:"files"`
	FileBytes int64 `json:"fileBytes"`
	Scratch   int   `json:"scratch"`
}

// OK reports whether no promise is broken, after the repair if there was one.
func (r *Report) OK() bool { return r.Damage == r.Mended }

func (r *Report) add(s Severity, key, format string, args ...any) {
	r.find(Problem{Severity: s, Key: key, Text: fmt.Sprintf(format, args...)})
}

// sweepable adds a problem that a sweep repairs.
func (r *Report) sweepable(by sweep, s Severity, key, format string, args ...any) {
	r.Repairable++
	r.sweeps[by] = true
	if s == Damage {
		r.mendable++
	}
	r.find(Problem{Severity: s, Key: key, Text: fmt.Sprintf(format, args...), Repair: Possible, sweep: by})
}

func (r *Report) find(p Problem) {
	switch p.Severity {
	case Damage:
		r.Damage++
	case Garbage:
		r.Garbage++
	case Note:
		r.Notes++
	}
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, p)
	}
}

// swept notes that a sweep has done its work.
func (r *Report) swept(by sweep) {
	for i := range r.Problems {
		if p := &r.Problems[i]; p.Repair == Possible && p.sweep == by {
			p.Repair = Done
		}
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
		{"feature level", r.Level},
		{"digests compared", r.DigestsCompared},
		{"topics", r.Topics},
		{"partitions", r.Partitions},
		{"extents", r.Extents},
		{"data files", r.Files},
		{"data files read", fmt.Sprintf("%d (%d bytes, %d batches, %d records)", r.FilesRead, r.BytesRead, r.Batches, r.Records)},
		{"uploads not committed yet", r.Uncommitted},
		{"garbage in data files", fmt.Sprintf("%d bytes", r.GarbageBytes)},
	} {
		fmt.Fprintf(t, "%s\t%v\n", row.name, row.value)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(t, "%s\t%s\t%s%s\n", p.Severity, p.Key, p.Text, r.remark(p))
	}
	if hidden := r.Damage + r.Garbage + r.Notes - len(r.Problems); hidden > 0 {
		fmt.Fprintf(t, "…\t%d more are not listed\n", hidden)
	}
	for _, line := range r.verdict() {
		fmt.Fprintln(t, line)
	}
	return t.Flush()
}

// remark says what becomes of a problem.
func (r *Report) remark(p Problem) string {
	switch {
	case p.Repair == Done:
		return " [deleted]"
	case p.Repair == Possible && r.Refused == "":
		return " [--repair deletes it]"
	}
	return ""
}

func (r *Report) verdict() (lines []string) {
	if r.Refused != "" {
		lines = append(lines, "repair\tnothing is repaired: "+r.Refused)
	}
	if d := r.Deleted; d != (Deleted{}) {
		lines = append(lines, fmt.Sprintf("repair\tdeleted %d entries, %d snapshots, %d parts, %d data files of %d bytes, %d scratch objects",
			d.Entries, d.Snapshots, d.Parts, d.Files, d.FileBytes, d.Scratch))
	}
	damage := "no damage"
	if r.Damage > 0 {
		damage = fmt.Sprintf("%d damaged", r.Damage)
	}
	if r.Mended > 0 {
		damage += fmt.Sprintf(" of which %d are repaired", r.Mended)
	}
	return append(lines, fmt.Sprintf("result\t%s, %d garbage, %d notes", damage, r.Garbage, r.Notes))
}
