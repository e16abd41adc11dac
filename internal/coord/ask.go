package coord

import (
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// barrierWait bounds how long a refusal waits to be made sure of. Clients wait 30 s or more for an answer.
const barrierWait = 10 * time.Second

// reaction is what is done with the reply to a command, and with a View that has the command's events. It runs once and
// must not wait. If nothing could be decided the kind is CoordinatorNotAvailable and the View nil.
type reaction func(v meta.View, r group.Reply)

// unavailable is the answer when the journal cannot be asked now: clients look for the coordinator and try again.
var unavailable = group.Reply{Kind: base.CoordinatorNotAvailable}

// Ask has a command decided whose answer is all in its Reply: Leave, OffsetCommit, OffsetDelete, DeleteGroup. A
// commit renews its member's session. The future does not fail.
func (c *Coord) Ask(q group.Command) *env.Future[group.Reply] {
	f := env.NewFuture[group.Reply](c.env)
	if commit, ok := q.(*group.OffsetCommit); ok {
		c.touch(commit.Group, commit.MemberID)
	}
	c.ask(q, func(_ meta.View, r group.Reply) { f.Set(r, nil) })
	return f
}

// ask has a command decided: by the View where it comes to no events, after a barrier if it is refused, else by the
// journal.
func (c *Coord) ask(q group.Command, then reaction) {
	v := c.journal.View()
	events, r := c.judge(v, q)
	switch {
	case len(events) > 0:
		c.propose(q, then)
	case sure(&r):
		then(v, r)
	default:
		c.afterBarrier(func(v meta.View, err error) {
			if err != nil {
				then(nil, unavailable)
				return
			}
			if events, r := c.judge(v, q); len(events) == 0 {
				then(v, r)
				return
			}
			c.propose(q, then)
		})
	}
}

// judge decides by a View.
func (c *Coord) judge(v meta.View, q group.Command) ([]group.Event, group.Reply) {
	return group.Decide(v.Groups, q, max(c.journal.Now(), v.Time), c.groupRules(v), v.Admin)
}

// sure reports whether a reply that was decided by a View without events may be given as it is. What is refused because
// of the request alone, or of the settings, is refused by any View.
func sure(r *group.Reply) bool {
	switch r.Kind {
	case base.MemberIDRequired, base.InvalidGroupID, base.InvalidSessionTimeout:
		return true
	}
	return r.Kind == base.OK && !slices.ContainsFunc(r.Parts, func(k base.Kind) bool { return k != base.OK })
}

// groupRules gives the settings groups are decided by; making them anew takes long beside all else here.
func (c *Coord) groupRules(v meta.View) group.Config {
	configs := v.Admin.Configs()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rules == nil || !slices.Equal(configs, c.configs) {
		rules := c.journal.Rules().Group
		c.rules, c.configs = &rules, configs
	}
	return *c.rules
}

// propose brings a command before the journal. The reaction sees the very View that its entry led to.
func (c *Coord) propose(q group.Command, then reaction) {
	c.journal.Active()
	c.journal.Propose(q).OnDone(func(verdict *meta.Verdict, err error) {
		switch {
		case lostCommit(q, err):
			c.propose(q, then)
		case err != nil || verdict.Group == nil:
			then(nil, unavailable)
		default:
			then(c.journal.View(), *verdict.Group)
		}
	})
}

// lostCommit reports whether a command is a commit of which nobody knows what became, as this agent was expired. It is
// asked for once more, under the agent's next incarnation: were the client told to do so, its next commit could come
// first (RFC 2). It is as old as before: a commit that has come through another incarnation since, which may be its own
// first attempt, stands.
func lostCommit(q group.Command, err error) bool {
	_, ok := q.(*group.OffsetCommit)
	return ok && base.KindOf(err) == base.OutcomeUnknown
}

// afterBarrier calls then with a View that holds all that was in the journal at the call, or with why there is none.
// One barrier serves all who came before it began.
func (c *Coord) afterBarrier(then func(meta.View, error)) {
	c.mu.Lock()
	c.doubts = append(c.doubts, then)
	idle := !c.probing
	c.probing = true
	c.mu.Unlock()
	if idle && !c.stop.Go("coord barrier", c.probe) {
		for _, then := range c.takeDoubts() {
			then(nil, env.ErrClosed)
		}
	}
}

func (c *Coord) probe() {
	for {
		list := c.takeDoubts()
		if list == nil {
			return
		}
		v, err := c.journal.Barrier(c.env.Now().Add(barrierWait))
		for _, then := range list {
			then(v, err)
		}
	}
}

// takeDoubts gives those who wait for a barrier; if there are none, nobody probes from now on.
func (c *Coord) takeDoubts() []func(meta.View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.doubts
	c.doubts = nil
	c.probing = c.probing && list != nil
	return list
}
