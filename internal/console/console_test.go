package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
)

// agent is a Provider whose answers a test sets.
type agent struct {
	mu     sync.Mutex
	ready  error
	status Status
	stats  Stats
}

func (a *agent) set(change func(*agent)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

func (a *agent) Ready() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ready
}

func (a *agent) Status(context.Context) Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

func (a *agent) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats
}

func newTestConsole() (*agent, *Metrics, *Console) {
	a := &agent{status: Status{
		ClusterID: "k3Jx", Version: "0.1.0", Bucket: "s3://key:hush@bucket/prod?secret=hush", Bootstrap: "127.0.0.1:9092", Level: 2,
		Agents: []Agent{{Node: 7, Address: "10.0.0.7:9092", Zone: "eu-1a", Group: "default", Roles: []string{"produce", "fetch"}, Level: 3, Self: true}},
		Topics: []Topic{{Name: "orders", Partitions: 12, Records: 1_234_567, Bytes: 3 << 30}},
		Groups: []Group{{Name: "billing", State: "Stable", Type: "classic", Members: 2, Lag: 42}, {Name: "idle", State: "Empty", Lag: -1}},
	}}
	m := NewMetrics()
	return a, m, New(Deps{Provider: a, Metrics: m})
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func mustSay(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("does not say %q:\n%s", word, text)
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	a, _, c := newTestConsole()
	for _, step := range []struct {
		ready   error
		readyz  int
		says    string
		badge   string
		healthz int
	}{
		{errors.New("starting: reading the journal, 12 of 40 entries"), 503, "12 of 40", "Not ready: starting", 200},
		{nil, 200, "ready", "Ready", 200},
		{errors.New("draining"), 503, "draining", "Not ready: draining", 200},
	} {
		a.set(func(a *agent) { a.ready = step.ready })
		if code, body := get(t, c, "/readyz"); code != step.readyz || !strings.Contains(body, step.says) {
			t.Errorf("readyz: %d %q, want %d %q", code, body, step.readyz, step.says)
		}
		if code, _ := get(t, c, "/healthz"); code != step.healthz {
			t.Errorf("healthz: %d", code)
		}
		_, page := get(t, c, "/")
		mustSay(t, page, step.badge)
	}
}

func TestOnlyReads(t *testing.T) {
	_, _, c := newTestConsole()
	for path, want := range map[string]int{"/": 405, "/api/v1/status": 405, "/healthz": 405, "/nothing": 404} {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader("x")))
		if w.Code != want {
			t.Errorf("POST %s: %d, want %d", path, w.Code, want)
		}
	}
	if code, _ := get(t, c, "/nothing"); code != 404 {
		t.Errorf("GET /nothing: %d", code)
	}
}

func TestPageShowsTheCluster(t *testing.T) {
	_, _, c := newTestConsole()
	code, page := get(t, c, "/")
	if code != 200 {
		t.Fatal(code)
	}
	mustSay(t, page, "k3Jx", "s3://bucket/prod", "10.0.0.7:9092", "this one", "produce, fetch", "orders", "1.2M", "3 GiB", "billing", "42", "<noscript>",
		"feature level <code>2</code>", `<td class="n">3</td>`)
	if strings.Contains(page, "hush") {
		t.Error("the page shows a secret of the bucket URL")
	}
}

func TestPageEscapesNames(t *testing.T) {
	a, _, c := newTestConsole()
	a.set(func(a *agent) { a.status.Groups[0].Name = `<script>alert(1)</script>` })
	for _, path := range []string{"/", "/events"} {
		if page := firstPage(t, c, path); strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert") {
			t.Errorf("%s does not escape the name of a group", path)
		}
	}
}

