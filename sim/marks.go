package sim

import (
	"fmt"
	"slices"
	"strings"
)

// Mark names a fault or a rare path whose happening is counted: what never happened was not tested.
type Mark string

// The marks of a run. Those of faults are counted where the fault is done, those of paths where their effect is seen.
const (
	BucketSlow         Mark = "bucket: slow"
	BucketVerySlow     Mark = "bucket: slower than the client waits"
	BucketThrottled    Mark = "bucket: throttled"
	BucketStorm        Mark = "bucket: storm of throttling"
	BucketFailed       Mark = "bucket: failed before it did anything"
	BucketAnswerLost   Mark = "bucket: did it and lost the answer"
	BucketNotDone      Mark = "bucket: lost the request, said nothing"
	BucketConflict     Mark = "bucket: 409, not done"
	BucketLate         Mark = "bucket: write on its way after the client gave up"
	BucketLateCreated  Mark = "bucket: late create landed"
	BucketLateRefused  Mark = "bucket: late create found the key taken"
	BucketRecreated    Mark = "bucket: late create brought a deleted object back"
	BucketUnreachable  Mark = "bucket: unreachable for one agent"
	BucketHedged       Mark = "bucket: slow request sent a second time"
	BucketShortPage    Mark = "bucket: listing in several pages"
	BucketClockBack    Mark = "bucket: Date went back"
	AgentKilled        Mark = "agent: killed"
	AgentKilledWriting Mark = "agent: killed while its write landed"
	AgentStartFailed   Mark = "agent: gave up its start for want of the bucket"
	AgentStopped       Mark = "agent: stopped in good order"
	AgentPaused        Mark = "agent: paused"
	AgentPausedLong    Mark = "agent: paused for longer than W"
	AgentSuspended     Mark = "agent: suspended"
	AgentSkewed        Mark = "agent: wrong clock"
	PeersCut           Mark = "peers: cut off from each other"
	EntryVoidInjected  Mark = "journal: void entry injected"
	EntryVoid          Mark = "journal: void entry read"
	EntryStreamed      Mark = "journal: entry from a peer's stream"
	SlotLost           Mark = "journal: slot lost"
	StateReloaded      Mark = "journal: state loaded anew"
	SnapshotMade       Mark = "journal: snapshot made"
	EntriesTruncated   Mark = "journal: entries truncated"
	StartFromSnapshot  Mark = "journal: agent started from a snapshot"
	SlotKept           Mark = "journal: slot kept from truncation, as something rides in it or after it"
	SegmentRode        Mark = "riders: segment rode in an entry"
	RiderRead          Mark = "riders: read from the journal"
	RiderMoved         Mark = "riders: landed under a reader, its slot truncated"
	RidersLanded       Mark = "riders: landed in a data file"
	AgentExpired       Mark = "agent: expired by another while alive"
	BatchParked        Mark = "ingest: batch parked"
	BatchRepeated      Mark = "produce: repeated batch answered with its first offset"
	BatchRetried       Mark = "produce: batch sent again"
	BatchMoved         Mark = "produce: batch sent again to another agent"
	BatchTimedOut      Mark = "produce: no answer in time"
	BatchUnknown       Mark = "produce: given up, outcome unknown"
	BatchUnknownThere  Mark = "produce: given up, and in the log all the same"
	ProducerAnew       Mark = "produce: producer began anew after a gap"
	ClientRestarted    Mark = "produce: client started anew"
	OffsetCommitted    Mark = "group: offset committed"
	OffsetWentBack     Mark = "group: commit given up landed after its successor"
	RecordsDeleted     Mark = "log: records deleted"
	ReaderStale        Mark = "read: from a view behind another's"
	GroupJoined        Mark = "group: member joined a generation"
	GroupCommitted     Mark = "group: member committed"
	CommitFenced       Mark = "group: commit of a member that is out was refused"
	MemberLeft         Mark = "group: member left"
	MemberDied         Mark = "group: member died without leaving"
	MemberStalled      Mark = "group: member stalled and went on"
	ClientConnected    Mark = "kafka: client connected"
	ClientCut          Mark = "kafka: client cut off from an agent"
	LeaderMoved        Mark = "kafka: partitions have other leaders"
	FetchSession       Mark = "kafka: incremental fetch"
	FetchOutOfRange    Mark = "kafka: offset out of range"
)

// AllMarks are the marks that the standard seeds have to show, in the order of the table.
var AllMarks = []Mark{BucketSlow, BucketVerySlow, BucketThrottled, BucketStorm, BucketFailed, BucketAnswerLost, BucketNotDone,
	BucketConflict, BucketLate, BucketLateCreated, BucketLateRefused, BucketRecreated, BucketUnreachable, BucketHedged, BucketShortPage, BucketClockBack,
	AgentKilled, AgentKilledWriting, AgentStopped, AgentPaused, AgentPausedLong, AgentSuspended, AgentSkewed, AgentExpired, PeersCut,
	EntryVoidInjected, EntryVoid, EntryStreamed, SlotLost, StateReloaded, SnapshotMade, EntriesTruncated, SlotKept, StartFromSnapshot,
	SegmentRode, RiderRead, RiderMoved, RidersLanded,
	BatchParked, BatchRepeated, BatchRetried, BatchMoved, BatchTimedOut, BatchUnknown, BatchUnknownThere, ProducerAnew, ClientRestarted,
	OffsetCommitted, OffsetWentBack, RecordsDeleted, ReaderStale,
	ClientConnected, ClientCut, LeaderMoved, FetchSession, FetchOutOfRange,
	GroupJoined, GroupCommitted, CommitFenced, MemberLeft, MemberDied, MemberStalled}

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
