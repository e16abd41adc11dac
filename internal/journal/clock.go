package journal

import (
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// clockLead is how far the local clock may carry the bucket's time past the last Date: a machine whose clock runs
// wrong is at most that much ahead, and one without contact to the bucket stops the time of what it proposes.
const clockLead = 10 * time.Second

// bucketClock is the bucket's time as this agent knows it. Safe for concurrent use.
type bucketClock struct {
	env env.Env

	mu      sync.Mutex
	date    time.Time // the last Date received; zero before the first
	readAt  time.Time // local time when it was received
	shownAt time.Time // the last answer of now
}

// observe takes the Date of an answer just received. The zero time is ignored.
func (c *bucketClock) observe(date time.Time) {
	if date.IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.date, c.readAt = date, c.env.Now()
}

// last is the last Date received: the bucket's clock shows at least that. Zero before the first.
func (c *bucketClock) last() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.date
}

// guess is now without the bound: for what is only shown to people and clients.
func (c *bucketClock) guess() (base.Millis, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() {
		return 0, false
	}
	return base.Millis(c.date.Add(max(0, c.env.Now().Sub(c.readAt))).UnixMilli()), true
}

// now carries the last Date on. Dates are whole seconds, so a new one may lie behind what was carried: now does not
// step back for that, unless the bucket's clock is more than clockLead behind.
func (c *bucketClock) now() (base.Millis, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() {
		return 0, false
	}
	if plant.LeftOut(plant.BucketTime) {
		return base.Millis(c.env.Now().UnixMilli()), true
	}
	limit := c.date.Add(clockLead)
	t := c.date.Add(max(0, c.env.Now().Sub(c.readAt)))
	if t.Before(c.shownAt) {
		t = c.shownAt
	}
	if t.After(limit) {
		t = limit
	}
	c.shownAt = t
	return base.Millis(t.UnixMilli()), true
}