// firstPage reads a page, or the first event of a stream.
func firstPage(t *testing.T, c *Console, path string) string {
	t.Helper()
	server := httptest.NewServer(c)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if path == "/" {
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	event, err := readEvent(bufio.NewScanner(resp.Body))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func readEvent(lines *bufio.Scanner) (string, error) {
	var event strings.Builder
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok && lines.Text() != "" {
			return "", fmt.Errorf("no event line: %q", lines.Text())
		}
		if lines.Text() == "" {
			return event.String(), nil
		}
		event.WriteString(data + "\n")
	}
	return "", errors.Join(io.ErrUnexpectedEOF, lines.Err())
}

func TestLongListsAreCutOnThePageOnly(t *testing.T) {
	a, _, c := newTestConsole()
	a.set(func(a *agent) {
		a.status.Topics = nil
		for i := range pageRows + 50 {
			a.status.Topics = append(a.status.Topics, Topic{Name: fmt.Sprintf("topic-%03d", i)})
		}
	})
	_, page := get(t, c, "/")
	mustSay(t, page, "topic-199", "and 50 more", "<span>250</span>")
	if strings.Contains(page, "topic-200") {
		t.Error("the page shows more rows than its bound")
	}
	_, api := get(t, c, "/api/v1/status")
	mustSay(t, api, "topic-249")
}

func TestEmptyClusterSaysWhatToDo(t *testing.T) {
	a, _, c := newTestConsole()
	a.set(func(a *agent) { a.status.Topics, a.status.Groups = nil, nil })
	_, page := get(t, c, "/")
	mustSay(t, page, "No topics yet", "millrace produce first --bootstrap 127.0.0.1:9092", "No consumer groups")
	_, api := get(t, c, "/api/v1/status")
	mustSay(t, api, `"topics":[]`, `"groups":[]`)
}

func TestStatusAPI(t *testing.T) {
	a, m, c := newTestConsole()
	a.set(func(a *agent) {
		a.stats = Stats{RecordsIn: 1000, BytesIn: 1 << 20, JournalSlot: 77, SnapshotSlot: 70, MemoryUsed: 1, MemoryLimit: 4, Connections: 3}
	})
	for range 100 {
		m.Produced(300 * time.Millisecond)
	}
	time.Sleep(5 * time.Millisecond) // so that the rates have an interval
	c.sample()
	_, body := get(t, c, "/api/v1/status")
	var r Report
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Ready || r.Bucket != "s3://bucket/prod" || r.Topics[0].Records != 1_234_567 || r.Journal.Slot != 77 || r.Memory.Limit != 4 {
		t.Errorf("got %s", body)
	}
	if len(r.History) != 1 || r.Now.RecordsIn <= 0 || r.Now != r.History[0] {
		t.Errorf("rates: %s", body)
	}
	if r.Produce.Median < 0.25 || r.Produce.Median > 0.5 {
		t.Errorf("median %v of latencies of 300 ms", r.Produce.Median)
	}
	mustSay(t, body, `"feature_level":2,"agents":[{`, `"feature_level":3`, `"cluster_id":`, `"agent_group":`, `"produce_seconds":{"p50":`, `"view_lag_seconds":`)
}

func TestEventsFollowAndEndWithTheConsole(t *testing.T) {
	a, _, c := newTestConsole()
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); c.Run(ctx) }()
	server := httptest.NewServer(c)
	defer server.Close()
	resp, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	lines := bufio.NewScanner(resp.Body)
	for _, name := range []string{"orders", "renamed"} {
		event, err := readEvent(lines)
		if err != nil {
			t.Fatal(err)
		}
		mustSay(t, event, name, "<header>")
		a.set(func(a *agent) { a.status.Topics = []Topic{{Name: "renamed"}} })
	}
	stop()
	<-ran
	if _, err := readEvent(lines); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream outlived the console: %v", err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	_, _, c := newTestConsole()
	for range maxStreams {
		c.streams <- struct{}{}
	}
	if code, body := get(t, c, "/events"); code != 503 || !strings.Contains(body, "too many") {
		t.Errorf("%d %s", code, body)
	}
}

