package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/bench/host"
)

// example is a report of three rounds in which millrace, limited by its clients, writes twice as much as kafka at half the CPU.
func example() *report {
	r := &report{Systems: []string{"kafka", "millrace", "millrace-nofsync"}, judged: true, serverCores: 1, clientCores: 1, readers: 4, ratesMB: []float64{20}}
	for round := range 3 {
		drift := 1 + float64(round)/10
		for system, by := range map[string]float64{"kafka": 1, "millrace": 2, "millrace-nofsync": 3} {
			r.add(100, produce, mbPerSec, system, 100*by*drift)
			r.add(100, produce, cpuPerGiB, system, 4/by*drift)
			r.add(100, produce, serverBusy, system, 1/by)
			r.add(100, produce, clientsBusy, system, 0.97)
			r.add(100, memory, peakMiB, system, 1000/by)
			r.add(100, start, startMs, system, 4000/by/by/by/by)
			r.add(1, start, startMs, system, 4000/by/by/by/by)
		}
	}
	r.complete()
	return r
}

// A machine that drifts by a tenth from round to round gives the same ratio in each.
func TestRatiosOfRounds(t *testing.T) {
	f := example().find(100, produce, mbPerSec)
	if s := f.Ratios["millrace"]; s.String() != "2.00 (2.00 to 2.00)" {
		t.Errorf("%v", s)
	}
	if s := spreadOf([]float64{3, 1, 2, 10}); s != (spread{2.5, 1, 10}) {
		t.Errorf("%+v", s)
	}
}

// RSS, start and what consuming costs are judged at every number of partitions that was run, producing where a goal was set.
func TestGoals(t *testing.T) {
	want := map[string]string{
		"server CPU per GiB produced, 100 partitions":           "met",
		"produce throughput, 100 partitions":                    "met",
		"produce throughput, 5,000 partitions":                  "not measured",
		"server CPU per GiB consumed, tail, 100 partitions":     "not measured",
		"server CPU per GiB consumed, tail, 1 partition":        "not measured",
		"server CPU per GiB consumed, catch-up, 100 partitions": "not measured",
		"server CPU per GiB consumed, catch-up, 1 partition":    "not measured",
		"RSS under the same load, 100 partitions":               missed, // half, and no more than 0.4 is wanted
		"RSS under the same load, 1 partition":                  "met",
		"start to first acknowledged record, 100 partitions":    "met",
		"start to first acknowledged record, 1 partition":       missed,
	}
	r := example()
	for system, factor := range map[string]float64{"kafka": 1, "millrace": 0.3} {
		for round := range 3 {
			r.add(1, memory, peakMiB, system, factor*float64(100+round))
			r.find(1, start, startMs).Values[system][round] = 100 * factor
		}
	}
	r.complete()
	for _, g := range r.Goals {
		if got := g.verdict(); got != want[g.name()] {
			t.Errorf("%s: %s, want %q", g.name(), got, want[g.name()])
		}
		delete(want, g.name())
	}
	if len(want) > 0 {
		t.Errorf("no goals: %v", want)
	}
}

// What readers cost is a difference, which noise can turn round: such a round gives no ratio, and none of them is a goal that was met.
func TestNoRatioOfNoise(t *testing.T) {
	for _, test := range []struct {
		name            string
		kafka, millrace []float64
		ratio, verdict  string
		notes           []string
	}{
		{"sound", []float64{4, 4}, []float64{2, 2}, "0.50 (0.50 to 0.50)", "met", nil},
		{"below zero", []float64{4, 4}, []float64{-1, 6}, "1.50 (1.50 to 1.50)", missed, []string{"-1 of millrace in round 1"}},
		{"zero", []float64{4, 0}, []float64{2, 6}, "0.50 (0.50 to 0.50)", "met", []string{"0 of kafka in round 2"}},
		{"only noise", []float64{4, -4}, []float64{-1, -2}, "–", "no verdict", []string{"-4 of kafka in round 2", "-1 of millrace in round 1", "-2 of millrace in round 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &report{Systems: []string{"kafka", "millrace"}, judged: true, serverCores: 1, clientCores: 1}
			for i := range test.kafka {
				r.add(100, tail, cpuPerGiB, "kafka", test.kafka[i])
				r.add(100, tail, cpuPerGiB, "millrace", test.millrace[i])
			}
			r.complete()
			for _, g := range r.Goals {
				if g.Load == tail && (g.ratio() != test.ratio || g.verdict() != test.verdict) {
					t.Errorf("%s, %s; want %s, %s", g.ratio(), g.verdict(), test.ratio, test.verdict)
				}
			}
			if _, there := r.find(100, tail, cpuPerGiB).Ratios["millrace"]; there != (test.ratio != "–") {
				t.Errorf("a ratio is told: %v", there)
			}
			if len(r.Notes) != len(test.notes) {
				t.Errorf("notes: %q", r.Notes)
			}
			for i, want := range test.notes[:min(len(test.notes), len(r.Notes))] {
				if !strings.Contains(r.Notes[i], want) {
					t.Errorf("note %q, want %q", r.Notes[i], want)
				}
			}
		})
	}
}

