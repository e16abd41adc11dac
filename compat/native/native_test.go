package native

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/compat/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func cluster(t *testing.T) *harness.Cluster { return harness.Shared(t, harness.Options{Agents: 3}) }

func confluent(t *testing.T, name, topic string) string {
	t.Helper()
	return harness.Python(t, "confluent.py", name, cluster(t).Bootstrap(), topic).All()
}

func TestConfluentProducesUnderEveryCodec(t *testing.T) {
	t.Parallel()
	confluent(t, "codecs", harness.Name(t))
}

func TestConfluentRebalances(t *testing.T) {
	t.Parallel()
	confluent(t, "rebalance", harness.Name(t))
}

func TestConfluentAdministers(t *testing.T) {
	t.Parallel()
	confluent(t, "administer", harness.Name(t))
}

func TestConfluentResumesAfterRestart(t *testing.T) {
	name := harness.Name(t)
	confluent(t, "commit", name)
	cluster(t).RestartAll()
	confluent(t, "resume", name)
}

func TestConfluentTransactionsNeverHang(t *testing.T) {
	t.Parallel()
	out := confluent(t, "transactions", harness.Name(t))
	if harness.IsOracle() && strings.Contains(out, "refused") {
		t.Errorf("Apache Kafka refused a transaction: %s", out)
	}
}

func TestKafkaPython(t *testing.T) {
	for _, name := range []string{"codecs", "group"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			harness.Python(t, "kafkapython.py", name, cluster(t).Bootstrap(), harness.Name(t))
		})
	}
}

func kcat(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	return harness.Kcat(t, stdin, append([]string{"-b", cluster(t).Bootstrap(), "-q"}, args...)...).Stdout
}

func lines(prefix string, count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "%s-%d\n", prefix, i)
	}
	return b.String()
}

// kcat's librdkafka 2.0.2 speaks old versions: Produce 7, Fetch 11, Metadata 4. Its topic comes by auto-creation.
func TestKcatUnderEveryCodec(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for _, idempotence := range []string{"false", "true"} {
			t.Run(codec+"/idempotence="+idempotence, func(t *testing.T) {
				t.Parallel()
				name := harness.Name(t)
				kcat(t, lines(codec, 200), "-P", "-t", name, "-p", "0", "-z", codec, "-X", "enable.idempotence="+idempotence)
				if got := kcat(t, "", "-C", "-t", name, "-o", "beginning", "-e"); got != lines(codec, 200) {
					t.Errorf("consumed %d bytes, want the 200 lines in order:\n%.300s", len(got), got)
				}
			})
		}
	}
}

// A group's member resumes where the last one ended.
func TestKcatGroup(t *testing.T) {
	name := harness.Name(t)
	kcat(t, lines("a", 30), "-P", "-t", name, "-p", "0")
	group := func(count string) string {
		return kcat(t, "", "-X", "auto.offset.reset=earliest", "-c", count, "-G", name, name)
	}
	if got := group("20"); got != strings.Join(strings.SplitAfter(lines("a", 30), "\n")[:20], "") {
		t.Errorf("first member read:\n%s", got)
	}
	cluster(t).RestartAll()
	if got := group("10"); got != strings.Join(strings.SplitAfter(lines("a", 30), "\n")[20:], "") {
		t.Errorf("second member read:\n%s", got)
	}
}

func TestKcatMetadataAndOffsetsByTime(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	kcat(t, lines("a", 5), "-P", "-t", name, "-p", "0")
	if out := kcat(t, "", "-L", "-t", name); !strings.Contains(out, `topic "`+name+`" with`) || !strings.Contains(out, fmt.Sprintf("%d brokers", cluster(t).Len())) {
		t.Errorf("metadata:\n%s", out)
	}
	for query, want := range map[string]string{":0:-1": "offset 5", ":0:-2": "offset 0", ":0:1000": "offset 0"} {
		if out := kcat(t, "", "-Q", "-t", name+query); !strings.Contains(out, want) {
			t.Errorf("kcat -Q %s: %s, want %s", query, out, want)
		}
	}
}

func TestKcatLearnsOfAnUnknownPartition(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	kcat(t, lines("a", 1), "-P", "-t", name, "-p", "0")
	r := harness.TryKcat(t, "x\n", "-b", cluster(t).Bootstrap(), "-P", "-t", name, "-p", "99", "-X", "message.timeout.ms=5000")
	if r.Code == 0 || !strings.Contains(r.All(), "Unknown partition") {
		t.Errorf("producing to partition 99: exit code %d\n%s", r.Code, r.All())
	}
}
