package control

import (
	"errors"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// call is one command of this agent, from Propose to its reply.
type call struct {
	op     meta.Op
	number uint64 // 0: none yet
	reply  *env.Future[*meta.Verdict]
	since  time.Time
	sent   LinkID // the link it was forwarded on; 0: none
	sentAt time.Time
}

// maxCalls bounds the commands that wait: far more than a healthy journal ever has, few enough to decide in one go.
const maxCalls = 65536

// Propose asks for op and gives the future of its verdict, which is durable and published when it is there. Commands
// are decided in the order proposed. The future fails with base.OutcomeUnknown when the agent was expired meanwhile,
// base.Stopping when it goes away, and base.RequestTimedOut when its turn does not come in time, or at once when too
// many wait. A commit of offsets that does not say which View it came to has come to this one.
func (c *Control) Propose(op meta.Op) *env.Future[*meta.Verdict] {
	if commit, ok := op.(*group.OffsetCommit); ok && commit.Since == 0 {
		commit.Since = c.View().Slot
	}
	k := &call{op: op, reply: env.NewFuture[*meta.Verdict](c.env), since: c.env.Now()}
	if err := c.enqueue(k); err != nil {
		k.reply.Set(nil, err)
	}
	return k.reply
}

func (c *Control) enqueue(k *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failure != nil:
		return c.failure
	case c.stop.Stopped() || c.draining && !endsSession(k.op):
		return base.Errorf(base.Stopping, "the agent is stopping")
	case len(c.calls) >= maxCalls:
		return base.Errorf(base.RequestTimedOut, "%d commands wait for the journal, the most there may be: the bucket is slow or out of reach", maxCalls)
	}
	c.calls = append(c.calls, k)
	c.wake.Broadcast()
	return nil
}

// endsSession reports whether op is an agent's last: what comes after it could never be decided.
func endsSession(op meta.Op) bool {
	_, ok := op.(*admin.Deregister)
	return ok
}

// Barrier gives a View that holds everything that was in the journal when it was called.
func (c *Control) Barrier(deadline time.Time) (meta.View, error) {
	f := env.NewFuture[meta.View](c.env)
	if err := c.enqueueBarrier(f); err != nil {
		return nil, err
	}
	v, err := f.Wait(deadline)
	if errors.Is(err, env.ErrDeadline) {
		return nil, base.Errorf(base.RequestTimedOut, "the end of the journal could not be read in time: the bucket is slow or out of reach")
	}
	return v, err
}

func (c *Control) enqueueBarrier(f *env.Future[meta.View]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return c.failure
	}
	if c.stop.Stopped() {
		return base.Errorf(base.Stopping, "the agent is stopping")
	}
	c.barriers = append(c.barriers, f)
	c.wake.Broadcast()
	return nil
}

// failAll fails every call and barrier.
func (c *Control) failAll(err error) {
	c.mu.Lock()
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	for _, k := range calls {
		k.reply.Set(nil, err)
	}
	for _, b := range c.takeBarriers() {
		b.Set(nil, err)
	}
}

// takeBarriers takes those that wait out of the mailbox.
func (c *Control) takeBarriers() []*env.Future[meta.View] {
	c.mu.Lock()
	defer c.mu.Unlock()
	barriers := c.barriers
	c.barriers = nil
	return barriers
}

// callPatience is how long a command may wait for its turn. Clients give up after about as long and ask again, maybe
// another agent: a command that comes to life after that may undo what was answered meanwhile, such as a later commit of
// the same offset. One that has its number may be on its way already, and can still come late; of commits see overtaken.
const callPatience = 25 * time.Second

// dropStale fails the calls that waited too long. Those with a number may be on their way and are not touched.
func (c *Control) dropStale() {
	var stale []*call
	c.mu.Lock()
	now, kept := c.env.Now(), c.calls[:0]
	for _, k := range c.calls {
		if k.number == 0 && now.Sub(k.since) > callPatience {
			stale = append(stale, k)
			continue
		}
		kept = append(kept, k)
	}
	clear(c.calls[len(kept):])
	c.calls = kept
	c.mu.Unlock()
	for _, k := range stale {
		k.reply.Set(nil, base.Errorf(base.RequestTimedOut, "the journal did not take this within %v: the bucket is slow or out of reach", callPatience))
	}
}

// numbered gives the calls of this agent that have no verdict yet, each with its number, and the watermark: the agent
// has the verdicts up to it. next is the number for the first call that has none.
func (c *Control) numbered(next uint64) (calls []*call, watermark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.calls) - 1; i >= 0 && c.calls[i].number != 0; i-- {
		next = c.calls[i].number + 1
		break
	}
	for _, k := range c.calls {
		if k.number == 0 {
			k.number = next
		}
		next = k.number + 1
	}
	if len(c.calls) == 0 {
		return nil, next - 1
	}
	return append([]*call(nil), c.calls...), c.calls[0].number - 1
}

// resolve takes the calls up to the numbers that verdicts gives out of the queue.
func (c *Control) resolve(verdict func(number uint64) (*meta.Verdict, bool)) {
	type answer struct {
		k *call
		v *meta.Verdict
	}
	var answers []answer
	c.mu.Lock()
	kept := c.calls[:0]
	for _, k := range c.calls {
		if v, ok := verdict(k.number); ok && k.number != 0 {
			answers = append(answers, answer{k, v})
			continue
		}
		kept = append(kept, k)
	}
	clear(c.calls[len(kept):])
	c.calls = kept
	c.mu.Unlock()
	for _, a := range answers {
		a.k.reply.Set(a.v, nil)
	}
}