func TestMetrics(t *testing.T) {
	a, m, c := newTestConsole()
	a.set(func(a *agent) {
		a.stats = Stats{
			RecordsIn: 10, RecordsOut: 20, BytesIn: 30, BytesOut: 40, BatchesIn: 5, BatchesOut: 6, BatchesAsTheyLay: 4,
			EntriesWritten: 7, EntriesLost: 1, Hedges: 5, HedgesWon: 3, SegmentsRode: 11, SegmentsUploaded: 12, Landings: 13, Riding: Riding{Segments: 15, Bytes: 14, KeptSlots: 16, AgeMs: 17_500}, JournalSlot: 99, SnapshotSlot: 90, ViewLag: 1500 * time.Millisecond,
			MemoryUsed: 11, MemoryLimit: 12, ParkedBatches: 2, FetchSessions: 3, Waiters: 4, Groups: 2, Connections: 8,
			SnapshotsPassedOver: 1, Damage: []DamagedFile{{File: "data/5b/A", Reads: 13}, {File: "data/5b/A", Missing: true, Reads: 2}, {File: "other"}},
			Store: []StoreOperation{{
				Name: "put", Requests: 3, Errors: map[string]uint64{"throttled": 1}, BytesSent: 1000,
				Latency: Histogram{Bounds: []time.Duration{time.Millisecond, time.Second}, Counts: []uint64{0, 2, 1}, Total: 5 * time.Second},
			}, {Name: "get", Requests: 9, BytesReceived: 500}},
		}
	})
	m.Request("Produce", 3*time.Millisecond, base.OK)
	m.Request("Produce", 3*time.Millisecond, base.NotLeaderOrFollower)
	m.Produced(time.Second)
	m.Delivered(2 * time.Second)
	code, body := get(t, c, "/metrics")
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	mustSay(t, body,
		`millrace_records_total{direction="in"} 10`, `millrace_records_total{direction="out"} 20`,
		`millrace_bytes_total{direction="in"} 30`, `millrace_bytes_total{direction="out"} 40`,
		`millrace_batches_total{direction="in"} 5`, `millrace_batches_total{direction="out"} 6`, "millrace_fetched_batches_as_they_lay_total 4",
		`millrace_journal_entries_total{outcome="written"} 7`, `millrace_journal_entries_total{outcome="lost"} 1`,
		`millrace_segments_total{way="rode"} 11`, `millrace_segments_total{way="uploaded"} 12`, `millrace_segments_total{way="landed"} 13`, `millrace_riding_bytes 14`,
		"millrace_riding_segments 15", "millrace_journal_kept_slots 16", "millrace_riding_age_seconds 17.5",
		`millrace_store_hedges_total{outcome="sent"} 5`, `millrace_store_hedges_total{outcome="won"} 3`,
		"millrace_journal_slot 99", "millrace_snapshot_slot 90", "millrace_view_lag_seconds 1.5",
		"millrace_memory_used_bytes 11", "millrace_memory_limit_bytes 12", "millrace_parked_batches 2",
		"millrace_fetch_sessions 3", "millrace_waiting_fetches 4", "millrace_groups 2", "millrace_connections 8",
		`millrace_requests_total{api="Produce",error="0"} 1`, `millrace_requests_total{api="Produce",error="6"} 1`,
		`millrace_request_seconds_count{api="Produce"} 2`, "millrace_produce_seconds_count 1",
		"millrace_end_to_end_seconds_sum 2",
		`millrace_store_requests_total{operation="put"} 3`, `millrace_store_errors_total{kind="throttled",operation="put"} 1`,
		`millrace_store_sent_bytes_total{operation="put"} 1000`, `millrace_store_received_bytes_total{operation="get"} 500`,
		`millrace_store_request_seconds_bucket{operation="put",le="1"} 2`, `millrace_store_request_seconds_count{operation="put"} 3`,
		`millrace_damaged_blocks_total{file="data/5b/A",problem="damaged"} 13`, `millrace_damaged_blocks_total{file="data/5b/A",problem="missing"} 2`,
		`millrace_damaged_blocks_total{file="other",problem="damaged"} 0`, "millrace_snapshots_passed_over_total 1",
		"go_goroutines ",
	)
	if strings.Contains(body, `millrace_store_request_seconds_count{operation="get"}`) {
		t.Error("a histogram that was not measured is shown")
	}
}

