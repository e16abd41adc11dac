package sim

import (
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// In a world of two versions agents that know riders run beside agents that do not: those of the level before, which otherwise are
// this build's. What the former write is of their level, and may have riders in it, only once all who live know that level; the
// others have to stop when they meet it, as they could not apply what is in it.
const (
	olderLevel = newerLevel - 1
	newerLevel = meta.FeatureLevel
)

// levels is what a world of two versions knows of its entries.
type levels struct {
	written map[base.Slot]uint16 // by slot: of the entry that won it
	newest  uint16               // that was ever written
}

// drawLevel gives the level of an agent that starts: one version or the other, in a world of two.
func (c *Cluster) drawLevel() uint16 {
	switch {
	case !c.options.Versions:
		return 0
	case c.upgraded || c.w.Uint64()%3 > 0:
		return newerLevel
	}
	c.marks.Hit(AgentOlder)
	return olderLevel
}

// entryLanded notes the level of an entry that is in the bucket now.
func (c *Cluster) entryLanded(key string) {
	if !c.options.Versions || !strings.HasPrefix(key, "journal/") {
		return
	}
	o, err := c.bucket.mem.GetRange(ctx, key, 0, -1)
	if err != nil {
		panic(err)
	}
	e, err := journal.DecodeEntry(o.Body)
	if err != nil {
		panic(err)
	}
	if _, known := c.audit.levels.written[e.Slot]; known {
		return // a late create brought it back
	}
	c.audit.levels.written[e.Slot] = e.Level
	if n := ridersIn(e.Payload); n > 0 && e.Level < log.RidersLevel {
		c.audit.violated(CheckLevel, "%s is of level %d and has %d events of riders in it", key, e.Level, n)
	}
	if e.Level > c.audit.levels.newest {
		c.audit.levels.newest = e.Level
	}
	if e.Level == newerLevel {
		c.marks.Hit(LevelRaised)
	}
}

// ridersIn counts the events in an entry that only agents know which know riders.
func ridersIn(payload []byte) (n int) {
	outcomes, err := meta.DecodeOutcomes(payload)
	if err != nil {
		return 0 // injected
	}
	for i := range outcomes {
		for _, e := range outcomes[i].Events {
			switch e.(type) {
			case *log.SegmentRode, *log.FilesLanded:
				n++
			}
		}
	}
	return n
}

// outdated reports whether err is that of an agent which met an entry of a newer version than its own.
func (a *agent) outdated(err error) bool {
	return base.KindOf(err) == base.UnsupportedVersion && a.level != 0 && a.level < a.c.audit.levels.newest &&
		strings.Contains(err.Error(), "start a newer one")
}

// replace is what an operator does with an outdated agent: it is started again.
func (a *agent) replace(err error) {
	a.c.w.Logf("outdated: %v", err)
	a.c.marks.Hit(AgentOutdated)
	a.c.upgraded = a.c.w.Uint64()%2 == 0 // and sometimes all others too
	a.c.beginLater(a.name)
	a.kill()
}

// level holds an entry's level against the agents that lived when it was decided.
func (u *Auditor) level(v meta.View) {
	level, known := u.levels.written[v.Slot]
	if !known {
		return
	}
	for _, a := range v.Admin.Agents() {
		if a.Level < level {
			u.violated(CheckLevel, "the entry of slot %d is of level %d, and agent %d, which lives, knows %d", v.Slot, level, a.Incarnation, a.Level)
		}
	}
}
