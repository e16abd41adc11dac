package meta

import "github.com/millrace-io/millrace/internal/base"

// digestsKept is how many states back an entry may name a digest: a writer has eight entries under way at most, each decided when
// the one before the first of them was the last it had believed.
const digestsKept = 16

// Digests are those of the last states, for what entries say of them. The zero value holds none.
type Digests struct {
	last [digestsKept]struct {
		slot   base.Slot
		digest uint64
	}
	next int
}

// Add takes that of s, in place of the oldest.
func (d *Digests) Add(s *State) {
	d.last[d.next].slot, d.last[d.next].digest = s.Slot, s.Digest()
	d.next = (d.next + 1) % digestsKept
}

// At gives the digest of the state after an entry; false if it is not kept. Slot 0 is no entry's.
func (d *Digests) At(slot base.Slot) (digest uint64, ok bool) {
	for _, x := range d.last {
		if x.slot == slot && slot != 0 {
			return x.digest, true
		}
	}
	return 0, false
}
