package broker

import (
	"errors"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// produce answers Produce v3–13: validates every partition's batch and appends the good ones in one call. acks 1 and -1
// wait until the records are durable; acks 0 is never answered, and an error closes the connection.
func produce(q *query, request kmsg.Request) answer {
	r := request.(*kmsg.ProduceRequest)
	p := newProduction(q, r)
	switch {
	case r.TransactionID != nil:
		// Transactions are not served. The one error for this that no client retries.
		p.refuseAll(base.TransactionalIDAuthorization, "this version of Millrace does not serve transactions")
	case r.Acks < -1 || r.Acks > 1:
		p.refuseAll(base.InvalidRequiredAcks, "acks must be -1, 0 or 1")
	default:
		p.resolve()
		p.validate()
	}
	return p.append()
}

// produceTooOld answers v0–2, which Kafka 4 advertises but does not serve (KIP-896).
func produceTooOld(q *query, request kmsg.Request) answer {
	p := newProduction(q, request.(*kmsg.ProduceRequest))
	p.refuseAll(base.UnsupportedVersion, "")
	return p.append()
}

// production is one Produce on its way.
type production struct {
	q     *query
	r     *kmsg.ProduceRequest
	parts []part
	err   error // why topics could not be looked up
}

// part is what is produced to one partition. If a request names one twice, the later records count, as in Kafka.
type part struct {
	name    string
	id      base.TopicID
	index   int32
	records []byte
	topic   *log.Topic
	info    batch.Info
	bytes   batch.Batch // nil: refused

	answer kmsg.ProduceResponseTopicPartition
}

func newProduction(q *query, r *kmsg.ProduceRequest) *production {
	p := &production{q: q, r: r}
	type place struct {
		name  string
		id    base.TopicID
		index int32
	}
	at := map[place]int{}
	for _, t := range r.Topics {
		for _, partition := range t.Partitions {
			k := place{t.Topic, t.TopicID, partition.Partition}
			i, again := at[k]
			if !again {
				i = len(p.parts)
				at[k] = i
				p.parts = append(p.parts, part{name: k.name, id: k.id, index: k.index, answer: kmsg.NewProduceResponseTopicPartition()})
				p.parts[i].answer.Partition, p.parts[i].answer.BaseOffset = k.index, -1
			}
			p.parts[i].records = partition.Records
		}
	}
	return p
}

func (t *part) refuse(k base.Kind, text string) {
	t.bytes = nil
	t.answer.ErrorCode, t.answer.BaseOffset, t.answer.LogAppendTime = ofPartitions.code(k), -1, -1
	if text != "" {
		t.answer.ErrorMessage = &text
	}
}

func (p *production) refuseAll(k base.Kind, text string) {
	for i := range p.parts {
		p.parts[i].refuse(k, text)
	}
}

// byID: from version 13 on topics are named by id (KIP-516).
func (p *production) byID() bool { return p.r.Version >= 13 }

// resolve finds the topics, behind a barrier where one seems not to exist.
func (p *production) resolve() {
	p.err = p.q.certainly(func(v meta.View) (missing bool) {
		for i := range p.parts {
			t := &p.parts[i]
			if p.byID() {
				t.topic, _ = v.Log.TopicByID(t.id)
			} else {
				t.topic, _ = v.Log.TopicByName(t.name)
			}
			missing = missing || t.topic == nil || t.index >= t.topic.Partitions
		}
		return missing
	})
}

// validate checks the batches of all partitions.
func (p *production) validate() {
	for i := range p.parts {
		t := &p.parts[i]
		switch {
		case !p.q.allow(Write, Topic, t.topicName()):
			t.refuse(topicAuthorizationFailed, "")
		case p.err != nil && (t.topic == nil || t.index >= t.topic.Partitions):
			t.refuse(base.NotLeaderOrFollower, p.err.Error())
		case t.topic == nil && p.byID():
			t.refuse(base.UnknownTopicID, "")
		case t.topic == nil || t.index < 0 || t.index >= t.topic.Partitions:
			t.refuse(base.UnknownTopicOrPartition, "")
		default:
			p.validatePart(t)
		}
	}
}

func (t *part) topicName() string {
	if t.topic != nil {
		return t.topic.Name
	}
	return t.name
}

func (p *production) validatePart(t *part) {
	values := p.q.b.effective(t.topic)
	rules := batch.Rules{
		Partition:      partitionName(t.topic.Name, t.index),
		ProduceVersion: p.r.Version,
		MaxBytes:       int(values.MaxMessageBytes),
		Compacted:      values.Compact,
		AppendTime:     values.LogAppendTime,
		NowMs:          int64(p.q.b.Journal.Now()),
		BeforeMaxMs:    values.TimestampBeforeMaxMs,
		AfterMaxMs:     values.TimestampAfterMaxMs,
	}
	b, info, err := batch.Validate(t.records, &rules)
	switch {
	case err != nil:
		t.refuse(base.KindOf(err), err.Error())
		t.answer.ErrorRecords = errorRecords(err)
	case info.Attributes.Has(batch.Transactional):
		t.refuse(base.TransactionalIDAuthorization, "this version of Millrace does not serve transactions")
	default:
		t.bytes, t.info = b, info
		if values.LogAppendTime {
			t.answer.LogAppendTime = rules.NowMs
		}
	}
}

// errorRecords lists the records that a batch was refused for (KIP-467).
func errorRecords(err error) []kmsg.ProduceResponseTopicPartitionErrorRecord {
	var refused *batch.RecordsError
	if !errors.As(err, &refused) {
		return nil
	}
	list := make([]kmsg.ProduceResponseTopicPartitionErrorRecord, len(refused.Records))
	for i := range list {
		list[i].RelativeOffset, list[i].ErrorMessage = refused.Records[i].Index, &refused.Records[i].Text
	}
	return list
}

// append hands the good batches over; the answer comes when they are durable. The request's memory is held until the
// append is done, which may be later than the answer.
func (p *production) append() answer {
	var batches []ingest.Batch
	var parts []*part
	for i := range p.parts {
		if t := &p.parts[i]; t.bytes != nil {
			batches = append(batches, ingest.Batch{Topic: t.topic.ID, Partition: t.index, Bytes: t.bytes, Info: t.info})
			parts = append(parts, t)
		}
	}
	if len(batches) == 0 {
		return p.answer()
	}
	done := p.q.b.Ingest.Append(batches)
	p.letGo(batches)
	done.OnDone(func([]ingest.Result, error) { p.q.held() })
	q := p.q
	done.OnDone(func(results []ingest.Result, err error) {
		for i := range results {
			if results[i].Kind == base.OK && err == nil {
				q.b.config.Watch.Produced(batches[i].Topic, batches[i].Partition, results[i].Base, q.arrived)
			}
		}
	})
	return answer{later: func() answer {
		results, err := done.Wait(p.q.by(p.r.TimeoutMillis))
		for i, t := range parts {
			switch {
			case err != nil:
				t.refuse(base.KindOf(err), err.Error())
			case results[i].Kind == base.UnknownTopicOrPartition && p.byID():
				t.refuse(base.UnknownTopicID, "") // deleted meanwhile
			case results[i].Kind != base.OK:
				t.refuse(results[i].Kind, "")
			default:
				t.answer.BaseOffset, t.answer.LogStartOffset = results[i].Base, results[i].LogStart
			}
		}
		return p.answer()
	}}
}

// answer puts the partitions together as the client sent them.
func (p *production) answer() answer {
	if p.r.Acks == 0 {
		return answer{hangUp: p.failed()}
	}
	response := p.r.ResponseKind().(*kmsg.ProduceResponse)
	at := map[string]int{}
	for i := range p.parts {
		t := &p.parts[i]
		k := t.name + string(t.id[:])
		j, ok := at[k]
		if !ok {
			j = len(response.Topics)
			at[k] = j
			response.Topics = append(response.Topics, kmsg.ProduceResponseTopic{Topic: t.name, TopicID: t.id})
		}
		response.Topics[j].Partitions = append(response.Topics[j].Partitions, t.answer)
	}
	return answer{response: response}
}

// letGo drops the references to the request's bytes: ingest has them, and needs them for a shorter time than the answer
// takes.
func (p *production) letGo(batches []ingest.Batch) {
	for i := range batches {
		batches[i].Bytes = nil
	}
	for i := range p.parts {
		p.parts[i].records, p.parts[i].bytes = nil, nil
	}
	p.r.Topics = nil
}

func (p *production) failed() bool {
	for i := range p.parts {
		if p.parts[i].answer.ErrorCode != 0 {
			return true
		}
	}
	return false
}

// partitionName is how a partition is called in messages.
func partitionName(topic string, index int32) string {
	return topic + "-" + strconv.Itoa(int(index))
}
