package wire

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A client that goes away while answers are on their way to it is an everyday thing: answers to a closed connection are
// written first to nobody, then to a broken pipe. None of that may concern the agent (mustServe, after every dial).
func TestClientsThatHangUpAreNobodyElsesConcern(t *testing.T) {
	topic, _ := create(t, 1)
	for i := range 30 {
		c := dial(t)
		for range 20 {
			// One that waits and one that does not: the answers come one by one, after the end of the connection.
			c.send(c.encode(&kmsg.ApiVersionsRequest{Version: 2}))
			c.send(c.encode(longPoll(topic, 5)))
		}
		if i%3 == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		c.Close()
	}
	time.Sleep(300 * time.Millisecond)
}

// longPoll asks for the end of a topic that nobody writes to.
func longPoll(topic string, waitMs int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 11, waitMs, 1, 1<<20
	req.SessionEpoch = -1
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.PartitionMaxBytes = 1 << 20
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.FetchRequestTopicPartition{rp}
	req.Topics = []kmsg.FetchRequestTopic{rt}
	return req
}
