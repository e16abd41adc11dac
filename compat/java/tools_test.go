package java

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/compat/harness"
)

const (
	topicsTool   = "org.apache.kafka.tools.TopicCommand"
	producerTool = "org.apache.kafka.tools.ConsoleProducer"
	consumerTool = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	groupsTool   = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	configsTool  = "kafka.admin.ConfigCommand"
	offsetsTool  = "org.apache.kafka.tools.GetOffsetShell"
	deleteTool   = "org.apache.kafka.tools.DeleteRecordsCommand"
	producerPerf = "org.apache.kafka.tools.ProducerPerformance"
	consumerPerf = "org.apache.kafka.tools.ConsumerPerformance"
	verifyWriter = "org.apache.kafka.tools.VerifiableProducer"
	verifyReader = "org.apache.kafka.tools.VerifiableConsumer"
	versionsTool = "org.apache.kafka.tools.BrokerApiVersionsCommand"
	clusterTool  = "org.apache.kafka.tools.ClusterTool"
)

// tool runs one of Kafka's tools against the cluster.
func tool(t *testing.T, class string, args ...string) string {
	t.Helper()
	return harness.Java(t, class, append([]string{"--bootstrap-server", cluster(t).Bootstrap()}, args...)...).All()
}

// write sends lines with the console producer.
func write(t *testing.T, topic, lines string, args ...string) {
	t.Helper()
	argv := append([]string{"--bootstrap-server", cluster(t).Bootstrap(), "--topic", topic}, args...)
	if r := harness.TryJava(t, lines, producerTool, argv...); r.Code != 0 || strings.Contains(r.All(), "ERROR") {
		t.Fatalf("console producer: exit code %d\n%s", r.Code, r.All())
	}
}

func read(t *testing.T, topic string, count int, args ...string) string {
	t.Helper()
	return tool(t, consumerTool, append([]string{"--topic", topic, "--from-beginning", "--max-messages", fmt.Sprint(count), "--timeout-ms", "30000"}, args...)...)
}

func contains(t *testing.T, out string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no match of %q in:\n%s", want, out)
		}
	}
}

func TestTopicsTool(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	tool(t, topicsTool, "--create", "--topic", name, "--partitions", "2", "--config", "retention.ms=7654321")
	contains(t, tool(t, topicsTool, "--list"), "(?m)^"+name+"$")
	tool(t, topicsTool, "--alter", "--topic", name, "--partitions", "4")
	contains(t, tool(t, topicsTool, "--describe", "--topic", name), "PartitionCount: 4", `retention\.ms=7654321`, "Partition: 3\tLeader: [0-9]+\t")
	again := harness.TryJava(t, "", topicsTool, "--bootstrap-server", cluster(t).Bootstrap(), "--create", "--topic", name)
	if again.Code == 0 {
		t.Error("creating a topic that exists succeeded")
	}
	contains(t, again.All(), "already exists")
	tool(t, topicsTool, "--delete", "--topic", name)
	if out := tool(t, topicsTool, "--list", "--topic", name); strings.Contains(out, name+"\n") {
		t.Errorf("still listed after its deletion:\n%s", out)
	}
}

// The console producer creates its topic, and all codecs come back in order.
func TestConsoleProducerAndConsumer(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	var want []string
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		write(t, name, fmt.Sprintf("k:%s-1\nk:%s-2\n", codec, codec), "--compression-codec", codec,
			"--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
		want = append(want, "k="+codec+"-1", "k="+codec+"-2")
	}
	out := read(t, name, 10, "--group", name, "--formatter-property", "print.key=true", "--formatter-property", "key.separator==")
	if got := strings.Join(want, "\n"); !strings.Contains(out, got) {
		t.Errorf("consumed:\n%s\nwant:\n%s", out, got)
	}
}

