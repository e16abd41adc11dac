package land_test

import (
	"context"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/jobs/land"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
)

// One entry that the bucket does not give (a 500 for this key alone, a key of encryption that is gone) must not hold up all others: they
// would ride until nothing may ride any more, and the journal would be kept for them.
func TestOneEntryCannotBeReadNow(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
		b.job.Stop(b.proc.Now().Add(time.Second))
		b.ride(100, 0)
		bad := b.View().Log.OldestRide()
		for range 4 {
			b.ride(100, 1)
		}
		reads := 0
		b.job = land.New(b.proc, b.Control, b.store, land.Source{
			Cached: func(base.FileRef, int64) []byte { return nil },
			Riders: func(ctx context.Context, slot base.Slot) ([]log.Rider, error) {
				reads++
				if slot == bad {
					return nil, &objstore.Error{Kind: objstore.Other, Op: "get", Key: "journal", Cause: context.DeadlineExceeded}
				}
				return b.store.riders(ctx, slot)
			}}, land.Pace{}, quiet)
		b.job.Start()
		b.proc.Sleep(10 * time.Minute)
		rides := 0
		b.View().Log.Riders(func(uint64, log.File) bool { rides++; return true })
		t.Logf("after 10 minutes %d of 5 ride, %d reads", rides, reads)
		if rides != 1 {
			t.Errorf("%d of 5 ride still", rides)
		}
	})
}
