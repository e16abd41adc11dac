package commands

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// playground starts an agent and gives its address.
func playground(t *testing.T, bucket string) (bootstrap string) {
	t.Helper()
	c := start(t, append([]string{"playground", "--bucket", bucket}, local...)...)
	_, bootstrap, _ = strings.Cut(c.until("bootstrap.servers="), "=")
	return bootstrap
}

// What an agent with artificial latency does is at least as slow as its bucket.
func TestBench(t *testing.T) {
	bootstrap := playground(t, "mem://?latency=s3-standard")
	file := filepath.Join(t.TempDir(), "result.json")
	c := start(t, "bench", "endtoend", "--bootstrap", bootstrap, "--duration", "3s", "--warmup", "1s", "--partitions", "10", "--json", file)
	c.until("none lost, none twice, all in order")
	if code := c.end(); code != 0 {
		t.Fatalf("exit code %d: %s", code, c.stderr.String())
	}
	var result struct {
		Ack struct {
			P50 float64 `json:"p50_ms"`
		}
		EndToEnd struct {
			P50 float64 `json:"p50_ms"`
		} `json:"end_to_end"`
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	// Two PUTs, one after the other, of which half take 45 ms or more each.
	if result.Ack.P50 < 60 || result.EndToEnd.P50 < 60 {
		t.Errorf("a record takes %v ms to its acknowledgement and %v ms from end to end: the bucket is not as slow as it should be", result.Ack.P50, result.EndToEnd.P50)
	}
}

// Ctrl-C ends a bench early: what it has so far is shown, and its topic deleted.
func TestBenchEndedByHand(t *testing.T) {
	bootstrap := playground(t, "mem://")
	c := start(t, "bench", "tail", "--bootstrap", bootstrap, "--rate", "200", "--duration", "1h", "--warmup", "0s", "--partitions", "2")
	waitFor(t, c, "measuring 1/3600 s")
	c.signal(syscall.SIGINT)
	c.until("note: ended early by hand")
	if code := c.end(); code != 1 || !strings.Contains(c.stderr.String(), "interrupted") {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
	list := start(t, "topic", "list", "--json", "--bootstrap", bootstrap)
	for list.lines.Scan() {
		t.Errorf("a topic is left: %s", list.lines.Text())
	}
	list.end()
}
