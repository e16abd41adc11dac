package sim

import (
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// In a world of several versions agents that know riders and merges run beside agents that do not: those of the levels before, which
// otherwise are this build's. What the former write is of their level, and may have riders or merges in it, only once all who live know
// that level; the others have to stop when they meet it, as they could not apply what is in it.
const newerLevel = meta.FeatureLevel

// levels is what such a world knows of its entries.
type levels struct {
	written map[base.Slot]uint16 // by slot: of the entry that won it
	newest  uint16               // that was ever written
}

// drawLevel gives the level of an agent that starts: any of them, in a world of several versions.
func (c *Cluster) drawLevel() uint16 {
	switch {
	case !c.options.Versions:
		return 0
	case c.upgraded || c.w.Uint64()%3 > 0:
		return newerLevel
	}
	c.marks.Hit(AgentOlder)
	return newerLevel - 1 - uint16(c.w.Uint64()%2)
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
	if needs := levelOf(e.Payload); e.Level < needs {
		c.audit.violated(CheckLevel, "%s is of level %d and has events of level %d in it", key, e.Level, needs)
	}
	if e.Level > c.audit.levels.newest {
		c.audit.levels.newest = e.Level
	}
	if e.Level == newerLevel {
		c.marks.Hit(LevelRaised)
	}
}

// levelOf gives the level that an entry's events need.
func levelOf(payload []byte) (level uint16) {
	outcomes, err := meta.DecodeOutcomes(payload)
	if err != nil {
		return 0 // injected
	}
	for i := range outcomes {
		for _, e := range outcomes[i].Events {
			switch e.(type) {
			case *log.SegmentRode, *log.FilesLanded:
				level = max(level, log.RidersLevel)
			case *log.ExtentsMerged, *log.FilesRemoved:
				level = max(level, log.MergeLevel)
			}
		}
	}
	return level
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
