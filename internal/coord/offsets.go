package coord

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

const (
	// offsetsEvery is how often offsets are looked through for those past their retention: Kafka's default of
	// offsets.retention.check.interval.ms.
	offsetsEvery = 10 * time.Minute
	// expireOffsetsAtOnce bounds the groups that one look proposes to clear; the rest comes with the next.
	expireOffsetsAtOnce = 1000
)

// expireOffsets clears groups of the offsets that are past their retention, now and then. It asks the journal only for
// groups that have some by the View.
func (c *Coord) expireOffsets() {
	for c.stop.Sleep(offsetsEvery) {
		v, self := c.journal.View(), c.journal.Self()
		if self == 0 || !isFirst(v, self, max(c.journal.Now(), v.Time)) {
			continue
		}
		for _, q := range c.expirable(v) {
			c.propose(q, ignore)
		}
	}
}

// isFirst reports whether an agent has been in the cluster longest of those taken to be alive.
func isFirst(v meta.View, self base.Incarnation, now base.Millis) bool {
	for _, a := range v.Admin.Agents() {
		if serves(v, a.Incarnation, self, now) {
			return a.Incarnation == self
		}
	}
	return false
}

// expirable lists the commands that would remove offsets by this View.
func (c *Coord) expirable(v meta.View) (list []*group.ExpireOffsets) {
	for g := range v.Groups.Groups() {
		if len(list) == expireOffsetsAtOnce {
			break
		}
		q := &group.ExpireOffsets{Group: g.Name, Topics: topicsOf(v, g)}
		if events, _ := c.judge(v, q); len(events) > 0 {
			list = append(list, q)
		}
	}
	return list
}

// topicsOf names the topics that a group with members has offsets of.
func topicsOf(v meta.View, g *group.Group) (list []group.TopicName) {
	if g.Phase == group.Empty {
		return nil
	}
	for o := range g.Offsets() {
		if n := len(list); n > 0 && list[n-1].Topic == o.Topic {
			continue
		}
		if t, ok := v.Log.TopicByID(o.Topic); ok {
			list = append(list, group.TopicName{Topic: o.Topic, Name: t.Name})
		}
	}
	return list
}
