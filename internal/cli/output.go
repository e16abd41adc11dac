package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table prints rows in aligned columns. A header that ends in ">" aligns its column to the right.
type table struct {
	header []string
	right  []bool
	rows   [][]string
}

func newTable(header ...string) *table {
	t := &table{header: make([]string, len(header)), right: make([]bool, len(header))}
	for i, name := range header {
		t.header[i], t.right[i] = strings.CutSuffix(name, ">")
	}
	return t
}

// add appends a row; each cell is printed as fmt.Sprint does, nil and "" as "-".
func (t *table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		if row[i] = "-"; cell != nil && cell != "" {
			row[i] = fmt.Sprint(cell)
		}
	}
	t.rows = append(t.rows, row)
}

func (t *table) print(w io.Writer) {
	width := make([]int, len(t.header))
	all := append([][]string{t.header}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if t.right[i] {
				cell = pad + cell
			} else {
				cell += pad
			}
			line.WriteString(cell + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// object prints one JSON line.
func (s *session) object(v any) error { return writeJSON(s.out, v) }

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// objects prints one JSON line per element.
func objects[T any](s *session, all []T) error {
	for _, v := range all {
		if err := s.object(v); err != nil {
			return err
		}
	}
	return nil
}

// tally reports what became of each of the things one command was asked to act on. As JSON every thing is a line
// {"<noun>": name, "result": …} or {"<noun>": name, "error": …}.
type tally struct {
	s      *session
	noun   string
	total  int
	failed []error
}

func (s *session) tally(noun string) *tally { return &tally{s: s, noun: noun} }

func (t *tally) done(name, result, detail string) {
	t.total++
	if t.s.json {
		_ = t.s.object(map[string]string{t.noun: name, "result": result})
		return
	}
	fmt.Fprintf(t.s.out, "%s %s %s%s\n", t.noun, name, result, detail)
}

func (t *tally) fail(name string, err error) {
	t.total++
	t.failed = append(t.failed, err)
	if t.s.json {
		_ = t.s.object(map[string]string{t.noun: name, "error": err.Error()})
	}
}

// err gives the one failure as it is; of several it prints each and says how many there were.
func (t *tally) err() error {
	switch len(t.failed) {
	case 0:
		return nil
	case 1:
		return t.failed[0]
	}
	for _, err := range t.failed {
		fmt.Fprintln(t.s.err, err)
	}
	return fmt.Errorf("%d of %d failed", len(t.failed), t.total)
}

// count writes "1 partition", "3 partitions".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
