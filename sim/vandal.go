package sim

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// vandal is a client that sends what no agent may take: damaged batches, and requests that end in the middle.
type vandal struct {
	*kafka
	who  string
	sent int
}

func (c *Cluster) newVandal(name string) *vandal {
	c.lives++
	v := &vandal{kafka: c.newKafka(c.w.Proc(name)), who: fmt.Sprintf("%s.%d", name, c.lives)}
	v.p.Go("vandal", v.run)
	return v
}

func (v *vandal) run() {
	for {
		v.p.Sleep(v.c.pause(6 * time.Second))
		if l := v.anyLine(); l == nil || v.c.quiet {
			continue
		} else if v.c.w.Uint64()%2 == 0 {
			v.hangUp(l)
		} else {
			v.spoil(l)
		}
	}
}

// hangUp sends the beginning of a request and closes the connection.
func (v *vandal) hangUp(l *line) {
	v.c.marks.Hit(ClientHungUp)
	r := kmsg.NewPtrMetadataRequest()
	r.SetVersion(l.version(r))
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(v.p.Name())).AppendRequest(nil, r, 1)
	_, _ = l.net.Write(frame[:1+v.c.w.Uint64()%uint64(len(frame)-1)])
	l.close(errLine)
}

// crcAt is where the checksum of a batch lies, 4 bytes of it.
const crcAt = 17

// spoil sends a batch with one bit of its checksum flipped.
func (v *vandal) spoil(l *line) {
	v.c.marks.Hit(ClientRubbish)
	v.sent++
	value := fmt.Sprintf("%s/0/%d", v.who, v.sent)
	v.c.audit.refusedForGood([]string{value})
	b := batch.Plain(0).Build(batch.NewRecord{Timestamp: v.c.bucket.now().UnixMilli(), Value: []byte(value)})
	b[crcAt+v.c.w.Uint64()%4] ^= 1 << (v.c.w.Uint64() % 8)
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, int32(requestTimeout/time.Millisecond)
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topicName, v.c.topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = b
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	got, err := exchangeOn[*kmsg.ProduceResponse](l, r)
	if err != nil || len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
		return
	}
	switch code := base.Kind(got.Topics[0].Partitions[0].ErrorCode); code {
	case base.CorruptMessage:
		v.c.marks.Hit(RubbishRefused)
	case base.OK:
		v.c.audit.violated(CheckG1a, "a damaged batch was acknowledged to %s", v.p.Name())
	default:
		v.c.w.Logf("damaged batch: %v", code)
	}
}
