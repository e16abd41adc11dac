package sim

import (
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore/retry"
)

// newJanitor begins a process that checks the bucket now and then while everything else happens to it, and repairs it: agents
// that come and go leave garbage, never damage, and what a repair takes away nobody may miss.
func (c *Cluster) newJanitor() {
	p := c.w.Proc("janitor")
	p.Go("fsck", func() {
		for !c.quiet {
			p.Sleep(c.w.Between(10*time.Second, 2*time.Minute))
			_ = c.check(p, true) // the bucket has faults: it will be checked again
		}
	})
}

// check runs fsck, and makes damage a violation.
func (c *Cluster) check(p *sim.Proc, repair bool) error {
	store := retry.New(p, c.bucket.For(p), retry.DefaultPolicy)
	r, err := fsck.Run(ctx, p, store, fsck.Options{Repair: repair, W: c.options.W})
	for _, found := range r.Problems {
		if found.Severity == fsck.Damage && err == nil && !c.isSpoiled(found.Key) {
			c.audit.violated(CheckFsck, "%s: %s", found.Key, found.Text)
		}
	}
	if d := r.Deleted; d != (fsck.Deleted{}) {
		c.marks.Hit(BucketRepaired)
		c.w.Logf("repaired: %+v", d)
		if d.Files > 0 {
			c.marks.Hit(OrphanDeleted)
		}
	}
	return err
}

// isSpoiled reports whether an object is a snapshot that was damaged on purpose.
func (c *Cluster) isSpoiled(key string) bool {
	if c.options.Seams.Damages && strings.HasPrefix(key, "snapshot/") {
		return true
	}
	for slot := range c.damaged {
		if journal.SnapshotKey(slot) == key {
			return true
		}
	}
	return false
}

// orphansAge is how long the cluster idles, in some seeds, before the last check: then uploads that nobody committed are orphans.
const orphansAge = 70 * time.Minute

// lastCheck checks a bucket without faults, and repairs it.
func (c *Cluster) lastCheck(main *sim.Proc) {
	if c.w.Uint64()%8 == 0 {
		main.Sleep(orphansAge)
	}
	for _, repair := range []bool{false, true, false} {
		if err := c.check(main, repair); err != nil {
			c.audit.violated(CheckFsck, "the bucket has no faults, and cannot be checked: %v", err)
			return
		}
	}
}
