package sim

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore"
)

// damageSnapshot flips a bit in the newest snapshot's manifest, if agents that start can do without it: an older one and
// the slots since are there, and the entry after it tells which chain they have to lead to.
func (c *Cluster) damageSnapshot() {
	slots := c.snapshots()
	if len(slots) == 0 {
		return
	}
	newest, older := slots[len(slots)-1], base.Slot(0)
	if len(slots) > 1 {
		older = slots[len(slots)-2]
	}
	o, err := c.bucket.mem.GetRange(ctx, journal.SnapshotKey(newest), 0, -1)
	if err != nil || c.bucket.now().Sub(o.LastModified) > c.options.W/2 || c.isDamaged(older, newest) || !c.leads(older, newest) {
		return
	}
	body := bytes.Clone(o.Body)
	body[c.w.Uint64()%uint64(len(body))] ^= 1 << (c.w.Uint64() % 8)
	if _, err := c.bucket.mem.Put(ctx, journal.SnapshotKey(newest), body); err != nil {
		panic(err)
	}
	c.damaged[newest] = true
	c.marks.Hit(SnapshotDamaged)
	c.w.Logf("snapshot %d is damaged", newest)
}

func (c *Cluster) isDamaged(slots ...base.Slot) bool {
	return slices.ContainsFunc(slots, func(s base.Slot) bool { return c.damaged[s] })
}

// snapshots lists the slots of the snapshots in the bucket.
func (c *Cluster) snapshots() (slots []base.Slot) {
	page, err := c.bucket.mem.List(ctx, snapshots, "", objstore.ListLimitMax)
	if err != nil {
		panic(err)
	}
	for _, e := range page.Entries {
		for s := c.audit.newest; s > 0; s-- {
			if journal.SnapshotKey(s) == e.Key {
				slots = append(slots, s)
				break
			}
		}
	}
	return slots
}

// leads reports whether all slots from after older to after newest are there, and the last of them follows that before.
func (c *Cluster) leads(older, newest base.Slot) bool {
	var before [32]byte
	for s := older + 1; s <= newest+1; s++ {
		o, err := c.bucket.mem.GetRange(ctx, journal.EntryKey(s), 0, -1)
		if err != nil {
			return false
		}
		e, err := journal.DecodeEntry(o.Body)
		if err != nil {
			panic(err)
		}
		if s == newest+1 {
			return e.Prev == before
		}
		before = sha256.Sum256(o.Body)
	}
	return false
}
