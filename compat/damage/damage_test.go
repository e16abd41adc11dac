package damage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/compat/harness"
)

const (
	rounds  = 5
	damaged = 2 // the round whose segment is spoiled
)

// spoiled are topics of two partitions, and what is done to the segment of one round of each. It gives what readers of each
// partition are told; nil: all of it is served.
var spoiled = []struct {
	topic string
	spoil func(b *bucket, key string, body []byte) [2]*kerr.Error
	text  string // what fsck says
}{
	{"flipped", func(b *bucket, key string, body []byte) [2]*kerr.Error {
		body[bytes.Index(body, []byte(value("flipped", damaged, 0)))] ^= 4
		b.write(key, body)
		return [2]*kerr.Error{kerr.CorruptMessage, nil}
	}, "damaged in it are flipped-0 offsets 2 to 2 (bytes"},
	{"truncated", func(b *bucket, key string, body []byte) (want [2]*kerr.Error) {
		first, last := bytes.Index(body, []byte(value("truncated", damaged, 0))), bytes.Index(body, []byte(value("truncated", damaged, 1)))
		if want[1] = kerr.CorruptMessage; first > last {
			first, last, want = last, first, [2]*kerr.Error{kerr.CorruptMessage, nil}
		}
		b.write(key, body[:last])
		return want
	}, "offsets 2 to 2 (bytes"},
	{"lost", func(b *bucket, key string, _ []byte) [2]*kerr.Error {
		b.remove(key)
		return [2]*kerr.Error{kerr.KafkaStorageError, kerr.KafkaStorageError}
	}, "lost are lost-"},
}

func offsets(at int64) map[string]map[int32]kgo.Offset {
	all := map[string]map[int32]kgo.Offset{}
	for _, s := range spoiled {
		all[s.topic] = map[int32]kgo.Offset{0: kgo.NewOffset().At(at), 1: kgo.NewOffset().At(at)}
	}
	return all
}

// Segments are spoiled under a running agent; once its memory is cold, readers of what is spoiled are told so, everything else is
// served, by the same fetches, and the alarm is raised. fsck names the files and leaves them. Once they are back all is well.
func TestSpoiledSegments(t *testing.T) {
	if harness.IsOracle() {
		t.Skip("an oracle has no bucket")
	}
	c := harness.Start(t, harness.Options{Agents: 1, Store: "file", Flags: []string{"--batch-timeout", "50ms"}})
	b := bucketOf(t, c)
	keys, good, wants := map[string]string{}, map[string][]byte{}, map[string]*kerr.Error{}
	for _, s := range spoiled {
		fill(t, c, s.topic, 2, rounds)
		key, body := b.holding(value(s.topic, damaged, 0))
		keys[s.topic], good[s.topic] = key, bytes.Clone(body)
		if !bytes.Contains(body, []byte(value(s.topic, damaged, 1))) {
			t.Fatalf("the partitions of %s do not share a segment", s.topic)
		}
		for p, want := range s.spoil(b, key, body) {
			if want != nil {
				wants[place(s.topic, int32(p))] = want
			}
		}
	}
	c.RestartAll()

	t.Run("readers", func(t *testing.T) { readers(t, c, wants) })
	t.Run("alarm", func(t *testing.T) { alarm(t, c, keys) })
	t.Run("fsck", func(t *testing.T) { found(t, c, b, keys) })
	t.Run("mended", func(t *testing.T) {
		r := read(t, c, offsets(0))
		r.until("the damage is met once more", func() bool { return len(r.errs) == len(wants) })
		for _, s := range spoiled {
			b.write(keys[s.topic], good[s.topic])
		}
		r.until("all records come to who was waiting", func() bool { return total(r) == len(spoiled)*2*rounds })
		c.MustServe()
		if report, code := check(t, c); code != 0 || len(report.Problems) != 0 {
			t.Errorf("exit code %d: %+v", code, report.Problems)
		}
	})
}

func total(r *reader) (n int) {
	for _, values := range r.values {
		n += len(values)
	}
	return n
}

