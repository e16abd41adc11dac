package parts

import "github.com/millrace-io/millrace/sim/model/explore"

// The rules that a world can be run without.
const (
	NamesNew      explore.Rule = "a part's name is never used again"
	BaseInTime    explore.Rule = "parts are not taken over from a late snapshot"
	DeadlineHolds explore.Rule = "a snapshot created after its deadline is late"
	DeadlineHalf  explore.Rule = "the deadline is after W/2, not W"
	Successors    explore.Rule = "the deadline counts from the first snapshot after the prior one"
	PartsOld      explore.Rule = "a part is swept only when it is W old"
	AllManifests  explore.Rule = "all manifests from rule T's on are counted"
	ListedAfter   explore.Rule = "the listing is begun after the Date that ages are counted from"
)

// Whole is the promise: a snapshot that is in time has its part, until a later one that is W old has taken over.
const Whole explore.Promise = "a snapshot that counts has its parts"
