package sim

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// hasty proposes what an agent's jobs propose, but long before its time, as a job with a wrong clock or an old View would:
// that retention lets records go, that producers and committed offsets are too old, that records beyond the end be
// deleted. Decide looks again by itself, so nothing comes of any of it.
type hasty struct {
	c *Cluster
	p *sim.Proc
}

func (c *Cluster) newHasty(name string) {
	h := &hasty{c: c, p: c.w.Proc(name)}
	h.p.Go("hasty", h.run)
}

func (h *hasty) run() {
	for {
		h.p.Sleep(h.c.w.Between(0, 10*time.Second))
		a := h.c.anyAgent()
		if a == nil || h.c.quiet {
			continue
		}
		op := h.choose()
		v, err := ask(h.p, a, requestTimeout, func() (*meta.Verdict, error) { return a.control.Propose(op).Wait(time.Time{}) })
		h.c.w.Logf("%T, too early, at %s: %v", op, a.name, err)
		if err == nil && v.Kind() != base.OK {
			h.c.marks.Hit(TooMuchRefused)
		}
	}
}

// beyond is how far behind the end of the log records are to be deleted that were never there.
const beyond = 1 << 40

func (h *hasty) choose() meta.Op {
	w := h.c.w
	i := int32(w.Uint64() % uint64(h.c.options.Partitions))
	end := h.c.audit.ackedEnd[i]
	switch w.Uint64() % 4 {
	case 0:
		return &log.Retain{ID: h.c.topic, Index: i, Start: end}
	case 1:
		return &log.ExpireProducers{ID: h.c.topic, Index: i}
	case 2:
		return &log.DeleteRecords{ID: h.c.topic, Index: i, Offset: end + beyond}
	default:
		// Not of the members' group: while that is empty and has committed nothing it may go, and begins anew with generation 1.
		return &group.ExpireOffsets{Group: groupName}
	}
}
