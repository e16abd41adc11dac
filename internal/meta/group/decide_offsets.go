package group

import (
	"math"
	"unicode/utf8"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// expirePlacesMax bounds the offsets one ExpireOffsets removes (20 bytes each in the entry); the next one goes on.
const expirePlacesMax = 10_000

func (c *OffsetCommit) decide(d *decider) {
	if k := c.check(d.state.Get(c.Group)); k != base.OK {
		d.refuse(k)
		return
	}
	e := &OffsetsCommitted{Group: c.Group, At: d.now, Expires: c.expires(d.now)}
	for i, p := range c.Partitions {
		kind := p.check(d.cfg)
		if kind == base.OK {
			e.Offsets = append(e.Offsets, p)
			continue
		}
		if d.reply.Parts == nil {
			d.reply.Parts = make([]base.Kind, len(c.Partitions))
		}
		d.reply.Parts[i] = kind
	}
	if e.Offsets != nil {
		d.record(e)
	}
}

func (c *OffsetCommit) check(g *Group) base.Kind {
	switch {
	case plant.LeftOut(plant.Fencing):
		return base.OK
	case g == nil && c.Generation < 0:
		return base.OK // a simple consumer or an admin client makes the group
	case g == nil && c.APIVersion >= 9:
		return base.GroupIDNotFound
	case g == nil:
		return base.IllegalGeneration
	case g.Phase == Empty && c.Generation < 0:
		return base.OK
	case c.Generation < 0 && c.MemberID == "" && c.InstanceID == nil:
		return base.UnknownMemberID // the group has members, and this is none
	}
	if k := g.CheckMember(c.MemberID, c.InstanceID); k != base.OK {
		return k
	}
	switch {
	case c.Generation != g.Generation:
		return base.IllegalGeneration
	case g.Phase == Completing:
		return base.RebalanceInProgress
	}
	return base.OK
}

// expires gives the end of an explicit retention, -1 if there is none. One past the end of time is as good as never.
func (c *OffsetCommit) expires(now base.Millis) base.Millis {
	retention := base.Millis(c.RetentionMs)
	switch {
	case retention == -1:
		return -1
	case retention > math.MaxInt64-now:
		return math.MaxInt64
	}
	return max(now+retention, 0)
}

func (p *CommitPartition) check(cfg Config) base.Kind {
	switch {
	case p.Topic.IsZero() || p.Partition < 0:
		return base.UnknownTopicOrPartition
	case utf16Len(p.Metadata) > int(cfg.OffsetMetadataMax):
		return base.OffsetMetadataTooLarge
	}
	return base.OK
}

// utf16Len is the length Kafka measures: Java's, in UTF-16 units.
func utf16Len(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r > 0xffff {
			n++
		}
	}
	return n
}

func (c *OffsetDelete) decide(d *decider) {
	g := d.state.Get(c.Group)
	switch {
	case g == nil:
		d.refuse(base.GroupIDNotFound)
		return
	case g.Phase != Empty && !g.isConsumer():
		d.refuse(base.NonEmptyGroup)
		return
	}
	subscribed := g.subscription()
	d.reply.Parts = make([]base.Kind, len(c.Partitions))
	e := &OffsetsRemoved{Group: c.Group}
	for i, p := range c.Partitions {
		if subscribed.to(p.TopicName) {
			d.reply.Parts[i] = base.GroupSubscribedToTopic
		} else if _, ok := g.Offset(p.Topic, p.Partition); ok {
			e.Places = append(e.Places, OffsetPlace{p.Topic, p.Partition})
		}
	}
	if e.Places != nil {
		d.record(e)
	}
}

func (c *DeleteGroup) decide(d *decider) {
	switch g := d.state.Get(c.Group); {
	case g == nil:
		d.refuse(base.GroupIDNotFound)
	case g.Phase != Empty:
		d.refuse(base.NonEmptyGroup)
	default:
		d.record(&GroupDeleted{Group: c.Group})
	}
}

func (c *ForgetTopic) decide(d *decider) {
	for g := range d.state.Groups() {
		if len(g.places(c.Topic)) != 0 {
			d.record(&TopicForgotten{Topic: c.Topic})
			return
		}
	}
}

func (c *ExpireOffsets) decide(d *decider) {
	g := d.state.Get(c.Group)
	if g == nil {
		return
	}
	var places []OffsetPlace
	if g.Phase == Empty {
		places = d.expired(g, func(base.TopicID) bool { return true })
		if len(places) == g.OffsetCount() {
			d.record(&GroupDeleted{Group: c.Group})
			return
		}
	} else if subscribed := g.subscription(); g.Phase == Stable && g.isConsumer() && !subscribed.unknown {
		idle := map[base.TopicID]bool{}
		for _, t := range c.Topics {
			idle[t.Topic] = !subscribed.to(t.Name)
		}
		places = d.expired(g, func(t base.TopicID) bool { return idle[t] })
	}
	if places = places[:min(len(places), expirePlacesMax)]; len(places) != 0 {
		d.record(&OffsetsRemoved{Group: c.Group, Places: places})
	}
}

// expired gives the offsets, of topics that may go, whose retention has passed: since the group became empty, or, for
// simple groups and for topics without subscriber, since the commit (KIP-211).
func (d *decider) expired(g *Group, may func(base.TopicID) bool) (places []OffsetPlace) {
	for o := range g.Offsets() {
		since := o.Committed
		if g.ProtocolType != nil && g.Phase == Empty {
			since = g.Since
		}
		past := d.now-since >= base.Millis(d.cfg.OffsetsRetentionMs)
		if o.Expires >= 0 {
			past = d.now >= o.Expires
		}
		if (past || plant.LeftOut(plant.OffsetsChecked)) && may(o.Topic) {
			places = append(places, OffsetPlace{o.Topic, o.Partition})
		}
	}
	return places
}
