package riders

import "github.com/millrace-io/millrace/sim/model/explore"

// The rules that a world can be run without.
const (
	Spared     explore.Rule = "slots from the first that something rides in are spared"
	OwnSlots   explore.Rule = "a sweeper keeps what comes after the state it goes by"
	StillRides explore.Rule = "what rides no more is left out where a landing is decided"
	Uploaded   explore.Rule = "riders land in a file that is in the bucket"
	InTime     explore.Rule = "a landing is refused once its file may be taken for an orphan"
	References explore.Rule = "a file stays as long as anything that landed in it"
)

// The promises.
const (
	There   explore.Promise = "what was acknowledged is where the state says"
	Deleted explore.Promise = "what was deleted stays deleted"
)
