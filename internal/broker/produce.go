package broker

import (
	"cmp"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/kafka/wire"
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
	q      *query
	r      *kmsg.ProduceRequest
	topics []topicName // distinct, as the client named them
	parts  []part      // as the client sent them, which is how their records lie in memory
	order  []placed    // of all parts, by topic and partition
	err    error       // why topics could not be looked up
}

// topicName is a topic as a client names it: by name, or, from version 13 on, by id.
type topicName struct {
	name string
	id   base.TopicID
}

// part is what is produced to one partition. If a request names one twice, the later records count, as in Kafka.
type part struct {
	at      int // of its topic among those of the production
	index   int32
	records []byte
	survey  batch.Survey // of records
	topic   *log.Topic
	info    batch.Info
	bytes   batch.Batch // nil: refused

	answer wire.ProducePartition
}

func newProduction(q *query, r *kmsg.ProduceRequest) *production {
	p := &production{q: q, r: r}
	count := 0
	for i := range r.Topics {
		count += len(r.Topics[i].Partitions)
	}
	p.parts = make([]part, 0, count)
	topics := make(map[topicName]int, len(r.Topics))
	for i := range r.Topics {
		t := &r.Topics[i]
		name := topicName{t.Topic, t.TopicID}
		at, again := topics[name]
		if !again {
			at = len(p.topics)
			topics[name] = at
			p.topics = append(p.topics, name)
		}
		for j := range t.Partitions {
			x := &t.Partitions[j]
			p.parts = append(p.parts, part{at: at, index: x.Partition, records: x.Records, survey: q.frame.surveyOf(len(p.parts), x.Records),
				answer: wire.ProducePartition{Partition: x.Partition, BaseOffset: -1, LogAppendTime: -1, LogStartOffset: -1}})
		}
	}
	q.frame.surveys = nil // they are handed out
	p.sort()
	return p
}

// placed is where among the parts that of a topic and a partition is.
type placed struct {
	key  uint64 // of the topic among those of the production, and the partition
	part int
}

// sort finds the order of partitions, and leaves one part of each.
func (p *production) sort() {
	p.order = make([]placed, len(p.parts))
	ascend := true
	for i := range p.parts {
		p.order[i] = placed{uint64(p.parts[i].at)<<32 | uint64(uint32(p.parts[i].index)), i}
		ascend = ascend && (i == 0 || p.order[i-1].key < p.order[i].key)
	}
	if ascend {
		return
	}
	slices.SortFunc(p.order, func(a, b placed) int {
		if a.key != b.key { // cmp.Or alone takes three times as long
			return cmp.Compare(a.key, b.key)
		}
		return a.part - b.part
	})
	if p.distinct() {
		p.sort()
	}
}

// distinct leaves one part of each partition, in the place of its first and with the records of its last, and reports whether there
// were others.
func (p *production) distinct() (others bool) {
	drop := make([]bool, len(p.parts))
	first := 0 // in order: of the partition
	for i := 1; i < len(p.order); i++ {
		if p.order[i].key != p.order[first].key {
			first = i
			continue
		}
		into, from := &p.parts[p.order[first].part], &p.parts[p.order[i].part]
		into.records, into.survey = from.records, from.survey
		drop[p.order[i].part], others = true, true
	}
	if !others {
		return false
	}
	kept := p.parts[:0]
	for i := range p.parts {
		if !drop[i] {
			kept = append(kept, p.parts[i])
		}
	}
	clear(p.parts[len(kept):])
	p.parts = kept
	return true
}

func (t *part) refuse(k base.Kind, text string, records ...wire.RefusedRecord) {
	t.bytes = nil
	t.answer.ErrorCode, t.answer.BaseOffset, t.answer.LogAppendTime = ofPartitions.code(k), -1, -1
	if text != "" {
		t.answer.Refusal = &wire.ProduceRefusal{Text: &text, Records: records}
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
		found := make([]*log.Topic, len(p.topics))
		for i, t := range p.topics {
			if p.byID() {
				found[i], _ = v.Log.TopicByID(t.id)
			} else {
				found[i], _ = v.Log.TopicByName(t.name)
			}
		}
		for i := range p.parts {
			t := &p.parts[i]
			t.topic = found[t.at]
			missing = missing || t.topic == nil || t.index >= t.topic.Partitions
		}
		return missing
	})
}

