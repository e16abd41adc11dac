package land

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Pace says when riders land.
type Pace struct {
	Bytes int64         // when so many bytes ride
	After time.Duration // when the oldest of them has ridden so long; far below the hour after which the journal is truncated
}

// DefaultPace is what agents keep; simulations take less.
var DefaultPace = Pace{Bytes: 8 << 20, After: 30 * time.Second}

// ridersMax bounds the riders of one container: some 80 KiB of journal.
const ridersMax = 10_000

// Rider is a file that is to land.
type Rider struct {
	Number uint64
	log.File
}

// Plan lists the riders that are to land at bucket time now, in the order of the journal: at most pace.Bytes of them, and none while
// few ride and all are young. Those that skip tells are passed over.
func Plan(v meta.View, now base.Millis, pace Pace, skip func(number uint64) bool) (plan []Rider) {
	if !log.RidersKnown(v.Admin.Level(log.RidersLevel)) {
		return nil // an agent of an older version, which came when nothing rode in the entries it read
	}
	bytes, due := int64(0), v.Log.RidingBytes() >= pace.Bytes
	v.Log.Riders(func(n uint64, f log.File) bool {
		switch {
		case skip(n):
			return true
		case !due && now-f.LastModified < base.Millis(pace.After.Milliseconds()):
			return false // those that follow are younger
		case len(plan) > 0 && bytes+f.SizeBytes > pace.Bytes || len(plan) == ridersMax:
			return false
		}
		due = true
		plan, bytes = append(plan, Rider{n, f}), bytes+f.SizeBytes
		return true
	})
	return plan
}
