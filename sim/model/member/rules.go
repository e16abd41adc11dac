package member

import "github.com/millrace-io/millrace/sim/model/explore"

// The rules that a world can be run without.
const (
	OnlyTender    explore.Rule = "only its tender ends a member's session"
	FullSession   explore.Rule = "who adopts a member grants it a full session"
	StalledGrants explore.Rule = "a tender that stalled grants sessions anew"
)

// The promises.
const (
	Stays explore.Promise = "a member that beats stays"
	Ends  explore.Promise = "a member that is gone is found out by any agent"
)
