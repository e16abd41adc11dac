package crash

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/compat/harness"
)

const (
	// standstill is longer than an agent's registration lasts, 10 s.
	standstill = 13 * time.Second
	waitMax    = 60 * time.Second
)

// An agent that stood still (SIGSTOP) does not begin what came meanwhile. Here: a commit that its client gave up, asked
// another agent for, and moved on from. Carried out late, it would take the group back.
func TestCommitToAStoppedAgentDoesNotComeToLife(t *testing.T) {
	if harness.IsOracle() {
		t.Skip("an oracle has one broker")
	}
	c := harness.Start(t, harness.Options{Agents: 2})
	group := harness.Name(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Seeds()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(t.Context(), 1, -1, nil, group); err != nil {
		t.Fatal(err)
	}
	stopped, other := dial(t, c.Addr(0)), dial(t, c.Addr(1))
	stopped.commit(group, 1)
	stopped.committed()
	c.Pause(0)
	stopped.commit(group, 2)
	stopped.Close() // given up
	time.Sleep(standstill)
	other.commit(group, 3)
	other.committed()
	c.Resume(0)
	time.Sleep(3 * time.Second) // to find itself expired and to register anew takes less
	offsets, err := admin.FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	if at, _ := offsets.Lookup(group, 0); at.At != 3 {
		t.Errorf("the group is at %d, want the 3 that was committed last", at.At)
	}
}

// rawConn is a connection to one agent.
type rawConn struct {
	net.Conn
	t *testing.T
}

func dial(t *testing.T, addr string) *rawConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &rawConn{c, t}
}

// commit sends the commit of a consumer that is no member; the topic has the group's name.
func (c *rawConn) commit(group string, at int64) {
	c.t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = 7, group
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = at
	req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: group, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	if _, err := c.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		c.t.Fatal(err)
	}
}

// committed reads the answer, which must say that the commit was taken.
func (c *rawConn) committed() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(waitMax)) // fails only on a closed connection
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		c.t.Fatal(err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, frame); err != nil {
		c.t.Fatal(err)
	}
	a := kmsg.NewPtrOffsetCommitResponse()
	a.Version = 7
	const correlationID = 4 // bytes
	if err := a.ReadFrom(frame[correlationID:]); err != nil || a.Topics[0].Partitions[0].ErrorCode != 0 {
		c.t.Fatalf("committing: %+v, %v", a, err)
	}
}
