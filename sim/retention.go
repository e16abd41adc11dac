package sim

import (
	"slices"
	"strconv"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// retention is how long the topic keeps its records: ms by their timestamps, and as long as no more than bytes lie after
// them. The zero value keeps all.
type retention struct{ ms, bytes int64 }

// retention draws the topic's.
func (c *Cluster) retention() []config.KV {
	if !c.options.Retention {
		return nil
	}
	c.audit.keeps = retention{ms: 40_000 + int64(c.w.Uint64()%60_000), bytes: 2_000 + int64(c.w.Uint64()%30_000)}
	return []config.KV{
		{Name: "retention.bytes", Value: strconv.FormatInt(c.audit.keeps.bytes, 10)},
		{Name: "retention.ms", Value: strconv.FormatInt(c.audit.keeps.ms, 10)},
	}
}

// letGo judges log starts that moved from the view of one slot to that of the next: beyond what was asked to be deleted
// only retention may move them.
func (u *Auditor) letGo(agent string, old, v meta.View) {
	t, ok := v.Log.TopicByName(topicName)
	if !ok {
		return
	}
	for i := range t.Partitions {
		key := base.KeyOf(t.Number, i)
		p, _ := v.Log.Partition(key)
		if p.Start > u.gone[i] && u.keeps.ms > 0 {
			if old == nil || old.Slot+1 < v.Slot { // what was decided in between, and when, is not known
				u.gone[i] = p.Start
			} else if was, ok := old.Log.Partition(key); ok && u.mayGo(i, was, p, v.Time) {
				u.gone[i] = p.Start
			}
		}
		u.start(agent, i, p.Start)
	}
}

// mayGo reports whether retention lets the extents of was go that p does not have: each if its records, as far as they are
// known, are old enough, or if enough bytes follow it.
func (u *Auditor) mayGo(partition int32, was, p *log.Partition, now base.Millis) bool {
	var went []log.Extent
	was.Extents.From(was.Start, func(e log.Extent) bool {
		if e.End() <= p.Start {
			went = append(went, e)
		}
		return e.End() < p.Start
	})
	follow := p.Extents.Bytes()
	for _, e := range slices.Backward(went) {
		switch {
		case e.End() <= u.gone[partition]:
		case follow >= u.keeps.bytes:
			u.marks.Hit(RetainedBySize)
		case u.areOld(partition, e, now):
			u.marks.Hit(RetainedByTime)
		default:
			return false
		}
		follow += int64(e.Len)
	}
	return true
}

// areOld reports whether the records of an extent that are known are older than retention.ms.
func (u *Auditor) areOld(partition int32, e log.Extent, now base.Millis) bool {
	for at := e.Base; at < e.End(); at++ {
		r := u.told[place{partition, at}]
		if r == nil {
			r = u.records[u.content[place{partition, at}]]
		}
		if r != nil && r.stamp >= int64(now)-u.keeps.ms {
			return false
		}
	}
	return true
}

// adopted looks for members whose tender is gone, and that another agent tends now.
func (u *Auditor) adopted(v meta.View) {
	g := v.Groups.Get(groupOfMembers)
	if g == nil {
		return
	}
	for _, m := range g.Members() {
		if old := u.tenders[m.ID]; old != 0 && old != m.Tender && !v.Admin.Live(old) {
			u.marks.Hit(MemberAdopted)
		}
		u.tenders[m.ID] = m.Tender
	}
}
