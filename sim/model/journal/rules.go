package journal

import "github.com/millrace-io/millrace/sim/model/explore"

// The rules that a world can be run without.
const (
	// Writing.
	SlotsOnce       explore.Rule = "a slot is created only if it is absent"
	ChainCheck      explore.Rule = "an entry whose chain hash does not match is void"
	AttemptIDs      explore.Rule = "own attempts are told apart by attempt ids"
	VoidIsNot       explore.Rule = "an own attempt that is void did not happen"
	AcksDurable     explore.Rule = "replies wait until their entry is durable"
	RepliesInOrder  explore.Rule = "replies of entry N+1 wait until N is believed"
	RepeatsBelieved explore.Rule = "a repeat is answered from what is believed, not from what is under way"
	CommandTable    explore.Rule = "a repeat gets its first verdict, from a table"
	GapRefused      explore.Rule = "a command whose predecessor is missing is refused"
	IncarnationsNew explore.Rule = "incarnations are never reused"
	RefusalWritten  explore.Rule = "a refusal is an event in an entry"

	// Rule R.
	ReadsUnderR     explore.Rule = "an entry that was read is believed under rule R"
	SuccessUnderR   explore.Rule = "a success is believed under rule R"
	AbsenceUnderR   explore.Rule = "absence is believed under rule R"
	AnchorCreated   explore.Rule = "a read entry's anchor is when it was created, not when it was read"
	AnchorEnds      explore.Rule = "an anchor covers W/2 and no more" // a local clock that stops in sleep comes to the same
	HalfOfW         explore.Rule = "an anchor covers half of W, not W"
	ListingAfter    explore.Rule = "a listing proves what was seen before it began"
	AnchorFirst     explore.Rule = "a listing's anchor is the Date before its first page"
	AnchorBelieved  explore.Rule = "a Last-Modified is an anchor only once its entry is believed"
	AnchorBeforePut explore.Rule = "a win's anchor is the Date before its first PUT"
	StreamNoAnchor  explore.Rule = "an entry from a stream is no anchor"

	// Rule T, and what it takes of the bucket.
	SnapshotAge    explore.Rule = "slots are deleted only for a snapshot W old"
	SnapshotCovers explore.Rule = "slots are deleted only up to the snapshot"
	ClocksAgree    explore.Rule = "the bucket's clocks agree to within W/2"

	// Peers and barriers.
	StreamBelieved   explore.Rule = "only entries that are believed are streamed"
	BarrierProbes    explore.Rule = "a barrier probes the journal's end"
	ProbesBegunAfter explore.Rule = "a barrier's probe is begun after the request"
	WinsBegunAfter   explore.Rule = "a barrier's win is begun after the request"
	SequencerProbes  explore.Rule = "a sequencer answers for others only from a probe or a win"
)
