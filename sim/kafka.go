package sim

import (
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

const (
	dialMax = 3 * time.Second
	// metadataMax is the age at which a client asks anew who leads what.
	metadataMax = time.Minute
)

// kafka is a client of Kafka's protocol: it starts from several addresses, learns who leads which partition, keeps one
// connection to each agent, and asks again when something failed.
type kafka struct {
	c       *Cluster
	p       *sim.Proc
	old     bool // speaks older versions
	lines   map[string]*line
	brokers map[int32]string
	leaders []int32 // by partition
	known   time.Time
	stale   bool
}

func (c *Cluster) newKafka(p *sim.Proc) *kafka {
	return &kafka{c: c, p: p, old: c.w.Uint64()%3 == 0, lines: map[string]*line{}, brokers: map[int32]string{}, stale: true}
}

// line gives a connection to an address; nil if there is none to be had.
func (k *kafka) line(addr string) *line {
	if l := k.lines[addr]; l != nil && !l.closed {
		return l
	}
	delete(k.lines, addr)
	l := k.dial(addr)
	if l != nil {
		if other := k.lines[addr]; other != nil && !other.closed {
			l.close(errLine) // another task was faster
			return other
		}
		k.lines[addr] = l
	}
	return l
}

// anyLine connects to one of the bootstrap addresses or of the agents that are known.
func (k *kafka) anyLine() *line {
	names := k.c.names
	return k.line(names[k.c.w.Uint64()%uint64(len(names))] + kafkaPort)
}

// ready makes sure of who leads what, and reports whether that is known.
func (k *kafka) ready() bool {
	if !k.stale && k.p.Now().Sub(k.known) < metadataMax {
		return true
	}
	l := k.anyLine()
	if l == nil {
		return false
	}
	r := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topicName)
	r.Topics = append(r.Topics, t)
	got, err := exchangeOn[*kmsg.MetadataResponse](l, r)
	return err == nil && k.learn(got)
}

func (k *kafka) learn(got *kmsg.MetadataResponse) bool {
	brokers := map[int32]string{}
	for _, b := range got.Brokers {
		brokers[b.NodeID] = hostPort(b.Host, b.Port)
	}
	if len(got.Topics) != 1 || got.Topics[0].Topic == nil || *got.Topics[0].Topic != topicName {
		k.c.audit.violated(CheckProtocol, "%s asked for one topic and was told of %d", k.p.Name(), len(got.Topics))
		return false
	}
	t := &got.Topics[0]
	if code := base.Kind(t.ErrorCode); code != base.OK {
		if code != leaderNotAvailable {
			k.c.audit.violated(CheckProtocol, "%s: metadata of the topic: %v", k.p.Name(), code)
		}
		return false
	}
	leaders := make([]int32, k.c.options.Partitions)
	for _, p := range t.Partitions {
		if p.ErrorCode == 0 && brokers[p.Leader] == "" {
			k.c.audit.violated(CheckProtocol, "%s: partition %d is led by %d, whom nobody knows", k.p.Name(), p.Partition, p.Leader)
		}
		leaders[p.Partition] = p.Leader
	}
	if k.leaders != nil && !slices.Equal(leaders, k.leaders) {
		k.c.marks.Hit(LeaderMoved)
	}
	k.brokers, k.leaders, k.known, k.stale = brokers, leaders, k.p.Now(), false
	return true
}

// leaderNotAvailable is what is not in base: no room below the broker answers it.
const leaderNotAvailable base.Kind = 5

// leader gives a connection to the leader of a partition; nil if there is none to be had.
func (k *kafka) leader(partition int32) *line {
	if k.leaders == nil {
		return nil
	}
	addr, ok := k.brokers[k.leaders[partition]]
	if !ok {
		k.stale = true
		return nil
	}
	l := k.line(addr)
	if l == nil {
		k.stale = true
	}
	return l
}

// kafkaPath is a producer's way by Kafka's protocol.
type kafkaPath struct{ *kafka }

func (k *kafkaPath) carrier(partition int32) carrier {
	if l := k.leader(partition); l != nil {
		return l
	}
	return nil
}

func (k *kafkaPath) failed(by carrier, timedOut bool) {
	by.(*line).close(errLine)
	k.stale = true
}

func (k *kafkaPath) refused() { k.stale = true }

// allocate is InitProducerId of an idempotent producer: any agent gives an id.
func (k *kafkaPath) allocate() int64 {
	l := k.anyLine()
	if l == nil {
		return batch.NoProducerID
	}
	r := kmsg.NewPtrInitProducerIDRequest()
	r.TransactionTimeoutMillis = 60_000
	r.ProducerID, r.ProducerEpoch = -1, -1
	got, err := exchangeOn[*kmsg.InitProducerIDResponse](l, r)
	switch {
	case err != nil:
		return batch.NoProducerID
	case got.ErrorCode != 0:
		k.c.retriable(k.p, "InitProducerId", got.ErrorCode)
		return batch.NoProducerID
	case got.ProducerEpoch != 0:
		k.c.audit.violated(CheckProtocol, "%s was given the new producer id %d in epoch %d", k.p.Name(), got.ProducerID, got.ProducerEpoch)
	}
	return got.ProducerID
}

func (l *line) to() string { return l.addr }

// send sends a Produce.
func (l *line) send(q *request) bool {
	if l.closed {
		return false
	}
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = q.acks, int32(requestTimeout/time.Millisecond)
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topicName, l.k.c.topic
	for _, b := range q.batches {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = b.Partition, slices.Clone(b.Bytes)
		t.Partitions = append(t.Partitions, p)
	}
	r.Topics = append(r.Topics, t)
	if q.acks == 0 {
		l.tell(r)
		return true
	}
	l.ask(r).OnDone(func(response kmsg.Response, err error) {
		if err != nil {
			q.answer.Set(nil, err)
			return
		}
		q.answer.Set(l.results(q, response.(*kmsg.ProduceResponse)), nil)
	})
	return true
}

// results reads an answer into the order of the request's batches.
func (l *line) results(q *request, got *kmsg.ProduceResponse) []ingest.Result {
	results := make([]ingest.Result, len(q.batches))
	for i, b := range q.batches {
		results[i] = ingest.Result{Kind: base.NotLeaderOrFollower}
		found := false
		for _, t := range got.Topics {
			for _, p := range t.Partitions {
				if p.Partition == b.Partition {
					found = true
					results[i] = ingest.Result{Kind: base.Kind(p.ErrorCode), Base: p.BaseOffset, LogStart: p.LogStartOffset}
				}
			}
		}
		if !found {
			l.k.c.audit.violated(CheckProtocol, "%v: no answer about partition %d in a Produce's", l, b.Partition)
		}
	}
	return results
}

// retriable notes an error that ends nothing, and a violation if it is one that clients do not try again.
func (c *Cluster) retriable(p *sim.Proc, what string, code int16) {
	err := kerr.ErrorForCode(code)
	c.w.Logf("%s: %v", what, err)
	if !kerr.IsRetriable(err) {
		c.audit.violated(CheckProtocol, "%s of %s was refused for good: %v", what, p.Name(), err)
	}
}

func hostPort(host string, port int32) string { return net.JoinHostPort(host, strconv.Itoa(int(port))) }
