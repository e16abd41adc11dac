package broker

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
)

const (
	// stillMax is how long the process may stand still (SIGSTOP, a frozen or sleeping machine) before the requests that came
	// meanwhile are too old to be begun. By then others have taken its place, and clients have given up, the quickest after
	// 10 s, closed their connections and asked elsewhere. What they left in the sockets must not come to life: a commit
	// would undo a later one, a JoinGroup would bring back a member that is gone, for whom its group then waits.
	// (control.callPatience is the same for what was read before.)
	stillMax = 10 * time.Second
	// stillTick is how often the process shows itself that it runs.
	stillTick = time.Second
)

// stillness finds out that the process stood still. By the wall clock: others do not stand still while a machine sleeps.
// That the clock is set looks the same, and costs clients a new connection.
type stillness struct {
	ticked atomic.Int64  // Unix nanoseconds of the last tick; 0: none yet
	upTo   atomic.Uint64 // connections up to this number were there when it stood still
}

// watchStillness ticks until the Broker drains.
func (b *Broker) watchStillness(watch *env.Stopper) {
	for {
		b.tick(b.env.Now())
		if !watch.Sleep(stillTick) {
			return
		}
	}
}

func (b *Broker) tick(now time.Time) {
	s := &b.still
	if last := s.ticked.Load(); last != 0 && now.UnixNano()-last > int64(stillMax) {
		b.mu.Lock()
		number := b.last
		b.mu.Unlock()
		s.upTo.Store(number) // before ticked: a reader sees the one or the other
		b.complain(slog.LevelWarn, "the agent stood still: requests that came meanwhile are not begun, their connections are closed",
			"for", time.Duration(now.UnixNano()-last).Round(time.Millisecond))
	}
	s.ticked.Store(now.UnixNano())
}

// stale reports whether what is read from a connection may have come while the process stood still.
func (b *Broker) stale(c *conn) bool {
	last := b.still.ticked.Load()
	return c.number <= b.still.upTo.Load() || last != 0 && b.env.Now().UnixNano()-last > int64(stillMax)
}
