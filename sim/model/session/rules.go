package session

import "github.com/millrace-io/millrace/sim/model/explore"

// The rules that a world can be run without.
const (
	NumbersNew   explore.Rule = "an incarnation is issued once"
	NonceTells   explore.Rule = "a process knows its registration by a random nonce"
	GoneRefused  explore.Rule = "a command of an incarnation that is gone is refused"
	GoneIsFatal  explore.Rule = "an agent that finds itself expired starts anew"
	GapRefused   explore.Rule = "a command is taken only as the next number"
	TableAnswers explore.Rule = "a command's repeat is not decided again"
	Watermark    explore.Rule = "a verdict is kept until its agent says that it has it"
	UnknownTold  explore.Rule = "with the session gone an outcome is unknown, not failed"
)

// The promises.
const (
	OneBearer explore.Promise = "no two processes bear one incarnation"
	Once      explore.Promise = "a command happens once"
	Order     explore.Promise = "a process's commands keep their order"
	GoneStays explore.Promise = "an expired incarnation does nothing more"
	TrueReply explore.Promise = "what a client was told is so"
	Recovers  explore.Promise = "every agent can go on once faults end"
)
