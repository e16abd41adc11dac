package sim

import (
	"fmt"
	"slices"
	"strings"
)

// Mark names a fault or a rare path whose happening is counted: what never happened was not tested.
type Mark string

// The faults, counted where they are done.
const (
	BucketSlow        Mark = "bucket: slow"
	BucketVerySlow    Mark = "bucket: slower than the client waits"
	BucketFailed      Mark = "bucket: failed before it did anything"
	BucketAnswerLost  Mark = "bucket: did it and lost the answer"
	BucketNotDone     Mark = "bucket: lost the request, said nothing"
	Bucket409         Mark = "bucket: 409, not done"
	Bucket412         Mark = "bucket: 412 to a create that was done"
	Bucket429         Mark = "bucket: 429, not done"
	Bucket500         Mark = "bucket: 500, done or not"
	Bucket503         Mark = "bucket: 503, done or not"
	Storm409          Mark = "bucket: storm of 409"
	Storm412          Mark = "bucket: storm of 412"
	Storm429          Mark = "bucket: storm of 429"
	Storm500          Mark = "bucket: storm of 500"
	Storm503          Mark = "bucket: storm of 503"
	BucketLate        Mark = "bucket: write on its way after the client gave up"
	BucketLateCreated Mark = "bucket: late create landed"
	BucketLateRefused Mark = "bucket: late create found the key taken"
	BucketRecreated   Mark = "bucket: late create brought a deleted object back"
	BucketListLate    Mark = "bucket: listing told late"
	BucketListMissed  Mark = "bucket: listing told after a snapshot was made that it does not show"
	BucketShortPage   Mark = "bucket: listing in several pages"
	BucketClockBack   Mark = "bucket: Date went back"
	BucketUnreachable Mark = "bucket: unreachable for one agent"
	BucketHedged      Mark = "bucket: slow request sent a second time"
	BucketParts       Mark = "bucket: segment written from where its batches lay"
	BucketOpened      Mark = "bucket: object opened as a file"
	SnapshotDamaged   Mark = "bucket: newest snapshot damaged"
	EntryVoidInjected Mark = "bucket: void entry injected"
	BucketRepaired    Mark = "bucket: garbage deleted by fsck"
	OrphanDeleted     Mark = "bucket: orphan deleted by fsck"

	AgentKilled        Mark = "agent: killed"
	AgentKilledWaiting Mark = "agent: killed between two instructions that wait"
	AgentKilledWriting Mark = "agent: killed while its write landed"
	AgentStopped       Mark = "agent: stopped in good order"
	AgentPaused        Mark = "agent: paused"
	AgentPausedLong    Mark = "agent: paused for longer than W"
	AgentPausedWriting Mark = "agent: paused for longer than W while its write landed"
	AgentSuspended     Mark = "agent: suspended"
	AgentSkewed        Mark = "agent: wrong clock"
	AgentTwice         Mark = "agent: started twice"
	AgentOlder         Mark = "agent: an older version among newer ones"
	PeersCut           Mark = "peers: two cut off from each other"
	PeersIsolated      Mark = "peers: one cut off from all others, not from the bucket"
	BucketCut          Mark = "peers: one cut off from the bucket, not from the others"
	ClientCut          Mark = "client: cut off from an agent"
	ClientKilled       Mark = "client: gone in the middle, another in its place"
	ClientHungUp       Mark = "client: hung up in the middle of a request"
	ClientRubbish      Mark = "client: damaged batch sent"
)

