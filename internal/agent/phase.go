package agent

import (
	"errors"
	"sync/atomic"
)

// phase is where an agent is in its life.
type phase struct{ now atomic.Int32 }

const (
	starting int32 = iota
	serving
	draining
)

func (p *phase) set(v int32) { p.now.Store(v) }
func (p *phase) get() int32  { return p.now.Load() }

// Ready gives nil while the agent serves clients, else why it does not.
func (a *Agent) Ready() error {
	switch a.phase.get() {
	case starting:
		return errors.New("the agent is reading the journal")
	case draining:
		return errors.New("the agent is draining")
	}
	return a.control.Err()
}
