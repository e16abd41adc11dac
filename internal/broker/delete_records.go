package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// deleteRecords answers DeleteRecords v0–2 (KIP-107): offset -1 is the high watermark; at or below the log start there
// is nothing to do.
func deleteRecords(q *query, r *kmsg.DeleteRecordsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.DeleteRecordsResponse)
	err := q.certainly(func(v meta.View) (missing bool) {
		for _, t := range r.Topics {
			topic, ok := v.Log.TopicByName(t.Topic)
			for _, p := range t.Partitions {
				missing = missing || !ok || p.Partition >= topic.Partitions
			}
		}
		return missing
	})
	var waiting []func()
	response.Topics = make([]kmsg.DeleteRecordsResponseTopic, len(r.Topics))
	for i, t := range r.Topics {
		a := &response.Topics[i]
		a.Topic, a.Partitions = t.Topic, make([]kmsg.DeleteRecordsResponseTopicPartition, len(t.Partitions))
		for j, p := range t.Partitions {
			a.Partitions[j] = kmsg.DeleteRecordsResponseTopicPartition{Partition: p.Partition, LowWatermark: -1}
			verdict, kind := q.startDeletion(t.Topic, p, err)
			if kind != base.OK {
				a.Partitions[j].ErrorCode = ofPartitions.code(kind)
				continue
			}
			waiting = append(waiting, func() { finishDeletion(q, r, verdict, &a.Partitions[j]) })
		}
	}
	for _, wait := range waiting {
		wait()
	}
	return response
}

func (q *query) startDeletion(topic string, p kmsg.DeleteRecordsRequestTopicPartition, lookup error) (*env.Future[*meta.Verdict], base.Kind) {
	t, ok := q.view.Log.TopicByName(topic)
	switch {
	case !q.allow(Delete, Topic, topic):
		return nil, topicAuthorizationFailed
	case lookup != nil && (!ok || p.Partition >= t.Partitions):
		return nil, base.NotLeaderOrFollower
	case !ok || p.Partition < 0 || p.Partition >= t.Partitions:
		return nil, base.UnknownTopicOrPartition
	}
	return q.b.Journal.Propose(&log.DeleteRecords{ID: t.ID, Index: p.Partition, Offset: p.Offset}), base.OK
}

func finishDeletion(q *query, r *kmsg.DeleteRecordsRequest, verdict *env.Future[*meta.Verdict], a *kmsg.DeleteRecordsResponseTopicPartition) {
	v, err := verdict.Wait(q.by(r.TimeoutMillis))
	switch {
	case err != nil:
		a.ErrorCode = ofPartitions.codeOf(err)
	case v.Kind() != base.OK:
		a.ErrorCode = ofPartitions.code(v.Kind())
	default:
		a.LowWatermark = v.Log.Offset
	}
}
