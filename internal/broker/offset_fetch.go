package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// offsetFetch answers OffsetFetch v1–10: one group up to v7, several from v8 on (KIP-709), by topic id from v10 on. It is
// read behind a barrier: a consumer must not start before what it committed. A group that does not exist has no offsets,
// which is no error.
func offsetFetch(q *query, r *kmsg.OffsetFetchRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.OffsetFetchResponse)
	var err error
	if !plant.LeftOut(plant.BarrierOfOffsets) {
		err = q.refresh()
	}
	if r.Version < 8 {
		g := kmsg.OffsetFetchRequestGroup{Group: r.Group}
		if r.Topics != nil {
			g.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, len(r.Topics))
		}
		for i, t := range r.Topics {
			g.Topics[i] = kmsg.OffsetFetchRequestGroupTopic{Topic: t.Topic, Partitions: t.Partitions}
		}
		return oneGroup(r, response, g, q.offsets(r.Version, &g, err))
	}
	for i := range r.Groups {
		response.Groups = append(response.Groups, q.offsets(r.Version, &r.Groups[i], err))
	}
	return response
}

// oneGroup is the answer in the layout up to v7. In v1 there is no error of the whole: every partition has it.
func oneGroup(r *kmsg.OffsetFetchRequest, response *kmsg.OffsetFetchResponse, g kmsg.OffsetFetchRequestGroup, a kmsg.OffsetFetchResponseGroup) kmsg.Response {
	response.ErrorCode = a.ErrorCode
	if a.ErrorCode != 0 && r.Version < 2 {
		for _, t := range g.Topics {
			a.Topics = append(a.Topics, noOffsets(&t, a.ErrorCode))
		}
	}
	for _, t := range a.Topics {
		topic := kmsg.OffsetFetchResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, kmsg.OffsetFetchResponseTopicPartition(p))
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

// offsets answers for one group; null topics are all that it has offsets of.
func (q *query) offsets(version int16, r *kmsg.OffsetFetchRequestGroup, err error) kmsg.OffsetFetchResponseGroup {
	a := kmsg.NewOffsetFetchResponseGroup()
	a.Group = r.Group
	switch kind := q.check(Describe, Group, r.Group); {
	case kind != base.OK:
		a.ErrorCode = int16(kind)
		return a
	case err != nil:
		a.ErrorCode = int16(base.CoordinatorNotAvailable)
		return a
	}
	g := q.view.Groups.Get(r.Group)
	if r.Topics == nil {
		a.Topics = q.allOffsets(g)
		return a
	}
	for i := range r.Topics {
		a.Topics = append(a.Topics, q.topicOffsets(version, g, &r.Topics[i]))
	}
	return a
}

func (q *query) topicOffsets(version int16, g *group.Group, t *kmsg.OffsetFetchRequestGroupTopic) kmsg.OffsetFetchResponseGroupTopic {
	var topic *log.Topic
	name := t.Topic
	if version >= 10 {
		if topic, _ = q.view.Log.TopicByID(t.TopicID); topic == nil {
			return noOffsets(t, int16(base.UnknownTopicID))
		}
		name = topic.Name
	} else {
		topic, _ = q.view.Log.TopicByName(name)
	}
	if !q.allow(Describe, Topic, name) {
		return noOffsets(t, int16(topicAuthorizationFailed))
	}
	a := noOffsets(t, 0)
	for i := range a.Partitions {
		if topic == nil {
			break // its offsets went with it
		}
		if o, ok := g.Offset(topic.ID, a.Partitions[i].Partition); ok {
			a.Partitions[i] = committedOffset(a.Partitions[i].Partition, o)
		}
	}
	return a
}

func noOffsets(t *kmsg.OffsetFetchRequestGroupTopic, code int16) kmsg.OffsetFetchResponseGroupTopic {
	a := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic, TopicID: t.TopicID}
	for _, p := range t.Partitions {
		a.Partitions = append(a.Partitions, kmsg.OffsetFetchResponseGroupTopicPartition{
			Partition: p, Offset: -1, LeaderEpoch: -1, Metadata: new(string), ErrorCode: code})
	}
	return a
}

func committedOffset(partition int32, o group.Offset) kmsg.OffsetFetchResponseGroupTopicPartition {
	return kmsg.OffsetFetchResponseGroupTopicPartition{Partition: partition, Offset: o.Offset, LeaderEpoch: o.LeaderEpoch, Metadata: &o.Metadata}
}

// allOffsets lists what a group has committed, of topics that the client may see.
func (q *query) allOffsets(g *group.Group) []kmsg.OffsetFetchResponseGroupTopic {
	list := []kmsg.OffsetFetchResponseGroupTopic{}
	for o := range g.Offsets() {
		t, ok := q.view.Log.TopicByID(o.Topic)
		if !ok || !q.allow(Describe, Topic, t.Name) {
			continue
		}
		if n := len(list); n == 0 || list[n-1].TopicID != t.ID {
			list = append(list, kmsg.OffsetFetchResponseGroupTopic{Topic: t.Name, TopicID: t.ID})
		}
		last := &list[len(list)-1]
		last.Partitions = append(last.Partitions, committedOffset(o.Partition, o.Offset))
	}
	return list
}
