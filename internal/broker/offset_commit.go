package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// offsetCommit answers OffsetCommit v2–10. A client that is told to look for the coordinator commits the same once more
// (librdkafka by itself). It may have sent its next commit behind this one already: were that one taken, the repeat would
// take the group back. So the connection ends with such an answer, and the client repeats both. (It also repeats what it
// is told UNKNOWN_TOPIC_OR_PARTITION for; that stays so.)
func offsetCommit(q *query, request kmsg.Request) answer {
	response := commitOffsets(q, request.(*kmsg.OffsetCommitRequest))
	repeated := slices.ContainsFunc(response.Topics, func(t kmsg.OffsetCommitResponseTopic) bool {
		return slices.ContainsFunc(t.Partitions, func(p kmsg.OffsetCommitResponseTopicPartition) bool {
			return p.ErrorCode == ofGroups.code(base.CoordinatorNotAvailable)
		})
	})
	return answer{response: response, last: repeated}
}

// commitOffsets commits by topic id from v10 on. Partitions that do not exist are refused here; the rest is one command.
func commitOffsets(q *query, r *kmsg.OffsetCommitRequest) *kmsg.OffsetCommitResponse {
	response := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	commit := newCommit(r, q.view.Slot)
	lookup := q.certainly(func(v meta.View) bool { return namesUnknown(v, r) })
	var committed []*kmsg.OffsetCommitResponseTopicPartition
	access := q.check(Read, Group, r.Group)
	response.Topics = make([]kmsg.OffsetCommitResponseTopic, len(r.Topics))
	for i := range r.Topics {
		t, a := &r.Topics[i], &response.Topics[i]
		a.Topic, a.TopicID, a.Partitions = t.Topic, t.TopicID, make([]kmsg.OffsetCommitResponseTopicPartition, len(t.Partitions))
		topic, _ := committedTopic(q.view, r, t)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			a.Partitions[j].Partition = p.Partition
			kind := access
			if kind == base.OK {
				kind = q.committable(r, t, topic, p.Partition, lookup)
			}
			if a.Partitions[j].ErrorCode = ofGroups.code(kind); kind == base.OK {
				commit.Partitions = append(commit.Partitions, commitPartition(r, topic, p))
				committed = append(committed, &a.Partitions[j])
			}
		}
	}
	if len(committed) == 0 {
		return response
	}
	reply := q.ask(commit)
	for i, p := range committed {
		if p.ErrorCode = ofGroups.code(reply.Kind); reply.Kind == base.OK {
			p.ErrorCode = ofGroups.code(reply.Part(i))
		}
	}
	return response
}

// newCommit is the command of a request, without its partitions.
func newCommit(r *kmsg.OffsetCommitRequest, since base.Slot) *group.OffsetCommit {
	c := &group.OffsetCommit{Group: r.Group, MemberID: r.MemberID, InstanceID: r.InstanceID, Generation: r.Generation,
		RetentionMs: -1, APIVersion: r.Version, Since: since}
	if r.Version <= 4 {
		c.RetentionMs = r.RetentionTimeMillis
	}
	return c
}

// namesUnknown reports whether a view lacks a partition that the request names.
func namesUnknown(v meta.View, r *kmsg.OffsetCommitRequest) bool {
	return slices.ContainsFunc(r.Topics, func(named kmsg.OffsetCommitRequestTopic) bool {
		t, ok := committedTopic(v, r, &named)
		return slices.ContainsFunc(named.Partitions, func(p kmsg.OffsetCommitRequestTopicPartition) bool { return !ok || p.Partition >= t.Partitions })
	})
}

func committedTopic(v meta.View, r *kmsg.OffsetCommitRequest, t *kmsg.OffsetCommitRequestTopic) (*log.Topic, bool) {
	if r.Version >= 10 {
		return v.Log.TopicByID(t.TopicID)
	}
	return v.Log.TopicByName(t.Topic)
}

// committable is base.OK if an offset of the partition may be committed. lookup is why nothing certain is known; then
// nothing is committed, as a client that is refused a part may repeat that part behind its next commit.
func (q *query) committable(r *kmsg.OffsetCommitRequest, t *kmsg.OffsetCommitRequestTopic, topic *log.Topic, index int32, lookup error) base.Kind {
	name := t.Topic
	if topic != nil {
		name = topic.Name
	}
	switch {
	case name != "" && !q.allow(Read, Topic, name):
		return topicAuthorizationFailed
	case lookup != nil:
		return base.CoordinatorNotAvailable
	case topic == nil && r.Version >= 10:
		return base.UnknownTopicID
	case topic == nil || index < 0 || index >= topic.Partitions:
		return base.UnknownTopicOrPartition
	}
	return base.OK
}

func commitPartition(r *kmsg.OffsetCommitRequest, topic *log.Topic, p *kmsg.OffsetCommitRequestTopicPartition) group.CommitPartition {
	c := group.CommitPartition{Topic: topic.ID, Partition: p.Partition, Offset: p.Offset, LeaderEpoch: -1}
	if r.Version >= 6 {
		c.LeaderEpoch = p.LeaderEpoch
	}
	if p.Metadata != nil {
		c.Metadata = *p.Metadata
	}
	return c
}
