//go:build plant

package sim

import (
	"context"
	"strings"

	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/objstore"
)

// forked are the checks that see a journal of which two readers have different ideas: which of them is first is chance.
var forked = []string{CheckDivergence, CheckStaleBarrier, CheckOffsetsBack, CheckInconsistentOffsets, CheckLostWrite, CheckLostCommit, CheckProducerID, CheckFsck, CheckClock}

// rulePlants leave a rule out within a room.
var rulePlants = []Plant{
	{Name: "the chain is not checked: void entries count", Rule: plant.ChainCheck, Finds: []string{CheckLogStart}},
	{Name: "what is read of a slot is believed without rule R", Rule: plant.RuleR, Finds: forked},
	{Name: "an anchor of rule R never grows old", Rule: plant.AnchorAge, Finds: forked},
	{Name: "a slot that was absent once stays absent", Rule: plant.FreshAbsence, Finds: []string{CheckStaleBarrier, CheckLostCommit, CheckOutOfRange}},
	{Name: "an entry is taken for one's own by its writer's number", Rule: plant.AttemptIDs, Finds: forked},
	{Name: "entries are stamped with the machine's time", Rule: plant.BucketTime, Finds: []string{CheckClock}},
	{Name: "the journal is truncated for a snapshot younger than W", Rule: plant.SnapshotAge, Finds: forked},
	{Name: "parts that a snapshot names are swept", Rule: plant.PartsInUse, Finds: []string{CheckFsck, CheckStuck}},
	{Name: "entries are deleted for a snapshot that was not read back", Rule: plant.SnapshotReads, Seams: Seams{Store: storeOf(damageParts), Damages: true}, Finds: []string{CheckFsck, CheckStuck}},

	{Name: "slots that something rides in are truncated", Rule: plant.RidersSpared, Finds: []string{CheckLostWrite, CheckFsck}},
	{Name: "a repair deletes slots that something rides in", Rule: plant.RepairSpares, Finds: []string{CheckLostWrite, CheckFsck}},
	{Name: "riders are written while an agent lives that knows none", Rule: plant.RidersKnown, Finds: []string{CheckLevel}},
	{Name: "what rides no more lands again", Rule: plant.LandsOnce, Finds: []string{CheckState}},
	{Name: "what lands keeps its positions", Rule: plant.LandsWhereItIs, Finds: []string{CheckLostWrite, CheckDuplicate, CheckInconsistentOffsets, CheckFsck}},
	{Name: "a job's file is proposed before it is in the bucket", Rule: plant.OffersUploaded, Finds: []string{CheckLostWrite, CheckFsck}},
	{Name: "a job's file is deleted while nobody knows whether it was accepted", Rule: plant.RefusedGo, Finds: []string{CheckLostWrite, CheckFsck}},
	{Name: "files that landed are no references", Rule: plant.LandedRefersToo, Finds: []string{CheckState}},

	{Name: "extents are merged while an agent lives that knows no merges", Rule: plant.MergesKnown, Finds: []string{CheckLevel}},
	{Name: "a merge takes the place of other extents than were read", Rule: plant.MergesExactly, Finds: []string{CheckLostWrite, CheckDuplicate, CheckInconsistentOffsets, CheckFsck}},
	{Name: "a merge writes bytes whose memory another read may have", Rule: plant.MergesHold, Finds: []string{CheckLostWrite, CheckDuplicate, CheckInconsistentOffsets, CheckNonmonotonicSend, CheckFsck}},
	{Name: "extents are merged in the wrong order", Rule: plant.MergesInOrder, Finds: []string{CheckLostWrite, CheckDuplicate, CheckInconsistentOffsets, CheckNonmonotonicSend}},
	{Name: "files are removed while the log refers to them", Rule: plant.ReleasedGo, Finds: []string{CheckLostWrite, CheckFsck}},

	{Name: "a command is answered before its entry is won", Rule: plant.WonBeforeAnswer, Finds: []string{CheckLostWrite, CheckStaleBarrier, CheckLostCommit, CheckInconsistentOffsets, CheckProducerID}},
	{Name: "a void entry is taken for the journal's end", Rule: plant.VoidsPassedOver, Finds: []string{CheckStaleBarrier, CheckLostCommit, CheckOutOfRange}},
	{Name: "a sequencer answers its followers' barriers from where it stands", Rule: plant.BarrierProbe, Finds: []string{CheckStaleBarrier, CheckLostCommit, CheckOutOfRange}},
	{Name: "a barrier is answered by a look begun before it", Rule: plant.BarrierBegins, Finds: []string{CheckStaleBarrier, CheckLostCommit, CheckOutOfRange}},

	{Name: "a commit that was overtaken comes to life", Rule: plant.CommitsInOrder, Finds: []string{CheckLostCommit}},
	{Name: "the table of commands is forgotten: repeats happen again", Rule: plant.ExactlyOnce, Finds: []string{CheckLostCommit, CheckDuplicate, CheckInconsistentOffsets, CheckLogStart}},
	{Name: "an agent's number is issued again", Rule: plant.NewIncarnations, Finds: []string{CheckIncarnation, CheckLostWrite, CheckInconsistentOffsets, CheckLostCommit, CheckProducerID}},
	{Name: "the state's clock may go back", Rule: plant.TimeForward, Finds: []string{CheckClock}},

	{Name: "a batch that leaves a gap is appended", Rule: plant.SequenceGaps, Finds: []string{CheckNonmonotonicSend, CheckDuplicate, CheckInconsistentOffsets}},
	{Name: "only the last batch can be repeated", Rule: plant.RepeatWindow, Finds: []string{CheckRepeat}},
	{Name: "producer ids are issued without an event", Rule: plant.IDsAreEvents, Finds: []string{CheckProducerID}},
	{Name: "records are deleted beyond the high watermark", Rule: plant.DeleteBelowEnd, Finds: []string{CheckLogStart, CheckState, CheckOutOfRange}},
	{Name: "what a retention job proposes is done unseen", Rule: plant.RetentionChecked, Finds: []string{CheckLogStart, CheckOutOfRange}},
	{Name: "a live producer's sequence numbers expire", Rule: plant.ProducersChecked, Finds: []string{CheckRepeat, CheckDuplicate, CheckNonmonotonicSend, CheckInconsistentOffsets}},
	{Name: "a snapshot lacks producers' sequence numbers", Rule: plant.WindowsInParts, Finds: []string{CheckDuplicate, CheckNonmonotonicSend, CheckInconsistentOffsets}},

	{Name: "a commit of a member that is out is taken", Rule: plant.Fencing, Finds: []string{CheckFencing, CheckLostCommit}},
	{Name: "committed offsets expire before their time", Rule: plant.OffsetsChecked, Finds: []string{CheckLostCommit}},
	{Name: "a snapshot lacks committed offsets", Rule: plant.OffsetsInParts, Finds: []string{CheckLostCommit, CheckDivergence}},
	{Name: "an agent has members expire that it does not tend", Rule: plant.TenderExpires, Finds: []string{CheckExpelled, CheckStuck}},

	{Name: "each member of a generation is told that it leads", Rule: plant.OneLeader, Finds: []string{CheckAssignment}},
	{Name: "a Fetch is refused by the view at hand", Rule: plant.BarrierBeforeNo, Finds: []string{CheckOutOfRange}},
	{Name: "ListOffsets answers from the view at hand", Rule: plant.BarrierOfLatest, Finds: []string{CheckStaleBarrier}},
	{Name: "OffsetFetch answers from the view at hand", Rule: plant.BarrierOfOffsets, Finds: []string{CheckLostCommit}},
	{Name: "all batches of an extent are given the offset of its first", Rule: plant.BatchOffsets, Finds: []string{CheckNonmonotonicPoll, CheckIntNonmonotonicPoll, CheckPollSkip, CheckIntPollSkip, CheckInconsistentOffsets}},
	{Name: "a batch is taken to bear its offset without a look", Rule: plant.HeadersLookedAt, Finds: []string{CheckNonmonotonicPoll, CheckIntNonmonotonicPoll, CheckPollSkip, CheckIntPollSkip, CheckInconsistentOffsets}},
	{Name: "a request's memory is used again before its batches have their results", Rule: plant.FramesHeld, Finds: []string{CheckLostWrite, CheckDuplicate, CheckInconsistentOffsets, CheckNonmonotonicSend, CheckFsck}},
	{Name: "a segment is uploaded from memory that may be used again while it is under way", Rule: plant.BodiesStay, Finds: []string{CheckLostWrite, CheckDuplicate, CheckInconsistentOffsets, CheckNonmonotonicSend, CheckFsck}},
	{Name: "a batch is appended without being validated", Rule: plant.BatchChecksums, Finds: []string{CheckG1a, CheckLostWrite}},
}

// damageParts flips a bit of one part of a snapshot in thirty on its way into the bucket. The read-back is there for that:
// with it no promise is broken.
func damageParts(s *brokenStore) {
	s.create = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
		if strings.HasPrefix(key, "part/") && s.p.Uint64()%30 == 0 {
			body = append([]byte(nil), body...)
			body[len(body)/2] ^= 1
		}
		return s.Store.PutIfAbsent(ctx, key, body)
	}
}
