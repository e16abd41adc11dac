package hedge

import (
	"context"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// pair is a request and perhaps its hedge.
type pair[T any] struct {
	env  env.Env
	send func(context.Context) (T, error)

	mu      sync.Mutex
	cond    env.Cond
	sent    int
	answers []reply[T] // in the order in which they came
	ended   func()     // called when both have come; it must not wait
}

// reply is one answer; hedge tells whose.
type reply[T any] struct {
	value T
	err   error
	hedge bool
}

func newPair[T any](e env.Env, send func(context.Context) (T, error)) *pair[T] {
	p := &pair[T]{env: e, send: send}
	p.cond = e.NewCond(&p.mu)
	return p
}

// launch sends the request, or its hedge: then ended is called once both have ended, whichever was answered first.
func (p *pair[T]) launch(ctx context.Context, ended func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = ended
	hedge := p.sent > 0
	p.sent++
	p.env.Go("bucket request", func() {
		value, err := p.send(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.answers = append(p.answers, reply[T]{value, err, hedge})
		p.cond.Broadcast()
		if len(p.answers) == 2 {
			p.ended()
		}
	})
}

// await waits until there is an answer to pass on, and reports false if deadline passed first.
func (p *pair[T]) await(deadline time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.best() == nil {
		if !p.cond.Wait(deadline) && p.best() == nil {
			return false
		}
	}
	return true
}

func (p *pair[T]) answer() (T, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.best()
	return b.value, b.err
}

// won reports whether the hedge's answer is passed on.
func (p *pair[T]) won() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.best().hedge
}

// best gives the answer to pass on; nil while another may still be better. p.mu is held.
func (p *pair[T]) best() *reply[T] {
	for i := range p.answers {
		if final(p.answers[i].err) {
			return &p.answers[i]
		}
	}
	if len(p.answers) < p.sent {
		return nil
	}
	worst := &p.answers[0]
	for i := range p.answers {
		if gravity(p.answers[i].err) > gravity(worst.err) {
			worst = &p.answers[i]
		}
	}
	return worst
}

// final reports whether an answer stands, whatever becomes of the same request sent another time.
func final(err error) bool {
	switch objstore.KindOf(err) {
	case objstore.Exists, objstore.NotFound, objstore.InvalidRange:
		return true
	}
	return err == nil
}

// gravity orders failures: what may have happened must not be taken for what did not.
func gravity(err error) int {
	switch objstore.KindOf(err) {
	case objstore.Ambiguous:
		return 3
	case objstore.Fatal:
		return 2
	case objstore.Throttled:
		return 1
	}
	return 0
}