// A load at a fixed rate has the rate as its throughput; a note says where a system could not keep up.
func TestPaces(t *testing.T) {
	r := example()
	r.add(100, pacedAt(20), mbPerSec, "kafka", 20)
	r.add(100, pacedAt(20), mbPerSec, "millrace", 15)
	r.Notes = nil
	r.complete()
	text := strings.Join(r.Notes, "\n")
	if !strings.Contains(text, "20 MB/s, millrace: it came to 15 MB/s of 20") || strings.Contains(text, "MB/s, kafka") {
		t.Errorf("notes:\n%s", text)
	}
}

// A server whose core is full of tail may cost less than its readers would take: that meets no goal.
func TestTailOfAFullCoreIsNotJudged(t *testing.T) {
	for busy, void := range map[float64]bool{0.5: false, 0.95: true} {
		r := example()
		r.add(100, tail, cpuPerGiB, "kafka", 6)
		r.add(100, tail, cpuPerGiB, "millrace", 3)
		r.add(100, tail, serverFull, "millrace", busy)
		r.complete()
		for _, g := range r.Goals {
			if g.Load == tail && g.Partitions == 100 && (g.Void != void || g.Met == void) {
				t.Errorf("busy %v: %+v", busy, g)
			}
		}
	}
}

// From 1,000 partitions on tail has a quarter of the rate; where a server's core is full of it, what its readers cost is no more than what
// is left, and a note says so.
func TestTailOfManyPartitions(t *testing.T) {
	r := example()
	for partitions, mb := range map[int]float64{100: 80, 1000: 20} {
		r.add(partitions, tail, mbPerSec, "kafka", mb)
		r.add(partitions, tail, mbPerSec, "millrace", mb)
		r.add(partitions, tail, serverBusy, "kafka", 0.99)
		r.add(partitions, tail, serverBusy, "millrace", 0.3)
	}
	r.complete()
	for _, want := range []string{"100 partitions, tail, kafka: the server's core is full (99 %)", "1000 partitions, tail, kafka: the server's core is full (99 %)"} {
		if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, want) }) {
			t.Errorf("no note %q", want)
		}
	}
	for _, n := range r.Notes {
		if strings.Contains(n, "tail, millrace") || strings.Contains(n, "tail") && strings.Contains(n, "it came to") {
			t.Errorf("note %q", n)
		}
	}
}

