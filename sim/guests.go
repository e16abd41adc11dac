package sim

import (
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
)

// guest is a client that may be gone any moment; another takes its place then.
type guest struct {
	p     *sim.Proc
	speak bool             // Kafka's protocol, over the network
	begin func() *sim.Proc // starts the next
}

// habits are the ways of producers, in the order in which they come. The last needs a protocol in which acks=0 can be said.
var habits = []habit{
	{idempotent: true, retries: true, acks: -1},
	{idempotent: true, retries: true, acks: -1},
	{acks: -1},
	{retries: true, acks: 1},
	{acks: 0},
}

// invite starts the clients.
func (c *Cluster) invite() {
	o := &c.options
	for i, h := range habits[:o.Producers] {
		if h.acks == 0 && !o.Whole {
			continue
		}
		c.producers = append(c.producers, nil)
		c.invited(o.Whole, func() *sim.Proc {
			c.producers[i] = c.newProducer(fmt.Sprintf("p%d", i+1), h)
			return c.producers[i].p
		})
	}
	if !o.Whole {
		return
	}
	for i := range 2 {
		if !c.has(partConsumers) {
			break
		}
		c.consumers = append(c.consumers, nil)
		c.invited(true, func() *sim.Proc {
			c.consumers[i] = c.newConsumer(fmt.Sprintf("c%d", i+1), i == 0)
			return c.consumers[i].p
		})
	}
	if c.hasGroup() {
		for i := range 3 {
			c.invited(true, func() *sim.Proc { return c.newMember(fmt.Sprintf("m%d", i+1)).p })
		}
	}
	if o.Sparse {
		return
	}
	if c.has(partVandal) {
		c.invited(true, func() *sim.Proc { return c.newVandal("v").p })
	}
	if c.has(partObserver) {
		c.newObserver("o1")
	}
}

func (c *Cluster) invited(speak bool, begin func() *sim.Proc) {
	c.guests = append(c.guests, &guest{begin(), speak, begin})
}

// evict ends a client in the middle of whatever it does. Somebody else begins in its place, later.
func (c *Cluster) evict(g *guest) {
	if g.p.Killed() {
		return
	}
	c.marks.Hit(ClientKilled)
	g.p.Kill()
	nurse := c.w.Proc("nurse")
	nurse.Go("begin", func() {
		nurse.Sleep(c.w.Between(0, 10*time.Second))
		g.p = g.begin()
	})
}

// pause draws how long a client does nothing, d at most; longer where there is little to do.
func (c *Cluster) pause(d time.Duration) time.Duration {
	if c.options.Sparse && !c.quiet {
		d *= sparser
	}
	return c.w.Between(0, d)
}

// sparser is how many times slower clients are where there is little to do.
const sparser = 50
