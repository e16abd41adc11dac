package journal

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// anchor says: at date, by the bucket's clock, there was no snapshot ≥ floor. It never becomes untrue.
type anchor struct {
	date  time.Time // zero: no anchor
	floor base.Slot
}

// belief is rule R's method (b), as arithmetic on dates the bucket gave. A slot n is deleted only once a snapshot ≥ n is
// w old. If at the anchor there was none, n stays undeleted until anchor + w, so what a response dated within w/2 after
// the anchor says of n is true; the other half of w is for clocks of one bucket that disagree.
type belief struct {
	w      time.Duration
	steady bool // the bucket's clock does not step back: without that no date proves anything
	anchor anchor
}

// renewAfter: an anchor is replaced once a newer one gains that share of w. Always taking the newest would put it so
// close to the next response that two clocks of the bucket, a second apart, could leave that response before it.
const renewAfter = 8

// offer proposes an anchor: date must have been received, or recorded by the bucket, before any snapshot ≥ floor was
// made. The zero date is no anchor. Floors only rise: a Log goes back only to slots that it proved otherwise.
func (b *belief) offer(date time.Time, floor base.Slot) {
	if !b.steady || date.IsZero() {
		return
	}
	if b.anchor.date.IsZero() || date.Sub(b.anchor.date) > b.w/renewAfter {
		b.anchor = anchor{date, floor}
	}
}

// covers reports whether what a response of that date says of slot n may be believed without a listing.
func (b *belief) covers(n base.Slot, date time.Time) bool {
	a := b.anchor
	return b.steady && !a.date.IsZero() && n >= a.floor &&
		!date.Before(a.date) && (!date.After(a.date.Add(b.w/2)) || plant.LeftOut(plant.AnchorAge))
}
