package main

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func defaults(t *testing.T, args ...string) model {
	t.Helper()
	m, _, err := parse(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	m.in = gib
	return m
}

// The page in the docs is what the command prints. Run: go run ./bench/cost > docs/COST.md
func TestThePageIsWhatTheCommandPrints(t *testing.T) {
	page, err := os.ReadFile("../../docs/COST.md")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(nil, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != string(page) {
		t.Error("docs/COST.md is not what go run ./bench/cost prints: print it anew")
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.01*math.Abs(want) {
		t.Errorf("%s = %g, want %g", what, got, want)
	}
}

// Reckoned by hand: of each GB two copies and two thirds of the producers cross zones, at 2 cents.
func TestKafkaPaysForCrossingZones(t *testing.T) {
	m := defaults(t)
	_, b := m.kafka()
	near(t, "dollars for a GB", b.Transfer/(gib*hour/1e9), 0.02*(2+2.0/3))
	m = defaults(t, "-zones", "1")
	_, b = m.kafka()
	near(t, "copies alone", b.Transfer/(gib*hour/1e9), 0.02*2)
}

func TestALoadByHand(t *testing.T) {
	m := defaults(t, "-batch", "1024", "-use", "1")
	o := m.with(4)
	near(t, "segments of 8 MiB", o.Segments, 128)
	near(t, "batches of 1 MiB", o.Batches, 1024)
	near(t, "bytes that two other zones read", o.DataBytesRead, 2*gib*m.Values[readPerByte])
	near(t, "small entries, as often as the profile's PUT allows", o.Entries, 1/0.045)
	near(t, "an entry", o.EntryBytes, 0.045*1024*m.Values[entryBatchBytes])
	near(t, "network", o.AgentNetwork, gib) // four times the load is sent, by four agents
	slow := m.with(4096)
	near(t, "segments at the batch time-out", slow.Segments, 4*4096)
	b := m.cost(o, prices{PutThousand: 1})
	near(t, "requests", b.Requests, 3600*(128+1/0.045)/1000)
}

// Entries take longer the larger they are, so that fewer are written, each larger.
func TestEntriesGrowWithTheLoad(t *testing.T) {
	m := defaults(t)
	few, small := m.entries(1000, 1000)
	many, large := m.entries(1e6, 1e6)
	if few <= many || small >= large || large > 1e6*m.Values[entryBatchBytes] {
		t.Errorf("1,000 batches: %g entries of %g B; 1,000,000: %g of %g B", few, small, many, large)
	}
	if rare, _ := m.entries(10, 2); rare != 2 {
		t.Errorf("%g entries for 2 segments", rare)
	}
}

func TestALimitIsReachedWhereItSays(t *testing.T) {
	m := defaults(t)
	for _, l := range limits {
		at := l.breaksAt(m, loadMost)
		if at == 0 {
			continue
		}
		m.in = at
		if load := l.load(&m, m.calculate()); load < l.most(&m) {
			t.Errorf("%s: %g at %g B/s, of %g", l.what, load, at, l.most(&m))
		}
		m.in = at / 1.1
		if load := l.load(&m, m.calculate()); load > l.most(&m) {
			t.Errorf("%s: %g already at %g B/s, of %g", l.what, load, at/1.1, l.most(&m))
		}
	}
}

func TestWhatBreaksFirstIsNamed(t *testing.T) {
	m := defaults(t)
	all := reachedLimits(m)
	first, ok := firstOf(all)
	if !ok || first.at != all[0].at {
		t.Fatalf("%+v, %v", first, ok)
	}
	for _, l := range all {
		if l.at > 0 && l.at < first.at && !l.seldom {
			t.Errorf("%s is reached at %g, before %s at %g", l.what, l.at, first.what, first.at)
		}
	}
	// Nothing is kept, of batches so large that there are few: then the state is not what breaks.
	m = defaults(t, "-retention", "0.001", "-batch", "100000")
	if first, _ := firstOf(reachedLimits(m)); first.what == limits[0].what {
		t.Errorf("memory for what is retained is first at %g", first.at)
	}
}

// Between two points by a line; past the last as many for a byte.
func TestGETsBySize(t *testing.T) {
	m := model{}
	m.Gets = []getCurve{{16, []getPoint{{1, 1}, {4, 2.5}}}, {256, []getPoint{{1, 2}, {4, 8}}}}
	for _, c := range []struct{ kib, mb, want float64 }{
		{16, 0.5, 1}, {16, 1, 1}, {16, 2, 1.5}, {16, 4, 2.5}, {16, 8, 5}, {1, 4, 2.5}, {17, 2, 4}, {300, 4, 8},
	} {
		m.BatchKiB = c.kib
		near(t, "GETs", m.getsPerSegment(c.mb*1e6), c.want)
	}
}

// A faster store has more entries written, each of which is paid for.
func TestEachStoreIsAsFastAsItsProfile(t *testing.T) {
	m := defaults(t)
	for _, s := range stores {
		if got := m.on(s).profile.Name; got != s.Profile || got == "" {
			t.Errorf("%s is as fast as %q, not %q", s.Name, got, s.Profile)
		}
	}
	slow, fast := m.on(stores[0]), m.on(stores[1])
	if slow.calculate().Entries >= fast.calculate().Entries {
		t.Errorf("%g entries a second on %s, %g on %s", slow.calculate().Entries, stores[0].Name, fast.calculate().Entries, stores[1].Name)
	}
	m = defaults(t, "-profile", "gcs")
	if got := m.on(stores[1]).profile.Name; got != "gcs" {
		t.Errorf("-profile gcs, and %s is as fast as %s", stores[1].Name, got)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-zones 0", "-zones is 1 to 100, not 0"},
		{"-zones -3", "-zones is"},
		{"-use 0", "-use is 0.001 to 1, not 0"},
		{"-use 1.5", "-use is"},
		{"-use NaN", "-use is"},
		{"-batch 0", "-batch is"},
		{"-batch -1", "-batch is"},
		{"-network +Inf", "-network is"},
		{"-machine -1", "-machine is"},
		{"-zones three", "invalid value"},
		{"-cores 0.001 -use 0.001", "takes more than 3000 agents"},
		{"-profile floppy", `no -profile "floppy"`},
		{"-nothing", "not defined"},
		{"collekt scale.json", `what is "collekt" for?`},
		{"-json page", `what is "page" for?`},
		{"collect", "from which files?"},
	} {
		var out strings.Builder
		err := run(strings.Fields(c.args), &out)
		if _, ok := errors.AsType[usageError](err); !ok || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes; want %q", c.args, err, out.Len(), c.want)
		}
	}
}

func TestHelp(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"--help"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"collect FILE", "-fan-out", "-json"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, out.String())
		}
	}
}