// readers sees what consumers get: what comes before the damage, then errors, everything from undamaged partitions, and from
// damaged ones what comes behind.
func readers(t *testing.T, c *harness.Cluster, wants map[string]*kerr.Error) {
	before, behind := read(t, c, offsets(0)), read(t, c, offsets(damaged+1))
	all := len(spoiled) * 2
	before.until("every partition gives all it can, and the damaged ones an error", func() bool {
		return total(before) == (all-len(wants))*rounds+len(wants)*damaged && len(before.errs) == len(wants)
	})
	behind.until("what comes behind the damage is served", func() bool { return total(behind) == all*(rounds-damaged-1) })
	for _, s := range spoiled {
		for p := range int32(2) {
			at := place(s.topic, p)
			if got, want := before.errs[at], wants[at]; want != nil && !errors.Is(got, want) || want == nil && got != nil {
				t.Errorf("%s: %v, want %v", at, got, want)
			}
			for i, v := range before.values[at] {
				if v != value(s.topic, i, p) {
					t.Errorf("%s: record %d is %q", at, i, v)
				}
			}
			for i, v := range behind.values[at] {
				if v != value(s.topic, damaged+1+i, p) {
					t.Errorf("%s: record %d behind the damage is %q", at, i, v)
				}
			}
		}
	}
	if len(behind.errs) > 0 {
		t.Errorf("errors behind the damage: %v", behind.errs)
	}
}

// alarm looks at metrics and log: each file is named, with its problem, and told of no more than now and then.
func alarm(t *testing.T, c *harness.Cluster, keys map[string]string) {
	lines := metrics(t, c, 0, "millrace_damaged_blocks_total")
	for _, s := range spoiled {
		problem := "damaged"
		if s.topic == "lost" {
			problem = "missing"
		}
		series := fmt.Sprintf("millrace_damaged_blocks_total{file=%q,problem=%q} ", keys[s.topic], problem)
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, series) && !strings.HasSuffix(l, " 0") }) {
			t.Errorf("no %s in:\n%s", series, strings.Join(lines, "\n"))
		}
		told := 0
		for _, line := range strings.Split(c.Log(0), "\n") {
			if strings.Contains(line, "level=ERROR") && strings.Contains(line, "file="+keys[s.topic]+" from=") && strings.Contains(line, "topic="+s.topic) {
				told++
			}
		}
		if told != 1 {
			t.Errorf("the log tells %d times of %s", told, keys[s.topic])
		}
	}
	if len(lines) != len(spoiled)+2 {
		t.Errorf("%d series, want those of %d files and two for all others: %q", len(lines), len(spoiled), lines)
	}
}

// found looks at fsck, plain and repairing.
func found(t *testing.T, c *harness.Cluster, b *bucket, keys map[string]string) {
	c.Term(0) // so that nothing but fsck could change the bucket
	before := b.contents()
	for _, args := range [][]string{nil, {"--quick"}, {"--repair"}} {
		r, code := check(t, c, args...)
		if code != 1 || r.OK() {
			t.Errorf("fsck %v: exit code %d", args, code)
		}
		for _, s := range spoiled {
			texts := about(r, keys[s.topic])
			if quick := slices.Contains(args, "--quick"); quick && s.topic == "flipped" {
				continue
			} else if len(texts) != 1 || !strings.Contains(texts[0], s.text) && !quick {
				t.Errorf("fsck %v says of %s: %q, want … %s …", args, keys[s.topic], texts, s.text)
			}
		}
	}
	if !maps.Equal(before, b.contents()) {
		t.Error("fsck --repair changed a damaged bucket")
	}
	c.Restart(0)
}

// A client that comes back to damage for ever costs the bucket next to nothing.
func TestDamageIsNotReadForEver(t *testing.T) {
	if harness.IsOracle() {
		t.Skip("an oracle has no bucket")
	}
	c := harness.Start(t, harness.Options{Agents: 1, Store: "file", Flags: []string{"--batch-timeout", "50ms"}})
	b := bucketOf(t, c)
	topic := harness.Name(t)
	fill(t, c, topic, 2, 3)
	key, body := b.holding(value(topic, 0, 0))
	body[bytes.Index(body, []byte(value(topic, 0, 0)))] ^= 4
	b.write(key, body)
	c.RestartAll()

	// Many readers, each of which comes back as fast as it can.
	before, met := gets(t, c), 0
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); met++ {
		r := read(t, c, map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0), 1: kgo.NewOffset().At(0)}})
		r.until("the damage and the other partition", func() bool { return len(r.errs) == 1 && total(r) == 3 })
		r.cl.Close()
	}
	n := gets(t, c) - before
	t.Logf("%d readers met the damage, and the agent made %d GETs", met, n)
	if n > met/2 {
		t.Errorf("%d readers, %d GETs", met, n)
	}
}

// gets is how many GETs an agent made since its start.
func gets(t *testing.T, c *harness.Cluster) (n int) {
	const name = `millrace_store_requests_total{operation="get"} `
	if _, err := fmt.Sscanf(metrics(t, c, 0, name)[0], name+"%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
