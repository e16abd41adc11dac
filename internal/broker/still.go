package broker

import (
	"log/slog"
	"sync"
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

// stillness finds out that the process stood still, by the wall clock: others do not stand still while a machine sleeps.
// That the clock is set looks the same, and costs clients a new connection. Whoever looks first after it finds it out, be
// it the tick or a connection that something is read from.
type stillness struct {
	mu     sync.Mutex
	looked time.Time // without monotonic part; zero before the first look
	era    uint64    // how often it stood still
}

// look returns the era, which is another one once the process stood still, and for how long it just did.
func (s *stillness) look(now time.Time) (era uint64, stood time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now = now.Round(0)
	if stood = now.Sub(s.looked); s.looked.IsZero() || stood <= stillMax {
		stood = 0
	} else {
		s.era++
	}
	s.looked = now
	return s.era, stood
}

// era is the era of now. What was accepted in an earlier one is stale.
func (b *Broker) era() uint64 {
	era, stood := b.still.look(b.env.Now())
	if stood > 0 {
		b.complain(slog.LevelWarn, "the agent stood still: requests that came meanwhile are not begun, their connections are closed",
			"for", stood.Round(time.Millisecond))
	}
	return era
}

// watchStillness looks often enough until the Broker drains, and lets go of memory that is kept for nothing.
func (b *Broker) watchStillness(watch *env.Stopper) {
	for {
		b.era()
		b.frames.expire()
		if !watch.Sleep(stillTick) {
			return
		}
	}
}
