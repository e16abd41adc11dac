package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// offsetDelete answers OffsetDelete v0 (KIP-496).
func offsetDelete(q *query, r *kmsg.OffsetDeleteRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.OffsetDeleteResponse)
	if kind := q.check(Delete, Group, r.Group); kind != base.OK {
		response.ErrorCode = int16(kind)
		return response
	}
	err := q.certainly(func(v meta.View) (missing bool) {
		for _, t := range r.Topics {
			topic, ok := v.Log.TopicByName(t.Topic)
			for _, p := range t.Partitions {
				missing = missing || !ok || p.Partition >= topic.Partitions
			}
		}
		return missing
	})
	if err != nil {
		response.ErrorCode = ofGroups.codeOf(err)
		return response
	}
	op := &group.OffsetDelete{Group: r.Group}
	topics := make([]kmsg.OffsetDeleteResponseTopic, len(r.Topics))
	var asked []*kmsg.OffsetDeleteResponseTopicPartition
	for i, t := range r.Topics {
		topics[i].Topic, topics[i].Partitions = t.Topic, make([]kmsg.OffsetDeleteResponseTopicPartition, len(t.Partitions))
		topic, ok := q.view.Log.TopicByName(t.Topic)
		for j, p := range t.Partitions {
			a := &topics[i].Partitions[j]
			switch a.Partition = p.Partition; {
			case !q.allow(Read, Topic, t.Topic):
				a.ErrorCode = int16(topicAuthorizationFailed)
			case !ok || p.Partition < 0 || p.Partition >= topic.Partitions:
				a.ErrorCode = int16(base.UnknownTopicOrPartition)
			default:
				op.Partitions = append(op.Partitions, group.DeletePartition{Topic: topic.ID, TopicName: t.Topic, Partition: p.Partition})
				asked = append(asked, a)
			}
		}
	}
	reply := q.ask(op)
	if reply.Kind != base.OK {
		response.ErrorCode = ofGroups.code(reply.Kind)
		return response
	}
	for i, a := range asked {
		a.ErrorCode = ofGroups.code(reply.Part(i))
	}
	response.Topics = topics
	return response
}