func TestCollect(t *testing.T) {
	if _, err := collect(nil); err == nil || !strings.Contains(err.Error(), "run go run ./bench/scale --json records") {
		t.Errorf("nothing was measured: %v", err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	numbers := write("numbers.json", `{"date":"today","machine":"here","go":"go1","commit":"c0ffee","rows":[
		{"section":"apply","what":"decode and apply","value":7},{"section":"apply","what":"decode and apply","value":8}]}`)
	scale := write("scale.json", `{"where":"there","curves":[
		{"name":"records","columns":[{"name":"x"},{"name":"paced, without the consumer: agent's CPU, a GiB in"}],"points":[{"x":1024,"values":[null,3]},{"x":2048,"values":[null,9]}]},
		{"name":"segments-16","columns":[{"name":"GETs a segment"},{"name":"a segment"}],"points":[{"x":9,"values":[6,8]},{"x":1,"values":[2,1]}]}]}`)
	again := write("again.json", `{"where":"elsewhere","curves":[
		{"name":"records","columns":[{"name":"paced, without the consumer: agent's CPU, a GiB in"}],"points":[{"x":1024,"values":[4]}]}]}`)
	m, err := collect([]string{scale, numbers, again})
	if err == nil {
		t.Error("most is missing, and nothing is said of it")
	}
	if m.Values[followRate] != 7 || m.Values[cpuIn] != 4 || !slices.Equal(m.Gets[0].Points, []getPoint{{1, 2}, {8, 6}}) {
		t.Errorf("%+v", m)
	}
	for name, where := range map[string]string{getsOf(16): "there", followRate: "today, here, go1, c0ffee", cpuIn: "elsewhere"} {
		if i := m.sourceOf(name); i < 1 || m.Sources[i-1].Where != where {
			t.Errorf("%s is from source %d of %+v, not from %s", name, i, m.Sources, where)
		}
	}
}

// A difference of two figures that noise has turned round is no figure.
func TestANegativeCostIsRefused(t *testing.T) {
	m, err := readMeasured(measuredHere)
	if err != nil {
		t.Fatal(err)
	}
	m.Values[cpuTail] = -0.1
	if err := m.check(); err == nil || !strings.Contains(err.Error(), "again on an idle machine") {
		t.Errorf("a reader that saves CPU: %v", err)
	}
}