// Damage stands first on the page, and nothing does where there is none.
func TestDamageIsShown(t *testing.T) {
	a, _, c := newTestConsole()
	a.set(func(a *agent) { a.stats.Damage = []DamagedFile{{File: "data/5b/A"}} })
	if _, page := get(t, c, "/"); strings.Contains(page, "Damage in the bucket") {
		t.Error("the page shows damage that no read has met")
	}
	a.set(func(a *agent) { a.stats.Damage[0].Reads = 1200 })
	_, page := get(t, c, "/")
	mustSay(t, page, "Damage in the bucket", "data/5b/A", "damaged", "1.2k", "millrace fsck")
	_, api := get(t, c, "/api/v1/status")
	mustSay(t, api, `"damage":[{"file":"data/5b/A","missing":false,"reads":1200}]`)
}

// What rides and does not land keeps the journal: the page says so before it is much.
func TestWhatDoesNotLandIsShown(t *testing.T) {
	a, _, c := newTestConsole()
	for _, step := range []struct {
		riding Riding
		says   string
		warns  bool
	}{
		{Riding{}, "", false},
		{Riding{Segments: 14, Bytes: 3 << 10, KeptSlots: 40, AgeMs: 31_000}, "14 segments ride (3 KiB), the first for 31 s; 40 entries stay", false},
		{Riding{Segments: 1, Bytes: 100, KeptSlots: 5200, AgeMs: 3 * 3600_000}, "riding in the journal for 3 h and does not land in a data file: 5.2k journal entries", true},
	} {
		a.set(func(a *agent) { a.stats.Riding = step.riding })
		_, page := get(t, c, "/")
		mustSay(t, page, step.says)
		if strings.Contains(page, "does not land") != step.warns || strings.Contains(page, "segments ride") != (step.riding.Segments > 0) {
			t.Errorf("%+v: warned, or said that something rides, when it should not:\n%s", step.riding, page)
		}
	}
	_, api := get(t, c, "/api/v1/status")
	mustSay(t, api, `"riding":{"segments":1,"bytes":100,"kept_slots":5200,"age_ms_max":10800000}`)
}

// The policy allows inline code by its hash: it must be the hash of what the page really carries.
func TestPolicyFitsThePage(t *testing.T) {
	_, _, c := newTestConsole()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, tag := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(w.Body.String(), "<"+tag+">")
		inline, _, found := strings.Cut(rest, "</"+tag+">")
		if !found || inline == "" {
			t.Fatalf("no <%s> in the page", tag)
		}
		mustSay(t, w.Header().Get("Content-Security-Policy"), tag+"-src "+policyHash(inline))
	}
}

func TestArtificialLatencyCannotBeOverlooked(t *testing.T) {
	a, _, c := newTestConsole()
	for _, path := range []string{"/", "/metrics", "/api/v1/status"} {
		if _, text := get(t, c, path); strings.Contains(strings.ToLower(text), "artificial") {
			t.Errorf("%s speaks of artificial latency where there is none", path)
		}
	}
	a.set(func(a *agent) { a.status.Latency, a.stats.StoreLatency = "s3-standard", "s3-standard" })
	_, page := get(t, c, "/")
	mustSay(t, page, "Artificial latency is on", "s3-standard")
	_, metrics := get(t, c, "/metrics")
	mustSay(t, metrics, `millrace_store_artificial_latency{profile="s3-standard"} 1`)
	_, status := get(t, c, "/api/v1/status")
	mustSay(t, status, `"artificial_latency":"s3-standard"`)
}
