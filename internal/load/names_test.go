package load_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/load"
)

var rewrite = flag.Bool("rewrite", false, "write the names of today into testdata")

const namesFile = "testdata/names.txt"

// Scripts read the JSON by its names. A change of testdata/names.txt is a change for all of them.
func TestTheNamesInTheJSONStay(t *testing.T) {
	cluster := fakeCluster(t)
	seen := map[string]bool{}
	for _, k := range []load.Kind{load.Mixed, load.Produce} { // together they have all that there is
		c := short(k, cluster.ListenAddrs()...)
		c.Duration, c.RecordsPerSec = load.Span(1500*time.Millisecond), 0
		r, err := load.Run(t.Context(), c, load.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		addNames(t, seen, r)
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	got := strings.Join(names, "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(namesFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(namesFile)
	if err != nil || got != string(want) {
		t.Errorf("%v; the names are\n%s\nwant\n%s", err, got, want)
	}
	for _, name := range names {
		if !regexp.MustCompile(`^[a-z0-9_.\[\]]+ \w+$`).MatchString(name) {
			t.Errorf("%s is not in the style of the others", name)
		}
	}
}

// addNames adds the path of every value, with its kind.
func addNames(t *testing.T, names map[string]bool, r *load.Result) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, field := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), field)
			}
		case []any:
			for _, item := range v {
				walk(path+"[]", item)
			}
		case nil:
			names[path+" null"] = true
		case float64:
			names[path+" number"] = true
		default:
			names[fmt.Sprintf("%s %T", path, v)] = true
		}
	}
	walk("", all)
}

// A list of nothing is a list, also in a run that ended before its first second.
func TestASeriesIsAList(t *testing.T) {
	cluster := fakeCluster(t)
	r, err := load.Run(t.Context(), short(load.CatchUp, cluster.ListenAddrs()...), load.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	for name, points := range map[string][]load.Point{"read": r.Series, "written": r.FilledSeries} {
		if len(points) == 0 || points[0].At <= 0 {
			t.Errorf("%s: %+v; want at least the part of a second that it took", name, points)
		}
	}
	if last := r.Series[len(r.Series)-1]; math.Abs(last.At-r.Seconds) > 1e-3 {
		t.Errorf("the series ends at %g s, the reading at %g", last.At, r.Seconds)
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"series":[`) {
		t.Errorf("%v: %s", err, text)
	}
}
