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
// only retention may move them, and only over records that are old enough, or that enough bytes follow.
func (u *Auditor) letGo(agent string, old, v meta.View) {
	t, ok := v.Log.TopicByName(topicName)
	if !ok {
		return
	}
	for i := range t.Partitions {
		p, _ := v.Log.Partition(base.KeyOf(t.Number, i))
		if p.Start > u.gone[i] && u.keeps.ms > 0 {
			switch {
			case p.Extents.Bytes() >= u.keeps.bytes:
				u.marks.Hit(RetainedBySize)
				u.gone[i] = p.Start
			case old == nil || old.Slot+1 < v.Slot || u.mayGo(old, p, v.Time): // what lay between two views is not known
				u.marks.Hit(RetainedByTime)
				u.gone[i] = p.Start
			}
		}
		u.start(agent, i, p.Start)
	}
}

// mayGo reports whether each extent of old that p lacks is old, or has enough bytes behind it; then so has all before it.
func (u *Auditor) mayGo(old meta.View, p *log.Partition, now base.Millis) bool {
	was, ok := old.Log.Partition(p.Key)
	if !ok {
		return false
	}
	var gone []log.Extent
	was.Extents.From(was.Start, func(e log.Extent) bool {
		if e.End() <= p.Start {
			gone = append(gone, e)
		}
		return e.End() < p.Start
	})
	behind := p.Extents.Bytes()
	for _, e := range slices.Backward(gone) {
		if behind >= u.keeps.bytes {
			return true
		}
		if !u.areOld(p.Key.Index(), e.Base, e.End(), now) {
			return false
		}
		behind += int64(e.Len)
	}
	return true
}

// areOld reports whether the records from and to that are known are older than retention.ms.
func (u *Auditor) areOld(partition int32, from, to int64, now base.Millis) bool {
	for at := from; at < to; at++ {
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
