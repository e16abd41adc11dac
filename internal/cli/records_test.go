package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestProduceThenConsume(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "t"))
	r := call(t, "k1:v1\r\nk2:v2:more\n:\nlast:without newline", "produce", "t", "--key-separator", ":",
		"--header", "from=test", "--bootstrap", w.bootstrap)
	if r.code != 0 || !strings.HasPrefix(r.err, "4 records (32 B) to t in ") || r.out != "" {
		t.Fatalf("produce: %+v", r)
	}
	same(t, w.ok("consume", "t", "--from", "beginning", "--follow=false", "--format", `%p@%o %k=%v %h{%k:%v}\n`), `
0@0 k1=v1 from:test
0@1 k2=v2:more from:test
0@2 = from:test
0@3 last=without newline from:test`)
	same(t, w.ok("consume", "t", "--from", "1", "--max", "2"), "v2:more")
	same(t, w.ok("consume", "t", "--from", "3", "--max", "1", "--json", "--format", "ignored"), lastAsJSON(t, w))
}

func lastAsJSON(t *testing.T, w *world) string {
	t.Helper()
	text := w.ok("consume", "t", "--from", "3", "--follow=false", "--json")
	r := lines[jsonRecord](t, text)[0]
	if *r.Key != "last" || *r.Value != "without newline" || r.Offset != 3 || time.Since(time.UnixMilli(r.Timestamp)) > time.Minute {
		t.Errorf("as JSON: %s", text)
	}
	return text
}

// What consume prints as JSON, produce reads back: keys, bytes that are no text, nulls, headers and timestamps.
func TestJSONRoundTrip(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "a", "b"))
	in := `{"key":"k","value":null,"timestamp":1000}
{"key":null,"value_base64":"/wA=","headers":[{"key":"h","value":"<&>"},{"key":"none","value":null}]}
{"value":""}
`
	w.okIn(in, "produce", "a", "--json")
	first := w.ok("consume", "a", "--from", "beginning", "--follow=false", "--json")
	w.okIn(first, "produce", "b", "--json")
	second := w.ok("consume", "b", "--from", "beginning", "--follow=false", "--json")
	same(t, strings.ReplaceAll(second, `"topic":"b"`, `"topic":"a"`), first)
	got := lines[jsonRecord](t, first)
	if len(got) != 3 || got[0].Value != nil || got[0].Timestamp != 1000 || *got[1].ValueBase64 != "/wA=" || *got[2].Value != "" {
		t.Errorf("got %s", first)
	}
}

func TestEveryCodecAndAcks(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for _, acks := range []string{"all", "1", "0"} {
			w := newWorld(t, kfake.SeedTopics(1, "t"))
			value := strings.Repeat(codec+" ", 100)
			w.okIn(value, "produce", "t", "--compression", codec, "--acks", acks)
			same(t, w.ok("consume", "t", "--from", "beginning", "--max", "1", "--format", `%v%a{compression}\n`), value+codec)
		}
	}
}

func TestProduceSaysWhichLineFailed(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "t"))
	for _, c := range []struct {
		name, in string
		args     []string
		says     []string
	}{
		{"no separator", "a=1\nb\nc=3\n", []string{"--key-separator", "="}, []string{"line 2", `"="`}},
		{"no JSON", "{}\nnot\n", []string{"--json"}, []string{"line 2", "not a JSON record"}},
		{"too large", "a\n" + strings.Repeat("x", 3000) + "\n", []string{"--max-bytes", "1024"}, []string{"1 record failed", "line 2", "--max-bytes"}},
		{"no such partition", "a\n", []string{"--partition", "7"}, []string{"line 1", "partition"}},
	} {
		args := append([]string{"produce", "t", "--bootstrap", w.bootstrap}, c.args...)
		t.Run(c.name, func(t *testing.T) { mustFail(t, call(t, c.in, args...), 1, c.says, args) })
	}
	same(t, w.ok("consume", "t", "--from", "beginning", "--follow=false"), "1\n\na")
}

