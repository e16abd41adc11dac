package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// fetchWait is how long a consumer's Fetch waits for records.
const fetchWait = 500 * time.Millisecond

// session is a consumer's side of a fetch session on one connection.
type session struct {
	id, epoch int32
	asked     map[int32]int64 // by partition: the offset the agent knows of
}

// consumer reads partitions over Kafka's protocol, from the beginning, and now and then again.
type consumer struct {
	*kafka
	sessions bool
	next     []int64 // by partition; -1: unknown
}

func (c *Cluster) newConsumer(name string, sessions bool) *consumer {
	k := &consumer{kafka: c.newKafka(c.w.Proc(name)), sessions: sessions}
	for range c.options.Partitions {
		k.next = append(k.next, 0)
	}
	k.p.Go("consumer", k.run)
	return k
}

func (k *consumer) run() {
	for {
		k.p.Sleep(k.c.pause(time.Second))
		if !k.ready() {
			continue
		}
		i := int32(k.c.w.Uint64() % uint64(len(k.next)))
		switch draw := k.c.w.Uint64() % 40; {
		case draw == 0 && !k.c.quiet:
			k.next[i] = int64(k.c.w.Uint64() % uint64(1+k.next[i])) // seeks back
		case draw == 1:
			if l := k.leader(i); l != nil {
				k.latest(l, i)
			}
		default:
			k.poll(i)
		}
	}
}

// poll fetches all partitions of one partition's leader, or of any agent: it must serve them too.
func (k *consumer) poll(of int32) {
	l := k.leader(of)
	if l == nil {
		return
	}
	parts := map[int32]int64{}
	for i, next := range k.next {
		if k.leaders[i] == k.leaders[of] {
			parts[int32(i)] = next
		}
	}
	k.fetch(l, parts)
}

// caughtUp reports whether everything acknowledged was read.
func (k *consumer) caughtUp() bool {
	for i, next := range k.next {
		if next < k.c.audit.ackedEnd[i] {
			return false
		}
	}
	return true
}

