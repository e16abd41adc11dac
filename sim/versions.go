package sim

import (
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// In a world of two versions agents of the newest level run beside agents of an earlier one, which otherwise are this build's: in some
// they know riders, and not what entries side by side look like, in the others neither. What the newer write is of their level, and has
// riders in it and is sent side by side, only once all who live know that; the others have to stop when they meet it.
const newerLevel = meta.FeatureLevel

// olderLevel is the level of the other agents in a world of two versions.
func (c *Cluster) olderLevel() uint16 { return 1 + uint16(c.options.Seed/4%2) }

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
	return c.olderLevel()
}

// levelLanded notes the level of an entry that is in the bucket now.
func (c *Cluster) levelLanded(key string, e *journal.Entry) {
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
