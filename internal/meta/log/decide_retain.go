package log

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// decideRetain checks again what the proposer saw: the start moves only as far as the topic's configs allow now.
func (s *State) decideRetain(c *Retain, now base.Millis, b config.Broker) ([]Event, *Reply) {
	t, p, ok := s.PartitionOf(c.ID, c.Index)
	if !ok {
		return nil, refuse(base.UnknownTopicOrPartition, fmt.Sprintf("topic %s has no partition %d", c.ID, c.Index))
	}
	to := min(c.Start, p.End)
	if !plant.LeftOut(plant.RetentionChecked) {
		to = min(to, RetainedFrom(t, p, b, now))
	}
	if to <= p.Start {
		return nil, &Reply{Offset: p.Start}
	}
	return []Event{&Trimmed{Key: p.Key, Start: to, At: now}}, &Reply{Offset: to}
}

// RetainedFrom gives the lowest offset that retention.ms and retention.bytes of the topic, under the broker-wide
// settings b, still hold at bucket time now; the log start when nothing may go. Whole
// extents go, as whole segments do in Kafka: an extent stays as long as any of its records is young enough. One whose
// records bear no timestamp is as old as the first after it that has one; with none after it, it stays.
func RetainedFrom(t *Topic, p *Partition, b config.Broker, now base.Millis) int64 {
	rule := config.Effective(t.Configs, b)
	if !rule.Delete {
		return p.Start
	}
	start, at, left := p.Start, p.Start, p.Extents.Bytes()
	p.Extents.From(p.Start, func(e Extent) bool {
		timeless := e.MaxTimestamp < 0
		// now and the setting are not negative: unlike their sum with a client's timestamp, this cannot overflow.
		old := rule.RetentionMs >= 0 && !timeless && e.MaxTimestamp < int64(now)-rule.RetentionMs
		// As in Kafka, bytes go only while what stays is still at least retention.bytes.
		big := rule.RetentionBytes >= 0 && left-int64(e.Len) >= rule.RetentionBytes
		if !old && !big && !(timeless && rule.RetentionMs >= 0) {
			return false
		}
		at, left = e.End(), left-int64(e.Len)
		if old || big {
			start = at
		}
		return true
	})
	return start
}