func TestProduceFromAFile(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(2, "t"))
	path := filepath.Join(t.TempDir(), "in.txt")
	if err := os.WriteFile(path, []byte("x\ny\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.ok("produce", "t", "--file", path, "--partition", "1")
	same(t, w.ok("consume", "t", "--partition", "1", "--from", "beginning", "--follow=false"), "x\ny")
	same(t, w.ok("consume", "t", "--partition", "0", "--from", "beginning", "--follow=false"), "")
}

func TestConsumeFromAMoment(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "t"))
	old := `{"value":"old","timestamp":1000000000000}` + "\n"
	w.okIn(old+`{"value":"new"}`, "produce", "t", "--json")
	for _, from := range []string{"-1h", "-PT1H", "2001-09-09T01:46:41Z"} {
		same(t, w.ok("consume", "t", "--from", from, "--follow=false"), "new")
	}
	same(t, w.ok("consume", "t", "--from", "2001-09-09T01:46:40", "--timeout", "300ms"), "old\nnew")
	same(t, w.ok("consume", "t", "--from", "end", "--timeout", "100ms"), "")
}

func TestConsumeOfWhatIsNotThere(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(2, "t"))
	w.fails(1, []string{"missing", "does not exist"}, "consume", "missing")
	w.fails(1, []string{"no partition 5", "2 partitions"}, "consume", "t", "--partition", "5")
}

// Ctrl-C ends a consumer that waits; what it printed stays committed, and the next member goes on behind it.
func TestInterruptedGroupMemberCommits(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "t"))
	w.okIn("1\n2\n3\n", "produce", "t")
	same(t, w.ok("consume", "t", "--group", "g", "--from", "beginning", "--max", "2"), "1\n2")

	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan result)
	go func() { ended <- callWith(ctx, "", "consume", "t", "--group", "g", "--bootstrap", w.bootstrap) }()
	w.untilCommitted("g", 3, interrupt)
	r := <-ended
	if r.code != 0 || r.out != "3\n" || r.err != "1 record\n" {
		t.Errorf("interrupted member: %+v", r)
	}
	w.okIn("4\n", "produce", "t")
	same(t, w.ok("consume", "t", "--group", "g", "--max", "1"), "4")
}

// untilCommitted interrupts once the group's member is at work, and waits until it has committed.
func (w *world) untilCommitted(group string, offset int64, interrupt func()) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		g := lines[groupInfo](w.t, w.ok("group", "describe", group, "--json"))[0]
		if len(g.Members) > 0 && len(g.Members[0].Partitions) > 0 {
			time.AfterFunc(500*time.Millisecond, interrupt)
		}
		if len(g.Offsets) > 0 && g.Offsets[0].Committed != nil && *g.Offsets[0].Committed == offset {
			return
		}
	}
	w.t.Fatalf("group %s never committed %d", group, offset)
}

// A cluster that never acknowledges must not hold produce, nor may it be called a success.
func TestProduceGivesUpOnASilentCluster(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "t"))
	w.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		return nil, errors.New("hang up"), true
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(w.bootstrap), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var errs bytes.Buffer
	p := &production{client: client, errs: &errs, patience: 300 * time.Millisecond, started: time.Now(), progress: time.Now()}
	work, stop := p.watch(t.Context())
	defer stop()
	parse := func(line []byte) (*kgo.Record, error) { return &kgo.Record{Value: line}, nil }
	if err := p.sendLines(t.Context(), work, strings.NewReader("a\nb\n"), parse); err != nil {
		t.Fatal(err)
	}
	_ = client.Flush(work)
	err = p.report("t", nil, context.Cause(work))
	if err == nil || !strings.Contains(err.Error(), "2 records may or may not") || !strings.Contains(err.Error(), "is the cluster up") {
		t.Errorf("got %v", err)
	}
}

// Ctrl-C while the input is silent: what was read is written, and a half-read input is no success.
func TestProduceInterrupted(t *testing.T) {
	w := newWorld(t, kfake.SeedTopics(1, "t"))
	in, typist := io.Pipe()
	defer typist.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan result)
	go func() { ended <- callReading(ctx, in, "produce", "t", "--bootstrap", w.bootstrap) }()
	_, _ = io.WriteString(typist, "one\ntwo\n")
	same(t, w.ok("consume", "t", "--from", "beginning", "--max", "2"), "one\ntwo")
	interrupt()
	if r := <-ended; r.code != 1 || !strings.Contains(r.failure.Error(), "after line 2") || !strings.HasPrefix(r.err, "2 records") {
		t.Errorf("got %+v", r)
	}
}