// fetch asks for records from the offsets in parts, and takes in what comes.
func (k *consumer) fetch(l *line, parts map[int32]int64) {
	r := kmsg.NewPtrFetchRequest()
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes = int32(fetchWait/time.Millisecond), 1, 1<<20
	r.SessionEpoch = -1
	wants := maps.Clone(parts)
	if k.sessions && l.version(r) >= 7 {
		wants = l.session.wants(r, parts, k.c.topic)
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topicName, k.c.topic
	for _, i := range slices.Sorted(maps.Keys(wants)) {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = i, wants[i], int32(1+k.c.w.Uint64()%4096)
		t.Partitions = append(t.Partitions, p)
	}
	if len(t.Partitions) > 0 {
		r.Topics = append(r.Topics, t)
	}
	got, err := exchangeOn[*kmsg.FetchResponse](l, r)
	if err != nil {
		k.stale = true
		return
	}
	k.took(l, r, got, parts)
}

// wants puts a request into the session, and gives the partitions that have to be named: those whose offset is new.
func (s *session) wants(r *kmsg.FetchRequest, parts map[int32]int64, topic base.TopicID) map[int32]int64 {
	r.SessionID, r.SessionEpoch = s.id, s.epoch
	if s.epoch == 0 {
		s.asked = maps.Clone(parts)
		return parts
	}
	named := map[int32]int64{}
	t := kmsg.NewFetchRequestForgottenTopic()
	t.Topic, t.TopicID = topicName, topic
	for i, at := range parts {
		if known, ok := s.asked[i]; !ok || known != at {
			named[i] = at
		}
	}
	for _, i := range slices.Sorted(maps.Keys(s.asked)) {
		if _, ok := parts[i]; !ok {
			t.Partitions = append(t.Partitions, i)
		}
	}
	if len(t.Partitions) > 0 {
		r.ForgottenTopics = append(r.ForgottenTopics, t)
	}
	s.asked = maps.Clone(parts)
	return named
}

func (k *consumer) took(l *line, r *kmsg.FetchRequest, got *kmsg.FetchResponse, parts map[int32]int64) {
	if code := base.Kind(got.ErrorCode); code != base.OK {
		l.session = session{}
		if code != base.FetchSessionIDNotFound && code != base.InvalidFetchSessionEpoch {
			k.c.retriable(k.p, "Fetch", got.ErrorCode)
		}
		return
	}
	if r.SessionEpoch >= 0 {
		if l.session.id = got.SessionID; l.session.id != 0 {
			if l.session.epoch++; l.session.epoch > 1 {
				k.c.marks.Hit(FetchSession)
			}
		} else {
			l.session = session{}
		}
	}
	for _, t := range got.Topics {
		for i := range t.Partitions {
			k.partition(&t.Partitions[i], parts)
		}
	}
}

// partition takes in what is told of one partition.
func (k *consumer) partition(p *kmsg.FetchResponseTopicPartition, parts map[int32]int64) {
	at, ok := parts[p.Partition]
	if !ok {
		k.c.audit.violated(CheckProtocol, "%s was told of partition %d, of which it did not ask", k.p.Name(), p.Partition)
		return
	}
	switch code := base.Kind(p.ErrorCode); code {
	case base.OK:
	case base.OffsetOutOfRange:
		if at >= k.c.audit.gone[p.Partition] {
			k.c.audit.violated(CheckOutOfRange, "%s asked for %d/%d, which may not be deleted, and may hold no more than %d", k.p.Name(), p.Partition, at, k.c.audit.ackedEnd[p.Partition])
		}
		k.c.marks.Hit(FetchOutOfRange)
		k.earliest(p.Partition)
		return
	default:
		k.stale = true
		k.c.retriable(k.p, "Fetch", p.ErrorCode)
		return
	}
	if p.HighWatermark < at {
		k.c.audit.violated(CheckOffsetsBack, "%s asked for %d/%d and was answered that the log ends at %d", k.p.Name(), p.Partition, at, p.HighWatermark)
	}
	if next := k.records(p, at); k.next[p.Partition] == at {
		k.next[p.Partition] = next
	}
}

// records takes in the batches from offset at on, and gives the offset after them. The first batch may begin earlier; the
// last may be cut off.
func (k *consumer) records(p *kmsg.FetchResponseTopicPartition, at int64) int64 {
	next, first := at, true
	for rest := p.RecordBatches; len(rest) > 0; {
		var b batch.Batch
		var err error
		if b, rest, err = batch.Next(rest); err != nil || len(b) == 0 || b.ComputeCRC() != b.CRC() {
			k.c.audit.violated(CheckLostWrite, "%s reads damaged bytes at %d/%d: %v", k.p.Name(), p.Partition, next, err)
			return next
		}
		if last := b.BaseOffset() + int64(b.LastOffsetDelta()); last < at {
			k.c.audit.violated(CheckNonmonotonicPoll, "%s is at %d/%d and was given a batch that ends at %d", k.p.Name(), p.Partition, at, last)
			return at
		}
		it, err := batch.Iterate(b, 1<<20)
		if err != nil {
			k.c.audit.violated(CheckLostWrite, "%s reads damaged bytes at %d/%d: %v", k.p.Name(), p.Partition, next, err)
			return next
		}
		for last := int64(-1); it.Next(); last = it.Offset() {
			if it.Offset() < at && first && it.Offset() > last {
				continue // of the first batch what lies before is passed over
			}
			if !k.inOrder(p.Partition, at, next, it.Offset(), first) {
				return next
			}
			k.c.audit.polled[place{p.Partition, next}] = true
			k.c.audit.read(p.Partition, next, string(it.Record().Value))
			next++
		}
		first = false
	}
	if next > p.HighWatermark {
		k.c.audit.violated(CheckPhantom, "%s was given records up to %d/%d, beyond the high watermark %d", k.p.Name(), p.Partition, next-1, p.HighWatermark)
	}
	return next
}

// inOrder holds the offset of a record against the one that must come: want, in an answer to a Fetch from asked.
func (k *consumer) inOrder(partition int32, asked, want, offset int64, first bool) bool {
	check := ""
	switch {
	case offset == want:
		return true
	case want == asked && offset > want:
		check = CheckPollSkip
	case want == asked && !first:
		check = CheckNonmonotonicPoll
	case offset > want:
		check = CheckIntPollSkip
	default:
		check = CheckIntNonmonotonicPoll
	}
	k.c.audit.violated(check, "%s asked for %d/%d, and was given %d where %d must come", k.p.Name(), partition, asked, offset, want)
	return false
}

// Timestamps that mean ends of the log, in ListOffsets.
const (
	latestOffset   = -1
	earliestOffset = -2
)

// latest asks for the end of a partition: it lies behind all that was acknowledged before.
func (k *kafka) latest(l *line, partition int32) {
	before := k.c.audit.ackedEnd[partition]
	end, ok := k.list(l, partition, latestOffset)
	if ok && end < before {
		k.c.audit.violated(CheckStaleBarrier, "%s was told that partition %d ends at %d, offsets below %d had been acknowledged", k.p.Name(), partition, end, before)
	}
}

// earliest begins anew at the beginning of a partition.
func (k *consumer) earliest(partition int32) {
	l := k.leader(partition)
	if l == nil {
		return
	}
	start, ok := k.list(l, partition, earliestOffset)
	switch {
	case !ok:
	case start > k.c.audit.gone[partition]:
		k.c.audit.violated(CheckLogStart, "%s was told that partition %d starts at %d, records may be gone up to %d", k.p.Name(), partition, start, k.c.audit.gone[partition])
	default:
		k.next[partition] = start
	}
}

func (k *kafka) list(l *line, partition int32, timestamp int64) (offset int64, ok bool) {
	r := kmsg.NewPtrListOffsetsRequest()
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topicName
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, timestamp
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	got, err := exchangeOn[*kmsg.ListOffsetsResponse](l, r)
	if err != nil {
		k.stale = true
		return 0, false
	}
	if len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
		k.c.audit.violated(CheckProtocol, "%s: ListOffsets of one partition is answered about %d topics", k.p.Name(), len(got.Topics))
		return 0, false
	}
	if code := got.Topics[0].Partitions[0].ErrorCode; code != 0 {
		k.stale = true
		k.c.retriable(k.p, "ListOffsets", code)
		return 0, false
	}
	return got.Topics[0].Partitions[0].Offset, true
}
