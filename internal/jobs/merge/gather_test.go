package merge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// TestReads: pieces are object:position+length; reads are object:from-to, and how many pieces they give.
func TestReads(t *testing.T) {
	for _, c := range []struct{ name, pieces, want string }{
		{"none", "", ""},
		{"side by side, in any order", "1:300+100 1:100+200 1:400+50", "1:100-450 for 3"},
		{"a gap that is small", fmt.Sprintf("1:0+100 1:%d+100", 100+gapMax), fmt.Sprintf("1:0-%d for 2", 200+gapMax)},
		{"a gap that is not", fmt.Sprintf("1:0+100 1:%d+100", 101+gapMax), fmt.Sprintf("1:0-100 for 1, 1:%d-%d for 1", 101+gapMax, 201+gapMax)},
		{"as much as one read may have", fmt.Sprintf("1:0+%d 1:%d+1 1:%d+1", readMax-1, readMax-1, readMax), fmt.Sprintf("1:0-%d for 2, 1:%d-%d for 1", readMax, readMax, readMax+1)},
		{"objects as they come", "2:0+10 1:0+10 3:0+10 2:10+10", "2:0-20 for 2, 1:0-10 for 1, 3:0-10 for 1"},
		{"files that landed in one object, and another", "9:100+10 9:200+10 9:300+10 4:0+10", "9:100-310 for 3, 4:0-10 for 1"},
		{"and an object between them", "9:100+10 8:0+10 9:200+10", "9:100-210 for 2, 8:0-10 for 1"},
	} {
		g := newGathering(nil)
		for _, word := range strings.Fields(c.pieces) {
			var object uint8
			var p piece
			if _, err := fmt.Sscanf(word, "%d:%d+%d", &object, &p.at.Pos, &p.Len); err != nil {
				t.Fatal(err)
			}
			p.at.File = base.FileRef{ID: base.ULID{15: object}}
			n := g.object(p.at.File)
			g.objects[n] = append(g.objects[n], &p)
		}
		var got []string
		for _, r := range g.reads() {
			got = append(got, fmt.Sprintf("%d:%d-%d for %d", r.file.ID[15], r.pos, r.end, len(r.pieces)))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, ", "), c.want)
		}
	}
}

// What is wanted of less than half of a read is copied out of it; else the read is held.
func TestHeld(t *testing.T) {
	for _, c := range []struct {
		reads []read
		want  int64
	}{
		{nil, 0},
		{[]read{{pos: 100, end: 300, wanted: 200}, {pos: 1000, end: 1010, wanted: 5}}, 210},
		{[]read{{pos: 100, end: 301, wanted: 100}, {pos: 1000, end: 1010, wanted: 10}}, 110},
	} {
		if got := held(c.reads); got != c.want {
			t.Errorf("%+v: %d bytes are held, want %d", c.reads, got, c.want)
		}
	}
}
