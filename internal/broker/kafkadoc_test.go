package broker

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var update = flag.Bool("update", false, "write docs/KAFKA.md from the table")

const kafkaDoc = "../../docs/KAFKA.md"

const kafkaDocHead = `# What Millrace serves of Kafka's protocol

This page is generated from the table in internal/broker/api.go by ` + "`go generate ./internal/broker`" + `; a test fails when it
is out of date. Versions are those of Apache Kafka 4.4 unless a note says otherwise. What is not listed is not
advertised, and a request of it closes the connection, as it does in Kafka.

## Requests

| key | request | versions | permissions | notes |
|---|---|---|---|---|
`

const kafkaDocTail = `
## Everywhere

- **Any agent serves everything.** Metadata names one agent as each partition's leader, and FindCoordinator one for each
  group, so that clients spread out; a request that goes to another is served just the same. There is no
  NOT_LEADER_OR_FOLLOWER or NOT_COORDINATOR for having asked the wrong one.
- **Zones.** A client whose client.id holds ` + "`millrace_az=<zone>`" + ` (or ` + "`ws_az=`, `warpstream_az=`, `automq_az=`" + `) is shown the
  agents of that zone, if there are any. Zones with as many agents divide the partitions in the same way: each segment is
  read once by each other zone. Run as many in each.
- **Node ids** are the numbers under which agents registered. A restarted agent has another one.
- **Negative answers** (unknown topic, partition, id, epoch, group or member; end of the log; committed offsets) are given
  only after the end of the journal was read: what another agent acknowledged before the request is never denied.
- **Order.** Answers leave in the order of the requests. Only Produce is pipelined: up to 64 of a connection may be under
  way; any other request waits until earlier ones are answered.
- **Damage.** A batch is checked as it comes from the bucket. A Fetch or ListOffsets of damaged bytes, or of a file that is cut short,
  answers CORRUPT_MESSAGE for that partition, one of a missing file KAFKA_STORAGE_ERROR; other partitions, and offsets behind the
  damage, are served. Java's consumer gives the first to the application and tries the second again by itself.
- **Bounds.** A request is at most socket.request.max.bytes (100 MiB) and at most the agent's memory budget for requests,
  an array in it has at most 1,000,000 elements. What is beyond closes the connection.
  An answer to Fetch has at most 55 MiB (Kafka's fetch.max.bytes), but for a first batch that is larger; what of it is in memory also at
  most a fourth of the agent's budget for that, and less the more other clients have. A client is given 60 seconds for an answer, and more
  for what is sent out of files (256 KiB a second). As with Kafka, one on a slow line that gives up sooner needs a smaller
  fetch.max.bytes.
- **Times.** Requests to the journal are given at least 5 seconds, whatever time-out the client names.
- **Rebalances.** What a group's leader assigns is in the journal before members are told, so that on S3 a rebalance takes longer than
  with Kafka. kafka-python 3.0 joins anew, with Kafka too, where a join ended between two of its polls: there polls should be long.
- **Throttling.** There are no quotas: throttle_time_ms is 0.
- **Authorisation.** The permissions in the table are asked for as in Kafka; in this version everything is allowed.

## Not served

| what | instead |
|---|---|
| transactions | an initialisation with a transactional id fails at once: TRANSACTIONAL_ID_AUTHORIZATION_FAILED |
| consumer, share and streams groups (KIP-848, KIP-932, KIP-1071) | classic groups; clients fall back where they can |
| SASL, ACLs, delegation tokens, quotas | listeners are plain text |
| reassignment, leader election, log dirs, features, quorum | nothing to move, elect or vote on: agents are stateless |
`

func renderKafkaDoc() string {
	var b strings.Builder
	b.WriteString(kafkaDocHead)
	for i := range apis {
		a := &apis[i]
		needs := make([]string, len(a.needs))
		for j, n := range a.needs {
			needs[j] = fmt.Sprintf("%v %v", n.op, n.on)
		}
		versions := fmt.Sprintf("%d–%d", a.min, a.max)
		if a.min == a.max {
			versions = fmt.Sprint(a.min)
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", a.key, kmsg.NameForKey(a.key), versions, strings.Join(needs, ", "), a.notes)
	}
	b.WriteString(kafkaDocTail)
	return b.String()
}

// docs/KAFKA.md says what the table says.
func TestKafkaDoc(t *testing.T) {
	want := renderKafkaDoc()
	if *update {
		if err := os.WriteFile(kafkaDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(kafkaDoc)
	if err != nil || string(got) != want {
		t.Fatalf("docs/KAFKA.md is out of date (%v): run go generate ./internal/broker", err)
	}
}
