package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Timestamps that stand for places in the log (KIP-79, KIP-734, KIP-405, KIP-1005, KIP-1023).
const (
	latest          = -1
	earliest        = -2
	maxTimestamp    = -3
	earliestLocal   = -4
	latestTiered    = -5
	earliestPending = -6
)

// timestampSince is the version of ListOffsets that first has each of them.
var timestampSince = map[int64]int16{latest: 1, earliest: 1, maxTimestamp: 7, earliestLocal: 8, latestTiered: 9, earliestPending: 11}

// listOffsets answers ListOffsets v1–11. The end of the log is read behind a barrier, so that it holds everything that
// was acknowledged before the request.
func listOffsets(q *query, r *kmsg.ListOffsetsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.ListOffsetsResponse)
	err := q.certainly(func(v meta.View) bool { return needsFresh(v, r) && !plant.LeftOut(plant.BarrierOfLatest) })
	twice := duplicates(r)
	for _, t := range r.Topics {
		answers := kmsg.ListOffsetsResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			a := kmsg.NewListOffsetsResponseTopicPartition()
			a.Partition = p.Partition
			if kind := q.listOffset(r, t.Topic, &p, err, twice[place{t.Topic, p.Partition}], &a); kind != base.OK {
				a.ErrorCode, a.Offset, a.Timestamp, a.LeaderEpoch = ofPartitions.code(kind), -1, -1, -1
			}
			answers.Partitions = append(answers.Partitions, a)
		}
		response.Topics = append(response.Topics, answers)
	}
	return response
}

// place names a partition in a request.
type place struct {
	topic string
	index int32
}

func duplicates(r *kmsg.ListOffsetsRequest) map[place]bool {
	seen := map[place]bool{}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			k := place{t.Topic, p.Partition}
			_, again := seen[k]
			seen[k] = again
		}
	}
	return seen
}

// needsFresh: the answer is one that must not lag. The earliest offset is the only one that may.
func needsFresh(v meta.View, r *kmsg.ListOffsetsRequest) bool {
	for _, t := range r.Topics {
		topic, ok := v.Log.TopicByName(t.Topic)
		for _, p := range t.Partitions {
			if !ok || p.Partition >= topic.Partitions || p.Timestamp != earliest && p.Timestamp != earliestLocal || p.CurrentLeaderEpoch > epochOf(v, topic, p.Partition) {
				return true
			}
		}
	}
	return false
}

func epochOf(v meta.View, t *log.Topic, index int32) int32 {
	if p, ok := v.Log.Partition(base.KeyOf(t.Number, index)); ok {
		return p.Epoch
	}
	return -1
}

// listOffset fills a with the answer for one partition.
func (q *query) listOffset(r *kmsg.ListOffsetsRequest, name string, p *kmsg.ListOffsetsRequestTopicPartition, fresh error, twice bool, a *kmsg.ListOffsetsResponseTopicPartition) base.Kind {
	since, special := timestampSince[p.Timestamp]
	topic, known := q.view.Log.TopicByName(name)
	switch {
	case !q.allow(Describe, Topic, name):
		return topicAuthorizationFailed
	case twice:
		return base.InvalidRequest
	case p.Timestamp < 0 && (!special || r.Version < since):
		return base.UnsupportedVersion
	case fresh != nil:
		return base.NotLeaderOrFollower
	case !known:
		return base.UnknownTopicOrPartition
	}
	_, part, ok := q.view.Log.PartitionOf(topic.ID, p.Partition)
	switch {
	case !ok:
		return base.UnknownTopicOrPartition
	case r.Version >= 4 && p.CurrentLeaderEpoch >= 0 && p.CurrentLeaderEpoch < part.Epoch:
		return base.FencedLeaderEpoch
	case r.Version >= 4 && p.CurrentLeaderEpoch > part.Epoch:
		return base.UnknownLeaderEpoch
	}
	return q.offsetAt(r, topic.ID, p, part, a)
}

func (q *query) offsetAt(r *kmsg.ListOffsetsRequest, id base.TopicID, p *kmsg.ListOffsetsRequestTopicPartition, part *log.Partition, a *kmsg.ListOffsetsResponseTopicPartition) base.Kind {
	a.Timestamp, a.Offset = -1, -1
	switch p.Timestamp {
	case latest:
		a.Offset = part.End
	case earliest, earliestLocal:
		a.Offset = part.Start
	case latestTiered, earliestPending:
		return base.OK // there is no tier below the bucket
	default:
		offset, at, err := q.b.Fetch.AtTime(q.view, id, p.Partition, p.Timestamp, p.Timestamp == maxTimestamp, q.by(r.TimeoutMillis))
		if err != nil {
			return base.KindOf(err)
		}
		a.Offset, a.Timestamp = offset, at
	}
	if a.Offset >= 0 {
		a.LeaderEpoch = part.Epoch
	}
	return base.OK
}
