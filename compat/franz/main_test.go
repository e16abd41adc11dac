package franz

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace-io/millrace/compat/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// waitMax bounds every wait of a test; a test that needs it all has failed.
const waitMax = 60 * time.Second

// cluster is three agents on a real S3 server; the other suites take a bucket in a folder.
func cluster(t *testing.T) *harness.Cluster {
	return harness.Shared(t, harness.Options{Agents: 3, Store: "s3"})
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	t.Cleanup(cancel)
	return ctx
}

func client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(cluster(t).Seeds()...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func admin(t *testing.T) *kadm.Client {
	t.Helper()
	return kadm.NewClient(client(t))
}

// topic creates a topic of the test's name.
func topic(t *testing.T, partitions int32, configs ...string) string {
	t.Helper()
	name := harness.Name(t)
	values := map[string]*string{}
	for i := 0; i < len(configs); i += 2 {
		values[configs[i]] = &configs[i+1]
	}
	if _, err := admin(t).CreateTopic(timeout(t), partitions, -1, values, name); err != nil {
		t.Fatalf("creating %s: %v", name, err)
	}
	return name
}

// produce writes count records "PREFIX-i" with key "i", waits for all, and fails the test on any error.
func produce(t *testing.T, cl *kgo.Client, topic, prefix string, count int) {
	t.Helper()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: fmt.Appendf(nil, "%s-%d", prefix, i)}
	}
	if err := cl.ProduceSync(timeout(t), records...).FirstErr(); err != nil {
		t.Fatalf("producing to %s: %v", topic, err)
	}
}

// fill writes count records to partition 0.
func fill(t *testing.T, topic string, count int) {
	t.Helper()
	cl := client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	produce(t, cl, topic, "v", count)
}

// consume reads until it has count records, and fails the test if they do not come.
func consume(t *testing.T, cl *kgo.Client, count int) []*kgo.Record {
	t.Helper()
	ctx := timeout(t)
	var got []*kgo.Record
	for len(got) < count {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("consuming: %v after %d of %d records", err, len(got), count)
		}
		fetches.EachError(func(topic string, p int32, err error) { t.Errorf("fetching %s-%d: %v", topic, p, err) })
		got = append(got, fetches.Records()...)
	}
	return got
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(waitMax); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within %v: %s", waitMax, what)
}

func ptr[T any](v T) *T { return &v }

var startOf = kgo.NewOffset().AtStart()

func record(topic string, key []byte) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: key, Value: []byte("v")}
}