func TestRatesOfManyPartitions(t *testing.T) {
	for _, test := range []struct {
		rates      []float64
		partitions int
		want       []float64
	}{
		{[]float64{20, 100}, 999, []float64{20, 100}},
		{[]float64{20, 100}, 1000, []float64{5, 20, 100}},
		{[]float64{20, 5, 100}, 5000, []float64{5, 20, 100}},
	} {
		if got := ratesAt(test.rates, test.partitions); !slices.Equal(got, test.want) {
			t.Errorf("%v at %d partitions: %v, want %v", test.rates, test.partitions, got, test.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	r := example()
	r.add(100, pacedAt(20), mbPerSec, "kafka", 20)
	r.add(100, pacedAt(20), ackP50, "kafka", 4.27)
	r.add(100, pacedAt(20), ackP50, "millrace", 164)
	r.add(100, tail, cpuPerGiB, "kafka", 6)
	r.complete()
	text := r.markdown()
	for _, want := range []string{
		"\n| 100 partitions | Kafka | Millrace | ratio | without fsync, ratio |\n|---|---|---|---|---|\n",
		"\n| produce | 110 MB/s | 220 MB/s | 2.00 (2.00 to 2.00) | 3.00 (3.00 to 3.00) |\n",
		"\n| produce, server CPU | 4.40 s/GiB | 2.20 s/GiB | 0.50 (0.50 to 0.50) | 0.33 (0.33 to 0.33) |\n",
		"\n| 20 MB/s, acknowledged p50 | 4.27 ms | 164 ms | 38.4 (38.4 to 38.4) | – |\n",
		"\n| tail at 20 MB/s, 4 readers, server CPU | 6 s/GiB | – | – | – |\n",
		"\n| start to the first acknowledged record | 4,000 ms | 250 ms | 0.062 (0.062 to 0.062) | 0.012 (0.012 to 0.012) |\n",
		"\n| 1 partition | Kafka |",
		"\n| RSS under the same load, 100 partitions ≤ 0.4 | 0.50 (0.50 to 0.50) | 0.33 (0.33 to 0.33) | **missed** |\n",
		"\n| produce throughput, 100 partitions ≥ 1.5 | 2.00 (2.00 to 2.00) | 3.00 (3.00 to 3.00) | met; by CPU 2.00 (2.00 to 2.00): the clients are the limit",
		"\n- 100 partitions, produce, millrace: the clients are the limit",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(text, "| 20 MB/s | ") || t.Failed() {
		t.Errorf("a load at a fixed rate shows its throughput, or lines are missing:\n%s", text)
	}
}

// Where the clients are the limit the CPU is compared in place of the throughput.
func TestGoalByCPU(t *testing.T) {
	for want, g := range map[string]goal{
		"met":        {Measured: true, Least: 4, Met: true, ByCPU: &spread{Median: 3}},
		"met by CPU": {Measured: true, Least: 4, ByCPU: &spread{Median: 4.5}},
		"MISSED":     {Measured: true, Least: 4, ByCPU: &spread{Median: 3.9}},
	} {
		if got := g.verdict(); got != want {
			t.Errorf("%+v: %s, want %s", g, got, want)
		}
	}
	for _, g := range example().Goals {
		if g.Limit != "" && g.ByCPU.String() != "2.00 (2.00 to 2.00)" {
			t.Errorf("%s, by CPU: %v", g.name(), g.ByCPU)
		}
	}
}

func TestLimits(t *testing.T) {
	var out strings.Builder
	if err := example().print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"millrace: the clients are the limit: compare the CPU (server's core busy 50 %, by the server 50 %; clients' 97 %, by the clients 97 %)", "≥ 1.5", "2.00 (2.00 to 2.00)", "3.00 (3.00 to 3.00)", "MISSED",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "kafka: the clients are") {
		t.Errorf("kafka's core is full, and the clients are blamed:\n%s", out.String())
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"--short", "--partitions", "3,5"}, io.Discard)
	if err != nil || len(o.partitions) != 2 || o.partitions[1] != 5 || o.rounds != 1 || len(o.systems) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	if o.ratesMB[0] != 2 || len(o.ratesMB) != 2 {
		t.Errorf("rates %v", o.ratesMB)
	}
	for _, args := range [][]string{{}, {"--warmup", "0s"}, {"--rate", "5"}, {"--pin=false", "--server-cores", "99"}} {
		if _, err := parse(args, io.Discard); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// The report says so where a setting of the machine makes a system dearer.
func TestSettingsOfTheMachine(t *testing.T) {
	for text, want := range map[string]string{
		readAhead(128):      ", read-ahead 128 KiB",
		readAhead(8192):     ", read-ahead 8192 KiB (Linux has 128: with much more Kafka's indexes cost it more)",
		congestion("cubic"): ", TCP with cubic",
		congestion("reno"):  ", TCP with reno",
		congestion("bbr"):   ", TCP with bbr (Linux has cubic: with bbr sending is dearer)",
	} {
		if text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

// A mistake is found before anything is started, and named after its flag.
func TestWrongFlags(t *testing.T) {
	wrong := [][]string{
		{"--partitions", "x"}, {"--partitions", "100001"}, {"--partitions", "1,1"}, {"--systems", "pulsar"}, {"--systems", "kafka,kafka"},
		{"--loads", "java"}, {"--loads", "tail,tail"}, {"--rounds", "0"}, {"--warmup", "-3s"}, {"--settle", "-1s"}, {"--window", "1ms"},
		{"--rate", "0"}, {"--rate", "20,"}, {"--rate", "20,20.0"}, {"--rate", "inf"}, {"--rate", "NaN"}, {"--readers", "0"}, {"--producers", "0"},
		{"--backlog", "0"}, {"--readings", "0"}, {"--tool-records", "-1"}, {"--tool-runs", "0"},
		{"--dir", "/no/such/folder"}, {"--json", "/no/such/folder/f"}, {"--markdown", "/no/such/folder/f"},
	}
	if host.CanPin() {
		wrong = append(wrong, []string{"--server-cores", "9999"}, []string{"--client-cores", "0,9999"}, []string{"--server-cores", "x"})
	}
	if host.FileSystem("/dev/shm") == "tmpfs" {
		wrong = append(wrong, []string{"--fill-memory", "--dir", "/dev/shm"})
	}
	for _, args := range wrong {
		if _, err := parse(args, io.Discard); err == nil || !strings.HasPrefix(err.Error(), args[0]) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, err := parse([]string{"100"}, io.Discard); err == nil {
		t.Error("an argument is taken")
	}
}
