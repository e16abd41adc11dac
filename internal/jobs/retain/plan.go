package retain

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Records lists the log starts that retention moves at bucket time now, at most limit of them, by topic name and
// partition.
func Records(v meta.View, now base.Millis, b config.Broker, limit int) (plan []log.Command) {
	each(v, func(t *log.Topic, p *log.Partition) bool {
		if start := log.RetainedFrom(t, p, b, now); start > p.Start {
			plan = append(plan, &log.Retain{ID: t.ID, Index: p.Key.Index(), Start: start})
		}
		return len(plan) < limit
	})
	return plan
}

// Producers lists the partitions that know producers not heard of for afterMs at bucket time now, at most limit of them.
func Producers(v meta.View, now, afterMs base.Millis, limit int) (plan []log.Command) {
	each(v, func(t *log.Topic, p *log.Partition) bool {
		old := false
		p.Producers(func(_ int64, pr *log.Producer) bool {
			old = pr.LastSeen+afterMs <= now
			return !old
		})
		if old {
			plan = append(plan, &log.ExpireProducers{ID: t.ID, Index: p.Key.Index(), AfterMs: afterMs})
		}
		return len(plan) < limit
	})
	return plan
}

// each calls f for all partitions by topic name and index, until it returns false.
func each(v meta.View, f func(*log.Topic, *log.Partition) bool) {
	v.Log.Topics(func(t *log.Topic) bool {
		for i := range t.Partitions {
			if p, ok := v.Log.Partition(base.KeyOf(t.Number, i)); ok && !f(t, p) {
				return false
			}
		}
		return true
	})
}
