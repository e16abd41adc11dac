package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// troubleEvery is how often the log tells of the bucket's troubles: what fails is tried again many times a second.
const troubleEvery = 5 * time.Second

// troubles logs the requests that the bucket does not serve. The rooms below only try again.
type troubles struct {
	env env.Env
	log *slog.Logger

	mu   sync.Mutex
	next time.Time
	kept int // failures since the last line
}

// note is told of every request that ended with an error.
func (t *troubles) note(op string, err error) {
	switch objstore.KindOf(err) {
	case objstore.NotFound, objstore.Exists, objstore.InvalidRange:
		return // answers
	case objstore.Fatal:
		return // not tried again: whoever asked says so, and ends
	}
	if errors.Is(err, context.Canceled) {
		return // given up by this agent
	}
	now := t.env.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept++
	if now.Before(t.next) {
		return
	}
	t.log.Warn("the bucket does not do what it is asked; trying again", "operation", op, "failures", t.kept, "error", err)
	t.next, t.kept = now.Add(troubleEvery), 0
}
