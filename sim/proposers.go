package sim

import (
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// proposer has any agent propose one command after the other, as long as the cluster is tormented.
type proposer struct {
	c      *Cluster
	p      *sim.Proc
	rest   func() time.Duration // before the next
	choose func() meta.Op
	note   func(op meta.Op, at *agent, v *meta.Verdict, err error)
}

func (r *proposer) run() {
	for {
		r.p.Sleep(r.rest())
		a := r.c.anyAgent()
		if a == nil || r.c.quiet {
			continue
		}
		op := r.choose()
		v, err := ask(r.p, a, requestTimeout, func() (*meta.Verdict, error) { return a.control.Propose(op).Wait(time.Time{}) })
		r.note(op, a, v, err)
	}
}

// beginProposers starts those of the run.
func (c *Cluster) beginProposers() {
	if c.has(partMeddler) {
		m := &meddler{c: c}
		r := &proposer{c, c.w.Proc("admin"), func() time.Duration { return c.pause(8 * time.Second) }, m.choose, m.note}
		r.p.Go("meddler", r.run)
	}
	if c.has(partHasty) {
		h := hasty{c}
		r := &proposer{c, c.w.Proc("hasty"), func() time.Duration { return c.w.Between(0, 10*time.Second) }, h.choose, h.note}
		r.p.Go("hasty", r.run)
	}
}

// meddler is an admin client: it makes and deletes topics, adds partitions, and deletes records of the producers' topic.
type meddler struct {
	c      *Cluster
	topics []base.TopicID
	made   int
}

func (m *meddler) note(op meta.Op, at *agent, _ *meta.Verdict, err error) {
	m.c.w.Logf("%T at %s: %v", op, at.name, err)
}

func (m *meddler) choose() meta.Op {
	w := m.c.w
	if n := len(m.topics); n > 0 {
		id := m.topics[w.Uint64()%uint64(n)]
		switch w.Uint64() % 8 {
		case 0, 1:
			return &log.DeleteTopic{ID: id}
		case 2:
			return &log.CreatePartitions{ID: id, Count: int32(1 + w.Uint64()%20)}
		}
	}
	if w.Uint64()%2 == 0 {
		i := int32(w.Uint64() % uint64(m.c.options.Partitions))
		to := int64(w.Uint64() % uint64(1+m.c.audit.ackedEnd[i]))
		m.c.audit.trimming(i, to)
		return &log.DeleteRecords{ID: m.c.topic, Index: i, Offset: to}
	}
	m.made++
	id := base.TopicID{9, byte(m.made), byte(m.made >> 8)}
	m.topics = append(m.topics, id)
	return &log.CreateTopic{Name: fmt.Sprintf("churn-%d", m.made%5), ID: id, Partitions: int32(1 + w.Uint64()%6)}
}

// hasty proposes what an agent's jobs propose, but long before its time, as a job with a wrong clock or an old View would:
// that retention lets records go, that producers and committed offsets are too old, that records beyond the end be
// deleted. Decide looks again by itself, so nothing comes of any of it.
type hasty struct{ c *Cluster }

func (h hasty) note(op meta.Op, at *agent, v *meta.Verdict, err error) {
	h.c.w.Logf("%T, too early, at %s: %v", op, at.name, err)
	if err == nil && v.Kind() != base.OK {
		h.c.marks.Hit(TooMuchRefused)
	}
}

// beyond is how far behind the end of the log records are to be deleted that were never there.
const beyond = 1 << 40

func (h hasty) choose() meta.Op {
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
