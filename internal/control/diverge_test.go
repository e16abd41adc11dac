package control_test

import (
	"context"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// nothing is a Restorer for a journal without snapshots.
type nothing struct{}

func (nothing) Begin(journal.Manifest) error { return nil }
func (nothing) Part(string, []byte) error    { return nil }

// A writer whose digest is wrong stops nobody: the others rebuild the state once, find that they are right, and pass its
// digests over from then on.
func TestWrongDigestOfAnother(t *testing.T) {
	inWorld(t, 12, func(x *world) {
		a := x.join("a", false, admin.AllRoles)
		x.main.Sleep(10 * time.Second)
		ctx := context.Background()
		cluster, err := journal.OpenCluster(ctx, x.main, x.bucket)
		if err != nil {
			x.Error(err)
			return
		}
		rogue := journal.Open(x.main, x.bucket, cluster, journal.W)
		if _, err := rogue.Load(ctx, nothing{}); err != nil {
			x.Error(err)
			return
		}
		lie := func() (requests int) {
			for status := journal.Lost; status != journal.Won; {
				for status != journal.Absent {
					if _, status, err = rogue.Next(ctx); err != nil {
						x.Error(err)
						return
					}
				}
				slot, _ := rogue.Position()
				if _, status, err = rogue.Append(ctx, journal.Draft{Writer: 99, Level: 1, DigestSlot: slot, Digest: 12345, Payload: []byte{0}}); err != nil {
					x.Error(err)
					return
				}
			}
			slot, _ := rogue.Position()
			before := a.requests()
			x.within(11*time.Second, "the entry is followed", func() bool { return a.View().Slot >= slot })
			return a.requests() - before
		}
		first, second := lie(), lie()
		if a.Err() != nil || a.Self() != 1 {
			x.Errorf("the agent is %d and ended with %v", a.Self(), a.Err())
		}
		if second >= first || second > 3 {
			x.Errorf("%d requests for the first wrong digest, %d for the second: the state was rebuilt again", first, second)
		}
	})
}
