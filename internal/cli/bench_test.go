package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace-io/millrace/internal/load"
)

var quickBench = []string{"--duration", "1s", "--warmup", "200ms", "--partitions", "3", "--record-bytes", "100"}

func TestBenchPrintsATableAndLeavesNoTopic(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	result, page := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.html")
	args := append([]string{"bench", "endtoend", "--rate", "300", "--json", result, "--report", page, "--bootstrap", w.bootstrap}, quickBench...)
	r := call(t, "", args...)
	if r.code != 0 {
		t.Fatalf("%v\n%s%s", r.failure, r.out, r.err)
	}
	for _, word := range []string{"endtoend: 300 records/s of 100 B", "3 partitions", "produced", "consumed", "end to end", "p99.9", "none lost, none twice, all in order"} {
		if !strings.Contains(r.out, word) {
			t.Errorf("the table does not say %q:\n%s", word, r.out)
		}
	}
	if !strings.Contains(r.err, "measuring") || strings.Contains(r.err, "\x1b") {
		t.Errorf("progress is not a line a second, fit for a log:\n%s", r.err)
	}
	text, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	var got load.Result
	if err := json.Unmarshal(text, &got); err != nil || got.Check.Received < 300 || got.Ack.P99 <= 0 {
		t.Errorf("%v; the JSON holds %+v", err, got.Check)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "<svg") {
		t.Errorf("the report: %v, %d bytes", err, len(text))
	}
	same(t, w.ok("topic", "list", "--json"), "")
}

func TestBenchPrintsJSONAloneWhereOnePipes(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(5, "mine"))
	out := w.ok(append([]string{"bench", "produce", "--json", "-", "--topic", "mine", "--acks", "1"}, quickBench...)...)
	got := lines[load.Result](t, out)
	if len(got) != 1 || got[0].Config.Partitions != 5 || got[0].Config.Idempotence || got[0].Produced.Records == 0 {
		t.Errorf("printed %s", out)
	}
	if list := w.ok("topic", "list"); !strings.Contains(list, "mine") {
		t.Errorf("the given topic is gone:\n%s", list)
	}
}

func TestWrongBenches(t *testing.T) {
	for args, says := range map[string]string{
		"bench stampede":                     "produce, tail, endtoend, fanout, catchup, mixed",
		"bench produce tail":                 "one load",
		"bench tail --rate fast":             "records a second (5000) or bytes (10MB)",
		"bench tail --rate -5":               "records a second (5000) or bytes (10MB)",
		"bench tail --rate inf":              "--rate +Inf: want",
		"bench tail --rate nan":              "records a second (5000) or bytes (10MB)",
		"bench tail --compressibility NaN":   "--compressibility NaN: want 1",
		"bench tail --duration 0s":           "--duration 0s: want",
		"bench tail --record-bytes big":      "8MiB",
		"bench tail --record-bytes 2MiB":     "--batch-bytes",
		"bench tail --duration soon":         "90m",
		"bench tail --codec brotli":          "zstd",
		"bench tail --acks 2":                "all, 1 or 0",
		"bench tail --acks 1 --idempotence":  "--acks all",
		"bench catchup --rate 2000":          "catchup has no use for --rate",
		"bench catchup --duration 1m":        "catchup has no use for --duration",
		"bench catchup --warmup 0s":          "catchup has no use for --warmup",
		"bench produce --consumers 3":        "produce has no use for --consumers",
		"bench produce --backlog 1GiB":       "produce has no use for --backlog",
		"bench tail --backlog 1GiB":          "tail has no use for --backlog",
		"bench endtoend --backlog 1GiB":      "endtoend has no use for --backlog",
		"bench fanout --backlog 1GiB":        "fanout has no use for --backlog",
		"bench tail --report /no/dir/r.html": "no such file",
		"bench tail --json /no/dir/r.json":   "no such file",
	} {
		list := append(strings.Fields(args), "--bootstrap", "127.0.0.1:1")
		mustFail(t, call(t, "", list...), 2, []string{says}, list)
	}
	list := []string{"bench", "tail", "--bootstrap", "127.0.0.1:1"}
	mustFail(t, call(t, "", list...), 1, []string{"nothing listens"}, list)
}

// What one load refuses another one takes.
func TestALoadTakesWhatItUses(t *testing.T) {
	flags := map[string]string{"rate": "10", "duration": "1s", "warmup": "1s", "consumers": "1", "backlog": "1MiB", "producers": "1", "keys": "5", "linger": "1ms"}
	unused := map[load.Kind][]string{load.Produce: {"consumers", "backlog"}, load.Tail: {"backlog"}, load.EndToEnd: {"backlog"}, load.FanOut: {"backlog"},
		load.CatchUp: {"rate", "duration", "warmup"}, load.Mixed: nil}
	for kind, not := range unused {
		list := []string{"bench", string(kind), "--bootstrap", "127.0.0.1:1"}
		for flag, value := range flags {
			if !slices.Contains(not, flag) {
				list = append(list, "--"+flag, value)
			}
		}
		mustFail(t, call(t, "", list...), 1, []string{"nothing listens"}, list)
	}
}

func TestARateIsOfRecordsOrBytes(t *testing.T) {
	for text, want := range map[string]float64{"5000": 5000, "0.5": 0.5, "0": 0, "10MB": 10_000, "10MB/s": 10_000, "500/s": 500, "1MiB": 1048.576} {
		var r rateFlag
		if err := r.Set(text); err != nil || r.records(1000) != want || r.String() != text {
			t.Errorf("%s: %g records/s of 1,000 B, %v; want %g", text, r.records(1000), err, want)
		}
	}
}

func TestBenchProgress(t *testing.T) {
	p := load.Progress{Phase: load.Measuring, Elapsed: 15 * time.Second, Length: 30 * time.Second, Failed: 2,
		Produced: load.Pace{RecordsPerSec: 1234.5, MBPerSec: 1.2}, Ack: load.Tick{P50: 120.4, P99: 310, Max: 400}}
	for terminal, want := range map[bool]string{
		false: "measuring 15/30 s  in 1.20 MB/s (1,234/s)  ack p50/p99 120/310 ms  2 FAILED\n",
		true:  "\r\x1b[K\x1b[?7lmeasuring 15/30 s ██████░░░░░░  in 1.20 MB/s (1,234/s)  ack p50/p99 120/310 ms  2 FAILED\x1b[?7h",
	} {
		var out strings.Builder
		b := &benchProgress{out: &out, terminal: terminal}
		b.show(p)
		if out.String() != want {
			t.Errorf("terminal %v: %q, want %q", terminal, out.String(), want)
		}
	}
}
