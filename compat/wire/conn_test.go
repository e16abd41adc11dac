package wire

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/compat/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// cluster is one agent, on a bucket in its memory: what it is asked concerns no other agent and no bucket.
func cluster(t *testing.T) *harness.Cluster {
	return harness.Shared(t, harness.Options{Agents: 1, Store: "mem"})
}

// waitMax bounds the wait for an answer or for the end of a connection.
const waitMax = 15 * time.Second

type conn struct {
	t *testing.T
	net.Conn
	next int32 // correlation id of the next request
}

// dial connects to the agent, and checks after the test that the agent still serves others.
func dial(t *testing.T) *conn {
	t.Helper()
	c, err := net.Dial("tcp", cluster(t).Addr(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		mustServe(t)
	})
	return &conn{t: t, Conn: c}
}

func mustServe(t *testing.T) {
	t.Helper()
	c, err := net.Dial("tcp", cluster(t).Addr(0))
	if err != nil {
		t.Fatalf("the agent no longer accepts: %v", err)
	}
	defer c.Close()
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = 9, []kmsg.MetadataRequestTopic{}
	(&conn{t: t, Conn: c}).ask(req)
}

func (c *conn) send(raw []byte) {
	c.t.Helper()
	// A server may close before it has read everything.
	if _, err := c.Write(raw); err != nil && !hangup(err) {
		c.t.Fatal(err)
	}
}

func hangup(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// frame puts the length before a payload.
func frame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// encode frames a well-formed request.
func (c *conn) encode(req kmsg.Request) []byte {
	c.next++
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("wire")).AppendRequest(nil, req, c.next)
}

// receive reads one frame.
func (c *conn) receive() ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(waitMax)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(c, payload)
	return payload, err
}

// ask sends a request and decodes its answer.
func (c *conn) ask(req kmsg.Request) kmsg.Response {
	c.t.Helper()
	c.send(c.encode(req))
	return c.answer(req, c.next)
}

// answer decodes the next frame as the answer to a request.
func (c *conn) answer(req kmsg.Request, correlation int32) kmsg.Response {
	c.t.Helper()
	payload, err := c.receive()
	if err != nil {
		c.t.Fatalf("no answer to %s version %d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	r := kbin.Reader{Src: payload}
	if got := r.Int32(); got != correlation {
		c.t.Fatalf("correlation id %d, want %d", got, correlation)
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if resp.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		kmsg.SkipTags(&r)
	}
	if err := resp.ReadFrom(r.Src); err != nil {
		c.t.Fatalf("the answer to %s version %d does not decode: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp
}

// wantClosed fails the test unless the agent ends the connection without an answer.
func (c *conn) wantClosed() {
	c.t.Helper()
	payload, err := c.receive()
	if err == nil {
		c.t.Errorf("an answer of %d bytes, want the connection closed", len(payload))
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("neither answer nor end within %v, want the connection closed", waitMax)
	} else if !hangup(err) {
		c.t.Errorf("reading: %v", err)
	}
}

// create makes a topic and returns its name and id.
func create(t *testing.T, partitions int32, configs ...string) (string, [16]byte) {
	t.Helper()
	name := harness.Name(t)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	for i := 0; i < len(configs); i += 2 {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = configs[i], &configs[i+1]
		topic.Configs = append(topic.Configs, config)
	}
	req.Topics = append(req.Topics, topic)
	resp := dial(t).ask(req).(*kmsg.CreateTopicsResponse)
	if code := resp.Topics[0].ErrorCode; code != 0 {
		t.Fatalf("creating %s: error %d", name, code)
	}
	if harness.IsOracle() {
		waitUsable(t, name, partitions)
	}
	return name, resp.Topics[0].TopicID
}

// waitUsable waits until every partition has a leader that knows it. Kafka needs that moment after CreateTopics;
// Millrace's topics are usable at once.
func waitUsable(t *testing.T, name string, partitions int32) {
	t.Helper()
	c := dial(t)
	deadline := time.Now().Add(waitMax)
	for p := range partitions {
		for c.latest(name, p).ErrorCode != 0 {
			if time.Now().After(deadline) {
				t.Fatalf("%s-%d has no leader", name, p)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// latest asks for the end of a partition.
func (c *conn) latest(topic string, partition int32) kmsg.ListOffsetsResponseTopicPartition {
	c.t.Helper()
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 5, -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch = partition, -1, -1
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return c.ask(req).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
}
