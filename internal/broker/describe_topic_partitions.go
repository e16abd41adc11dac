package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// maxDescribedPartitions is Kafka's default of max.request.partition.size.limit.
const maxDescribedPartitions = 2000

// describeTopicPartitions answers DescribeTopicPartitions v0 (KIP-966): topics by name in order, page by page.
func describeTopicPartitions(q *query, r *kmsg.DescribeTopicPartitionsRequest) kmsg.Response {
	p := page{q: q, all: len(r.Topics) == 0, left: max(min(maxDescribedPartitions, r.ResponsePartitionLimit), 1),
		out: r.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)}
	var from string
	if r.Cursor != nil {
		if from = r.Cursor.Topic; r.Cursor.Partition < 0 || !p.all && !slices.ContainsFunc(r.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic == from }) {
			return p.refuse(r)
		}
	}
	names := p.names(r, from)
	p.err = q.certainly(func(v meta.View) bool {
		return slices.ContainsFunc(names, func(n string) bool { _, ok := v.Log.TopicByName(n); return !ok })
	})
	for _, name := range names {
		first := int32(0)
		if r.Cursor != nil && name == from {
			first = r.Cursor.Partition
		}
		if !p.add(name, first) {
			break
		}
	}
	return p.out
}

type page struct {
	q    *query
	all  bool
	left int32 // partitions that still fit
	err  error
	out  *kmsg.DescribeTopicPartitionsResponse
}

// refuse is the answer to a cursor that does not fit the request: there is no place for an error but in the topics.
func (p *page) refuse(r *kmsg.DescribeTopicPartitionsRequest) kmsg.Response {
	for i := range r.Topics {
		t := kmsg.NewDescribeTopicPartitionsResponseTopic()
		t.Topic, t.ErrorCode = &r.Topics[i].Topic, int16(base.InvalidRequest)
		p.out.Topics = append(p.out.Topics, t)
	}
	return p.out
}

// names lists what is asked for, from a name on, sorted, each once.
func (p *page) names(r *kmsg.DescribeTopicPartitionsRequest, from string) (names []string) {
	if p.all {
		p.q.view.Log.Topics(func(t *log.Topic) bool {
			names = append(names, t.Name)
			return true
		})
	}
	for _, t := range r.Topics {
		names = append(names, t.Topic)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n < from })
	slices.Sort(names)
	return slices.Compact(names)
}

// add appends a topic's partitions from first on, and reports false when the page is full.
func (p *page) add(name string, first int32) bool {
	a := kmsg.NewDescribeTopicPartitionsResponseTopic()
	a.Topic, a.IsInternal = &name, isInternal(name)
	topic, ok := p.q.view.Log.TopicByName(name)
	switch {
	case !p.q.allow(Describe, Topic, name):
		if p.all {
			return true
		}
		a.ErrorCode = int16(topicAuthorizationFailed)
	case ok:
		if p.left == 0 {
			p.next(name, first)
			return false
		}
		a.TopicID, a.AuthorizedOperations = topic.ID, p.q.operations(Topic, name)
		end, leader := min(topic.Partitions, first+p.left), p.q.leaders(topic.ID)
		for i := first; i < end; i++ {
			a.Partitions = append(a.Partitions, p.q.describePartition(topic, i, leader(i)))
		}
		p.left -= int32(len(a.Partitions))
		p.out.Topics = append(p.out.Topics, a)
		if end < topic.Partitions {
			p.next(name, end)
			return false
		}
		return true
	case log.ValidTopicName(name) != nil:
		a.ErrorCode = int16(base.InvalidTopicException)
	case p.err != nil:
		a.ErrorCode = int16(leaderNotAvailable)
	default:
		a.ErrorCode = int16(base.UnknownTopicOrPartition)
	}
	p.out.Topics = append(p.out.Topics, a)
	return true
}

func (p *page) next(topic string, partition int32) {
	p.out.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: topic, Partition: partition}
}

func (q *query) describePartition(t *log.Topic, index, leader int32) kmsg.DescribeTopicPartitionsResponseTopicPartition {
	p := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
	// Null lists of leaders to be are legal, and Kafka's own AdminClient fails on them.
	p.EligibleLeaderReplicas, p.LastKnownELR = []int32{}, []int32{}
	p.Partition, p.LeaderID, p.LeaderEpoch = index, leader, q.epoch(t, index)
	if p.LeaderID == noNode {
		p.ErrorCode = int16(leaderNotAvailable)
		return p
	}
	p.Replicas = []int32{p.LeaderID}
	p.ISR = p.Replicas
	return p
}