// validate checks the batches of all partitions, which come topic by topic.
func (p *production) validate() {
	var rules batch.Rules
	allowed, at := false, -1
	for i := range p.parts {
		t := &p.parts[i]
		if t.at != at {
			at = t.at
			allowed, rules = p.q.allow(Write, Topic, p.nameOf(t)), p.rules(t.topic)
		}
		switch {
		case !allowed:
			t.refuse(topicAuthorizationFailed, "")
		case p.err != nil && (t.topic == nil || t.index >= t.topic.Partitions):
			t.refuse(base.NotLeaderOrFollower, p.err.Error())
		case t.topic == nil && p.byID():
			t.refuse(base.UnknownTopicID, "")
		case t.topic == nil || t.index < 0 || t.index >= t.topic.Partitions:
			t.refuse(base.UnknownTopicOrPartition, "")
		default:
			rules.Partition = t.index
			t.validate(&rules)
		}
	}
}

func (p *production) nameOf(t *part) string {
	if t.topic != nil {
		return t.topic.Name
	}
	return p.topics[t.at].name
}

// rules are those of a topic's batches; topic may be nil.
func (p *production) rules(topic *log.Topic) batch.Rules {
	if topic == nil {
		return batch.Rules{}
	}
	values := p.q.b.effective(topic)
	return batch.Rules{
		Topic:          topic.Name,
		ProduceVersion: p.r.Version,
		MaxBytes:       int(values.MaxMessageBytes),
		Compacted:      values.Compact,
		AppendTime:     values.LogAppendTime,
		NowMs:          int64(p.q.b.Journal.Now()),
		BeforeMaxMs:    values.TimestampBeforeMaxMs,
		AfterMaxMs:     values.TimestampAfterMaxMs,
	}
}

func (t *part) validate(rules *batch.Rules) {
	b, info, err := batch.ValidateSurveyed(t.records, t.survey, rules)
	switch {
	case err != nil:
		t.refuse(base.KindOf(err), err.Error(), refusedRecords(err)...)
	case info.Attributes.Has(batch.Transactional):
		t.refuse(base.TransactionalIDAuthorization, "this version of Millrace does not serve transactions")
	default:
		t.bytes, t.info = b, info
		if rules.AppendTime {
			t.answer.LogAppendTime = rules.NowMs
		}
	}
}

// refusedRecords lists the records that a batch was refused for.
func refusedRecords(err error) []wire.RefusedRecord {
	var refused *batch.RecordsError
	if !errors.As(err, &refused) {
		return nil
	}
	list := make([]wire.RefusedRecord, len(refused.Records))
	for i, r := range refused.Records {
		list[i] = wire.RefusedRecord{Index: r.Index, Text: r.Text}
	}
	return list
}

// append hands the good batches over, in the order of partitions: clients that keep these in a map send them in none, and the rooms
// below look thousands up sooner one after another. The answer comes when they are durable. The request's memory is held until the
// append is done, which may be later than the answer.
func (p *production) append() answer {
	batches, parts := make([]ingest.Batch, 0, len(p.parts)), make([]*part, 0, len(p.parts))
	for _, at := range p.order {
		if t := &p.parts[at.part]; t.bytes != nil {
			batches = append(batches, ingest.Batch{Topic: t.topic.ID, Partition: t.index, Bytes: t.bytes, Info: t.info})
			parts = append(parts, t)
		}
	}
	if len(batches) == 0 {
		a := p.answer()
		a.release = p.q.spend
		return a
	}
	p.q.handedOn = true
	done := p.q.b.Ingest.Append(batches)
	p.letGo(batches)
	q := p.q
	done.OnDone(func([]ingest.Result, error) { q.spend() })
	if plant.LeftOut(plant.FramesHeld) {
		q.spend()
	}
	done.OnDone(func(results []ingest.Result, err error) {
		if err == nil {
			q.b.config.Watch.Produced(q.arrived, batches, results)
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
	counts := make([]int, len(p.topics))
	for i := range p.parts {
		counts[p.parts[i].at]++
	}
	topics := make([]wire.ProduceTopic, len(p.topics))
	for i, t := range p.topics {
		topics[i] = wire.ProduceTopic{Topic: t.name, TopicID: t.id, Partitions: make([]wire.ProducePartition, 0, counts[i])}
	}
	var codes []int16
	for i := range p.parts {
		t := &topics[p.parts[i].at]
		t.Partitions = append(t.Partitions, p.parts[i].answer)
		if code := p.parts[i].answer.ErrorCode; code != 0 {
			codes = append(codes, code)
		}
	}
	topics = slices.DeleteFunc(topics, func(t wire.ProduceTopic) bool { return len(t.Partitions) == 0 })
	response := wire.ProduceResponse{CorrelationID: p.q.header.CorrelationID, Version: p.q.header.Version, Topics: topics}
	return answer{raw: piece.List{piece.Of(wire.EncodeProduceResponse(&response))}, codes: codes}
}

// letGo drops the references to the request's bytes: ingest has them, and may need them for a shorter time than the answer
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
