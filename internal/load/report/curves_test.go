package report

import (
	"encoding/json"
	"strings"
	"testing"
)

func curveOf(values ...Figure) Curve {
	c := Curve{Name: "state", Title: "State", X: "partitions", Columns: []Column{{"metadata", "ms", 0}, {"a partition", "µs", 2}}}
	x := 1.0
	for _, v := range values {
		x *= 10
		c.Points = append(c.Points, Sample{x, []Figure{Figure(x), v}})
	}
	return c
}

func TestACurveThatIsToBeFlatIsHeldToIt(t *testing.T) {
	for _, c := range []struct {
		values []Figure
		missed bool
	}{{[]Figure{3, 4, 5}, false}, {[]Figure{3, 1, 7}, true}, {[]Figure{3}, false}, {[]Figure{None, 3, 5}, false}, {[]Figure{2, 5, None}, true}} {
		curve := curveOf(c.values...)
		if got := curve.Missed(1); got != c.missed {
			t.Errorf("%v: missed %v", c.values, got)
		}
		if curve.Missed(0) {
			t.Errorf("a column without a goal missed it")
		}
	}
}

func TestThePageShowsAPlotForEachUnitAndTheFigures(t *testing.T) {
	c := curveOf(3, None, 7.5)
	var out strings.Builder
	if err := WriteCurves(&out, "Scale", "here", []Curve{c}); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if n := strings.Count(page, `class="plot`); n != 2 {
		t.Errorf("%d plots, want 2", n)
	}
	for _, want := range []string{`<polyline class="line in"`, "7.50", "2.50, at most 2", "–", `"values":[100,null]`, "1,000"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	var back []struct{ Name string }
	_, data, _ := strings.Cut(page, `id="result">`)
	data, _, _ = strings.Cut(data, "</script>")
	if err := json.Unmarshal([]byte(data), &back); err != nil || back[0].Name != "state" {
		t.Errorf("the data in the page: %v, %v", err, back)
	}
}