// The paths, counted where their effect is seen, or by the product where it is seen nowhere.
const (
	AgentStartFailed  Mark = "agent: gave up its start for want of the bucket"
	AgentExpired      Mark = "agent: expired while alive, and registered anew"
	AgentOutdated     Mark = "agent: met an entry of a newer version, and stopped"
	AgentChallenged   Mark = "agent: an idle one challenged"
	EntryVoid         Mark = "journal: void entry read"
	EntryStreamed     Mark = "journal: entry from a peer's stream"
	SlotLost          Mark = "journal: slot lost"
	AttemptAdopted    Mark = "journal: own attempt adopted after an unclear answer"
	WriterOvertaken   Mark = "journal: truncation or a snapshot overtook a writer or reader"
	SlotListed        Mark = "journal: rule R by a listing (a)"
	SlotAnchored      Mark = "journal: rule R by an anchor (b)"
	CommandRedecided  Mark = "journal: command decided again"
	CommandRepeated   Mark = "journal: command repeated, its first verdict stands"
	CommandGap        Mark = "journal: command with a gap before it not taken"
	CommandStranger   Mark = "journal: command of an incarnation that is gone not taken"
	TurnTaken         Mark = "journal: another domain's turn taken"
	TurnGiven         Mark = "journal: another domain's turn waited for"
	SequencerBypassed Mark = "journal: sequencer not relied upon"
	StateReloaded     Mark = "journal: state loaded anew"
	SnapshotMade      Mark = "journal: snapshot made"
	SnapshotFallback  Mark = "journal: damaged snapshot passed over"
	EntriesTruncated  Mark = "journal: entries truncated"
	SlotKept          Mark = "journal: slot kept from truncation, as something rides in it or before it"
	StartFromSnapshot Mark = "journal: agent started from a snapshot"
	LevelRaised       Mark = "journal: entry of a newer version written"
	SegmentRode       Mark = "riders: segment rode in an entry"
	RidersLanded      Mark = "riders: landed in a data file"
	ContainerRefused  Mark = "riders: refused what was to land, and its file deleted"
	RiderRead         Mark = "riders: read from the journal"
	RiderMoved        Mark = "riders: landed under a reader, its slot truncated"
	ExtentsMerged     Mark = "merges: small extents brought together in a data file"
	MergeRefused      Mark = "merges: refused what was to be merged, and its file deleted"
	FilesRemoved      Mark = "garbage: data file removed of which nothing was left"
	BatchParked       Mark = "ingest: batch parked"
	CommitTooLate     Mark = "ingest: commit of an upload that may be an orphan refused"
	BatchRepeated     Mark = "produce: repeated batch answered with its first offset"
	BatchRetried      Mark = "produce: batch sent again"
	BatchMoved        Mark = "produce: batch sent again to another agent"
	BatchTimedOut     Mark = "produce: no answer in time"
	BatchGap          Mark = "produce: batch with a gap before it refused"
	BatchUnknown      Mark = "produce: given up, outcome unknown"
	BatchUnknownThere Mark = "produce: given up, and in the log all the same"
	BatchDoubled      Mark = "produce: in the log twice, as a plain producer may have it"
	BatchUnasked      Mark = "produce: acks=0, and in the log"
	ProducerAnew      Mark = "produce: producer began anew after a gap"
	ClientRestarted   Mark = "produce: client started anew"
	RubbishRefused    Mark = "produce: damaged batch refused"
	OffsetCommitted   Mark = "group: offset committed"
	CommitOvertaken   Mark = "group: commit refused, as one through another agent had overtaken it"
	OffsetWentBack    Mark = "group: commit given up landed after its successor at the same agent"
	GroupJoined       Mark = "group: member joined a generation"
	GroupCommitted    Mark = "group: member committed"
	CommitFenced      Mark = "group: commit of a member that is out was refused"
	MemberLeft        Mark = "group: member left"
	MemberDied        Mark = "group: member died without leaving"
	MemberStalled     Mark = "group: member stalled and went on"
	MemberAdopted     Mark = "group: members adopted by another agent"
	RecordsDeleted    Mark = "log: records deleted"
	TooMuchRefused    Mark = "log: deletion beyond the end refused"
	RetainedByTime    Mark = "log: records let go by retention.ms"
	RetainedBySize    Mark = "log: records let go by retention.bytes"
	ReaderStale       Mark = "read: from a view behind another's"
	ClientConnected   Mark = "kafka: client connected"
	LeaderMoved       Mark = "kafka: partitions have other leaders"
	FetchSession      Mark = "kafka: incremental fetch"
	FetchOutOfRange   Mark = "kafka: offset out of range"
	BatchAsItLay      Mark = "kafka: batch sent as it lay, its offset was foreseen"
	BatchRewritten    Mark = "kafka: batch sent with another offset than it bears"
)

// AllMarks are the marks that the standard seeds have to show, in the order of the table.
var AllMarks = []Mark{
	BucketSlow, BucketVerySlow, BucketFailed, BucketAnswerLost, BucketNotDone, Bucket409, Bucket412, Bucket429, Bucket500, Bucket503,
	Storm409, Storm412, Storm429, Storm500, Storm503, BucketLate, BucketLateCreated, BucketLateRefused, BucketRecreated,
	BucketListLate, BucketListMissed, BucketShortPage, BucketClockBack, BucketUnreachable, BucketHedged, BucketParts, BucketOpened, SnapshotDamaged, EntryVoidInjected, BucketRepaired, OrphanDeleted,
	AgentKilled, AgentKilledWaiting, AgentKilledWriting, AgentStopped, AgentPaused, AgentPausedLong, AgentPausedWriting, AgentSuspended,
	AgentSkewed, AgentTwice, AgentOlder, PeersCut, PeersIsolated, BucketCut, ClientCut, ClientKilled, ClientHungUp, ClientRubbish,

	AgentStartFailed, AgentExpired, AgentOutdated, AgentChallenged, EntryVoid, EntryStreamed, SlotLost, AttemptAdopted, WriterOvertaken,
	SlotListed, SlotAnchored, CommandRedecided, CommandRepeated, CommandGap, CommandStranger, TurnTaken, TurnGiven, SequencerBypassed,
	StateReloaded, SnapshotMade, SnapshotFallback, EntriesTruncated, SlotKept, StartFromSnapshot, LevelRaised,
	SegmentRode, RidersLanded, ContainerRefused, RiderRead, RiderMoved,
	ExtentsMerged, MergeRefused, FilesRemoved,
	BatchParked, CommitTooLate, BatchRepeated, BatchRetried, BatchMoved, BatchTimedOut, BatchGap, BatchUnknown, BatchUnknownThere,
	BatchDoubled, BatchUnasked, ProducerAnew, ClientRestarted, RubbishRefused,
	OffsetCommitted, CommitOvertaken, OffsetWentBack, GroupJoined, GroupCommitted, CommitFenced, MemberLeft, MemberDied, MemberStalled, MemberAdopted,
	RecordsDeleted, TooMuchRefused, RetainedByTime, RetainedBySize, ReaderStale, ClientConnected, LeaderMoved, FetchSession, FetchOutOfRange,
	BatchAsItLay, BatchRewritten,
}

// Marks counts how often each mark fired.
type Marks map[Mark]int

// Hit counts one.
func (m Marks) Hit(k Mark) { m[k]++ }

// Add counts n.
func (m Marks) Add(k Mark, n int64) { m[k] += int(n) }

// Merge adds the counts of another run.
func (m Marks) Merge(other Marks) {
	for k, n := range other {
		m[k] += n
	}
}

// Missing lists the marks that never fired.
func (m Marks) Missing() []Mark {
	return slices.DeleteFunc(slices.Clone(AllMarks), func(k Mark) bool { return m[k] > 0 })
}

// String is a table, a line for each mark.
func (m Marks) String() string {
	var b strings.Builder
	for _, k := range AllMarks {
		fmt.Fprintf(&b, "%9d  %s\n", m[k], k)
	}
	return b.String()
}
