package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// offsetForLeaderEpoch answers OffsetForLeaderEpoch v2–4 (KIP-101, KIP-320). A partition's leader epoch is 1 for its
// life, so an epoch either is the current one, which ends at the end of the log, or was never there: -1 and -1.
func offsetForLeaderEpoch(q *query, r *kmsg.OffsetForLeaderEpochRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	err := q.refresh() // the end of the log must not lag, and nearly all other answers are negative
	for i := range r.Topics {
		t := &r.Topics[i]
		answers := kmsg.NewOffsetForLeaderEpochResponseTopic()
		answers.Topic = t.Topic
		for _, p := range t.Partitions {
			a := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			a.Partition, a.LeaderEpoch, a.EndOffset = p.Partition, -1, -1
			switch {
			case !q.allow(Describe, Topic, t.Topic):
				a.ErrorCode = int16(topicAuthorizationFailed)
			case err != nil:
				a.ErrorCode = int16(base.NotLeaderOrFollower)
			default:
				epochEnd(q.view, t.Topic, &p, &a)
			}
			answers.Partitions = append(answers.Partitions, a)
		}
		response.Topics = append(response.Topics, answers)
	}
	return response
}

func epochEnd(v meta.View, topic string, p *kmsg.OffsetForLeaderEpochRequestTopicPartition, a *kmsg.OffsetForLeaderEpochResponseTopicPartition) {
	part, kind := partitionAt(v, topic, p.Partition, p.CurrentLeaderEpoch)
	a.ErrorCode = int16(kind)
	if kind != base.OK || p.LeaderEpoch != part.Epoch {
		return
	}
	a.LeaderEpoch, a.EndOffset = part.Epoch, part.End
}

// partitionAt finds a partition and holds the leader epoch that a client believes to be current against it; -1 is none.
func partitionAt(v meta.View, topic string, index, epoch int32) (*log.Partition, base.Kind) {
	t, ok := v.Log.TopicByName(topic)
	if !ok {
		return nil, base.UnknownTopicOrPartition
	}
	_, part, ok := v.Log.PartitionOf(t.ID, index)
	switch {
	case !ok:
		return nil, base.UnknownTopicOrPartition
	case epoch >= 0 && epoch < part.Epoch:
		return nil, base.FencedLeaderEpoch
	case epoch > part.Epoch:
		return nil, base.UnknownLeaderEpoch
	}
	return part, base.OK
}