func TestConsumerGroupsTool(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	write(t, name, strings.Repeat("line\n", 20))
	read(t, name, 20, "--group", name)
	contains(t, tool(t, groupsTool, "--list"), "(?m)^"+name+"$")
	contains(t, tool(t, groupsTool, "--describe", "--group", name), `(?m)^`+name+`\s+`+name+`\s+0\s+(20\s+20\s+0)`)
	contains(t, tool(t, groupsTool, "--describe", "--group", name, "--state"), `Empty\s+0`)
	contains(t, tool(t, groupsTool, "--describe", "--group", name, "--members"), "no active members")
	tool(t, groupsTool, "--reset-offsets", "--group", name, "--topic", name, "--shift-by", "-5", "--execute")
	contains(t, tool(t, groupsTool, "--describe", "--group", name), `\s15\s+20\s+5`)
	tool(t, groupsTool, "--reset-offsets", "--group", name, "--topic", name, "--to-earliest", "--execute")
	contains(t, tool(t, groupsTool, "--describe", "--offsets", "--group", name), `\s0\s+20\s+20`)
	tool(t, groupsTool, "--delete-offsets", "--group", name, "--topic", name)
	tool(t, groupsTool, "--delete", "--group", name)
	if out := tool(t, groupsTool, "--list"); regexp.MustCompile("(?m)^" + name + "$").MatchString(out) {
		t.Errorf("listed after its deletion:\n%s", out)
	}
}

func TestConfigsTool(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	tool(t, topicsTool, "--create", "--topic", name)
	entity := []string{"--entity-type", "topics", "--entity-name", name}
	tool(t, configsTool, append(entity, "--alter", "--add-config", "max.message.bytes=5000,cleanup.policy=[compact,delete]")...)
	contains(t, tool(t, configsTool, append(entity, "--describe")...), "max.message.bytes=5000", "cleanup.policy=compact,delete")
	tool(t, configsTool, append(entity, "--alter", "--delete-config", "max.message.bytes")...)
	contains(t, tool(t, configsTool, append(entity, "--describe", "--all")...), "max.message.bytes=1048588", "retention.ms=604800000")
	bad := harness.TryJava(t, "", configsTool, append([]string{"--bootstrap-server", cluster(t).Bootstrap(), "--alter", "--add-config", "retention.ms=soon"}, entity...)...)
	contains(t, bad.All(), "InvalidConfigurationException")
}

func TestPerfTools(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	tool(t, topicsTool, "--create", "--topic", name, "--partitions", "3")
	const count = "100000"
	out := tool(t, producerPerf, "--topic", name, "--num-records", count, "--record-size", "200", "--throughput", "-1")
	contains(t, out, count+" records sent")
	t.Log(out)
	out = tool(t, consumerPerf, "--topic", name, "--num-records", count, "--timeout", "30000")
	contains(t, out, ", "+count+", ")
	t.Log(out)
}

func TestVerifiableProducerAndConsumer(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	tool(t, topicsTool, "--create", "--topic", name, "--partitions", "3")
	out := tool(t, verifyWriter, "--topic", name, "--max-messages", "2000", "--throughput", "-1")
	contains(t, out, `"sent":2000,"acked":2000`)
	out = tool(t, verifyReader, "--topic", name, "--group-id", name, "--max-messages", "2000", "--reset-policy", "earliest")
	consumed := 0
	for _, m := range regexp.MustCompile(`"name":"records_consumed".*?"count":(\d+)`).FindAllStringSubmatch(out, -1) {
		var n int
		fmt.Sscan(m[1], &n)
		consumed += n
	}
	if out = strings.ReplaceAll(out, " ", ""); consumed != 2000 {
		t.Errorf("consumed %d of 2000 records:\n%s", consumed, out)
	}
	contains(t, out, `"success":true`)
}

func TestOffsetsAndDeleteRecordsTools(t *testing.T) {
	t.Parallel()
	name := harness.Name(t)
	tool(t, topicsTool, "--create", "--topic", name, "--partitions", "1")
	write(t, name, strings.Repeat("line\n", 12))
	contains(t, tool(t, offsetsTool, "--topic", name), name+":0:12")
	plan := filepath.Join(t.TempDir(), "offsets.json")
	text := fmt.Sprintf(`{"version":1,"partitions":[{"topic":%q,"partition":0,"offset":5}]}`, name)
	if err := os.WriteFile(plan, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	contains(t, tool(t, deleteTool, "--offset-json-file", plan), "low_watermark: 5")
	contains(t, tool(t, offsetsTool, "--topic", name, "--time", "earliest"), name+":0:5")
	contains(t, tool(t, offsetsTool, "--topic", name, "--time", "-1"), name+":0:12")
}

func TestToolsThatAskAboutTheCluster(t *testing.T) {
	t.Parallel()
	contains(t, tool(t, versionsTool), `Produce\(0\): 0 to 1\d`, `Fetch\(1\): 4 to 1\d`, `ApiVersions\(18\): 0 to \d`)
	contains(t, harness.Java(t, clusterTool, "cluster-id", "--bootstrap-server", cluster(t).Bootstrap()).Stdout, `Cluster ID: \S+`)
}
