package sim

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// observer asks any agent, also one that leads nothing, where logs end, what comes there, and how far the group has got, as
// tools do.
type observer struct{ *consumer }

func (c *Cluster) newObserver(name string) {
	o := &observer{&consumer{kafka: c.newKafka(c.w.Proc(name)), next: make([]int64, c.options.Partitions)}}
	o.p.Go("observer", o.run)
}

func (o *observer) run() {
	for {
		o.p.Sleep(o.c.w.Between(0, 3*time.Second))
		l := o.anyLine()
		if l == nil {
			continue
		}
		i := int32(o.c.w.Uint64() % uint64(o.c.options.Partitions))
		switch draw := o.c.w.Uint64() % 3; {
		case draw == 0:
			o.latest(l, i)
		case draw == 1:
			o.fetch(l, map[int32]int64{i: o.c.audit.ackedEnd[i]})
		case o.c.hasGroup():
			o.look(l)
		}
	}
}

// look holds what an agent says of the group against what was committed before.
func (o *observer) look(l *line) {
	var all []int32
	for i := range o.c.options.Partitions {
		all = append(all, int32(i))
	}
	before := slices.Clone(o.c.audit.commits)
	got, err := exchangeOn[*kmsg.OffsetFetchResponse](l, o.askOffsets(all))
	if err != nil {
		return
	}
	eachOffset(got, func(partition int32, offset int64, code int16) {
		if code == 0 {
			o.c.audit.fetched(o.p.Name(), partition, offset, before[partition])
		}
	})
}

// askOffsets makes an OffsetFetch of the members' group, for versions with one group and with several.
func (k *kafka) askOffsets(partitions []int32) *kmsg.OffsetFetchRequest {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Group = groupOfMembers
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic, t.Partitions = topicName, partitions
	r.Topics = append(r.Topics, t)
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = groupOfMembers
	gt := kmsg.NewOffsetFetchRequestGroupTopic()
	gt.Topic, gt.TopicID, gt.Partitions = topicName, k.c.topic, partitions
	g.Topics = append(g.Topics, gt)
	r.Groups = append(r.Groups, g)
	return r
}

// eachOffset gives the offsets in an answer, each with its error or that of the whole.
func eachOffset(got *kmsg.OffsetFetchResponse, f func(partition int32, offset int64, code int16)) {
	for _, t := range got.Topics {
		for _, p := range t.Partitions {
			f(p.Partition, p.Offset, max(got.ErrorCode, p.ErrorCode))
		}
	}
	for _, g := range got.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				f(p.Partition, p.Offset, max(g.ErrorCode, p.ErrorCode))
			}
		}
	}
}
