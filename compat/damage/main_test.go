package damage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/compat/harness"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/meta/log"
)

func TestMain(m *testing.M) { harness.Main(m) }

// waitMax bounds every wait of a test.
const waitMax = 60 * time.Second

// bucket is a folder that agents have for a bucket.
type bucket struct {
	*testing.T
	dir string
}

func bucketOf(t *testing.T, c *harness.Cluster) *bucket {
	return &bucket{t, strings.TrimPrefix(c.Bucket(), "file://")}
}

// holding is the data file with a text, and its bytes.
func (b *bucket) holding(text string) (key string, body []byte) {
	b.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "data", "*", "*"))
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range files {
		if body, err := os.ReadFile(path); err == nil && bytes.Contains(body, []byte(text)) {
			key, _ := filepath.Rel(b.dir, path)
			return filepath.ToSlash(key), body
		}
	}
	b.Fatalf("no data file holds %q", text)
	return "", nil
}

func (b *bucket) write(key string, body []byte) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, filepath.FromSlash(key)), body, 0o644); err != nil {
		b.Fatal(err)
	}
}

func (b *bucket) remove(key string) {
	b.Helper()
	if err := os.Remove(filepath.Join(b.dir, filepath.FromSlash(key))); err != nil {
		b.Fatal(err)
	}
}

// contents are all objects.
func (b *bucket) contents() map[string]string {
	b.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(b.dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, ".") {
			return err
		}
		body, err := os.ReadFile(filepath.Join(b.dir, path))
		all[path] = string(body)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// check runs millrace fsck and gives its report and exit code.
func check(t *testing.T, c *harness.Cluster, args ...string) (r fsck.Report, code int) {
	t.Helper()
	cmd := exec.Command(harness.Binary(t), append([]string{"fsck", "--json", "--bucket", c.Bucket()}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s%s", err, out, stderr.String())
	}
	return r, cmd.ProcessState.ExitCode()
}

// about are the texts of the damage that a report finds in an object.
func about(r fsck.Report, key string) (texts []string) {
	for _, p := range r.Problems {
		if p.Key == key && p.Severity == fsck.Damage {
			texts = append(texts, p.Text)
		}
	}
	return texts
}

// metrics are the lines of an agent's metrics that begin with a name.
func metrics(t *testing.T, c *harness.Cluster, i int, name string) (lines []string) {
	t.Helper()
	resp, err := http.Get("http://" + c.HTTP(i) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(body), "\n") {
		if strings.HasPrefix(line, name) {
			lines = append(lines, line)
		}
	}
	return lines
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	t.Cleanup(cancel)
	return ctx
}

func client(t *testing.T, c *harness.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Seeds()...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// fill makes a topic and writes rounds records to each partition, those of a round in one segment: "<topic> r<round> p<partition>.".
// A large record beside them, in a partition more, keeps the segment from riding in the journal.
func fill(t *testing.T, c *harness.Cluster, topic string, partitions int32, rounds int) {
	t.Helper()
	cl := client(t, c)
	if _, err := kadm.NewClient(cl).CreateTopic(timeout(t), partitions+1, -1, nil, topic); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		large := make([]byte, 2*log.RideBytesMax)
		for i := range large {
			large[i] = byte(rand.Uint32())
		}
		var records []*kgo.Record
		for p := range partitions {
			records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte(value(topic, round, p))})
		}
		records = append(records, &kgo.Record{Topic: topic, Partition: partitions, Value: large})
		if err := cl.ProduceSync(timeout(t), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func value(topic string, round int, partition int32) string {
	return fmt.Sprintf("%s r%d p%d.", topic, round, partition)
}

// reader is a consumer of whole topics that keeps what it gets, by topic and partition.
type reader struct {
	t      *testing.T
	cl     *kgo.Client
	values map[string][]string
	errs   map[string]error
}

// read consumes partitions from the given offsets. franz-go keeps the errors that it would retry in silence.
func read(t *testing.T, c *harness.Cluster, from map[string]map[int32]kgo.Offset) *reader {
	return &reader{t: t, cl: client(t, c, kgo.KeepRetryableFetchErrors(), kgo.ConsumePartitions(from)), values: map[string][]string{}, errs: map[string]error{}}
}

func place(topic string, partition int32) string { return fmt.Sprintf("%s-%d", topic, partition) }

// until polls until what came is enough.
func (r *reader) until(what string, enough func() bool) {
	r.t.Helper()
	ctx := timeout(r.t)
	for !enough() {
		fetches := r.cl.PollFetches(ctx)
		if ctx.Err() != nil {
			r.t.Fatalf("not within %v: %s; read %v, errors %v", waitMax, what, r.values, r.errs)
		}
		fetches.EachError(func(topic string, p int32, err error) { r.errs[place(topic, p)] = err })
		fetches.EachRecord(func(k *kgo.Record) {
			at := place(k.Topic, k.Partition)
			r.values[at] = append(r.values[at], string(k.Value))
		})
	}
}
