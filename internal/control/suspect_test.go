package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// An agent whose host is gone, so that nobody refuses a connection, is expired as soon under constant load as without: an entry that is
// won shows the journal's end as well as a look at it.
func TestDeadHostIsNoticedUnderLoad(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 5 * time.Millisecond} {
		inWorld(t, 1, func(x *world) {
			a, b := x.join("a", true, admin.AllRoles), x.join("b", true, admin.AllRoles)
			x.main.Sleep(2 * time.Second)
			x.pause = func(key string) time.Duration {
				if strings.HasPrefix(key, "journal/") {
					return 100 * time.Millisecond
				}
				return 0
			}
			dead := b.Self()
			a.p.Go("load", func() {
				for n := range 100_000 {
					a.Active()
					a.Propose(&log.CommitSegment{File: base.FileRef{ID: base.ULID{13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}}, SizeBytes: 64 << 10, LastModified: a.Now()})
					a.p.Sleep(every)
				}
			})
			x.main.Sleep(5 * time.Second)
			x.w.Cut(a.p, b.p)
			b.p.Kill()
			x.within(20*time.Second, "the dead agent is expired", func() bool { return !live(dead, a) })
		})
	}
}
