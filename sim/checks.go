package sim

import (
	"fmt"
	"io"
	"slices"
)

// The names of the checks that find broken promises. Those that Jepsen's Kafka workload (jepsen.tests.kafka) knows have its
// names; what it says of a transaction is said here of a request, as there are no transactions yet.
const (
	CheckLostWrite           = "lost-write"
	CheckUnseen              = "unseen"
	CheckDuplicate           = "duplicate"
	CheckInconsistentOffsets = "inconsistent-offsets"
	CheckNonmonotonicSend    = "nonmonotonic-send"
	CheckIntNonmonotonicSend = "int-nonmonotonic-send"
	CheckIntSendSkip         = "int-send-skip"
	CheckPollSkip            = "poll-skip"
	CheckNonmonotonicPoll    = "nonmonotonic-poll"
	CheckIntPollSkip         = "int-poll-skip"
	CheckIntNonmonotonicPoll = "int-nonmonotonic-poll"
	CheckG1a                 = "G1a"

	CheckPhantom      = "phantom"
	CheckOutOfRange   = "out-of-range"
	CheckOffsetsBack  = "offsets-back"
	CheckStaleBarrier = "stale-barrier"
	CheckLogStart     = "log-start"
	CheckRefused      = "produce-refused"
	CheckProducerID   = "producer-id-reuse"
	CheckLostCommit   = "lost-commit"
	CheckFencing      = "fencing"
	CheckAssignment   = "assignment"
	CheckProtocol     = "protocol"
	CheckDivergence   = "divergence"
	CheckClock        = "clock"
	CheckIncarnation  = "incarnation-reuse"
	CheckRepeat       = "repeat-refused"
	CheckExpelled     = "expelled"
	CheckState        = "state-check"
	CheckLevel        = "level"
	CheckFsck         = "fsck"
	CheckPanic        = "panic"
	CheckAgentStart   = "agent-start"
	CheckAgentStopped = "agent-stopped"
	CheckStuck        = "stuck"
)

// Check is one line of the list of checks.
type Check struct {
	Name   string
	Says   string
	Kafka  string // whether Apache Kafka permits it
	Here   string // how it is checked here, or why it is not
	Jepsen bool   // the name is that of Jepsen's Kafka workload
	Absent bool   // it is not checked
}

const (
	never      = "never"
	noneYet    = "not yet: there are no transactions"
	eachAnswer = "each answer"
	eachView   = "each view"
)

// Checks are all checks, first those of Jepsen's Kafka workload: also those that make no sense here, with the reason.
var Checks = []Check{
	{Name: CheckLostWrite, Jepsen: true, Says: "An acknowledged record is not at its offset, though it was not deleted, or cannot be read whole.",
		Kafka: never + ", with acks=all", Here: "each read, and the whole log at the end"},
	{Name: CheckUnseen, Jepsen: true, Says: "An acknowledged record was given to no consumer, though all have read to the end.",
		Kafka: never, Here: "at the end, where consumers speak Kafka's protocol"},
	{Name: CheckDuplicate, Jepsen: true, Says: "A record is in the log twice.",
		Kafka: "to producers without idempotence that send again", Here: "each read; but for producers without idempotence that send again"},
	{Name: CheckInconsistentOffsets, Jepsen: true, Says: "Two readers, or a reader and an acknowledgement, differ about an offset.",
		Kafka: never, Here: eachAnswer + " and read"},
	{Name: CheckNonmonotonicSend, Jepsen: true, Says: "Records of one producer lie in another order than they were sent.",
		Kafka: "to producers without idempotence that have several requests under way", Here: "at the end; idempotent producers, also across their lives"},
	{Name: CheckIntNonmonotonicSend, Jepsen: true, Says: "The records of one batch lie in another order.", Kafka: never, Here: "each read"},
	{Name: CheckIntSendSkip, Jepsen: true, Says: "Between the records of one batch lie others.",
		Kafka: "in a transaction; never in a batch", Here: "each read"},
	{Name: CheckPollSkip, Jepsen: true, Says: "A Fetch is given a later record than the one at its offset.",
		Kafka: "where records were compacted away", Here: eachAnswer + ": a consumer asks for the offset after the last, unless it seeks or is assigned the partition anew"},
	{Name: CheckNonmonotonicPoll, Jepsen: true, Says: "A Fetch is given batches that end before its offset.",
		Kafka: "after a rebalance, as the offset to begin at is older then", Here: eachAnswer},
	{Name: CheckIntPollSkip, Jepsen: true, Says: "An answer leaves records out.", Kafka: "where records were compacted away", Here: eachAnswer},
	{Name: CheckIntNonmonotonicPoll, Jepsen: true, Says: "The offsets of an answer go back.", Kafka: never, Here: eachAnswer},
	{Name: CheckG1a, Jepsen: true, Says: "A record is read whose producer was told that it is refused for good.",
		Kafka: never, Here: "each read: damaged batches; aborted transactions not yet"},
	{Name: "precommitted-read", Jepsen: true, Says: "A transaction reads what it has sent itself.", Kafka: never, Here: noneYet, Absent: true},
	{Name: "G1b", Jepsen: true, Says: "A record is read that its transaction wrote over later.", Kafka: never, Here: noneYet + "; a log is not written over", Absent: true},
	{Name: "G1c", Jepsen: true, Says: "Transactions depend on each other in a circle of reads.", Kafka: "with write-write dependencies among them", Here: noneYet, Absent: true},
	{Name: "G0", Jepsen: true, Says: "The writes of two transactions interleave.", Kafka: "yes", Here: noneYet, Absent: true},

	{Name: CheckPhantom, Says: "A record that nobody sent, or one beyond the high watermark.", Kafka: never, Here: "each read"},
	{Name: CheckOutOfRange, Says: "An offset inside the log is said to be outside, as by an agent that is behind.",
		Kafka: "of followers that are behind (KIP-392), for a moment", Here: eachAnswer},
	{Name: CheckOffsetsBack, Says: "The end of a partition goes back.", Kafka: never + ", with acks=all", Here: eachView + " of an agent, each Fetch"},
	{Name: CheckStaleBarrier, Says: "What must be up to date is not: the latest offset lies before what was acknowledged.", Kafka: never, Here: eachAnswer + " to ListOffsets, each barrier"},
	{Name: CheckLogStart, Says: "A log begins behind what was asked to be deleted and what retention lets go.", Kafka: never, Here: eachView + ", each answer to ListOffsets"},
	{Name: CheckRefused, Says: "A sound batch is refused for good.", Kafka: never, Here: eachAnswer},
	{Name: CheckProducerID, Says: "A producer id is issued twice.", Kafka: never, Here: eachAnswer},
	{Name: CheckLostCommit, Says: "A committed offset is not there, or one that nobody committed is.",
		Kafka: "one whose outcome the member does not know may come late; here only at the agent of its successor", Here: eachAnswer + " to OffsetFetch, each barrier"},
	{Name: CheckFencing, Says: "A commit of a generation is taken after a later one has begun.", Kafka: never, Here: eachAnswer},
	{Name: CheckAssignment, Says: "In one generation two members own a partition, or two lead.", Kafka: never, Here: eachAnswer},
	{Name: CheckProtocol, Says: "An answer does not decode, is out of turn, lacks what was asked for, or is an error that Kafka does not give.", Kafka: never, Here: eachAnswer},
	{Name: CheckRepeat, Says: "A batch that is in the log is sent again and refused as out of order, to a producer with no more under way than clients may have.", Kafka: never, Here: eachAnswer},
	{Name: CheckExpelled, Says: "A member that was heard of in time, with all faults long ended, is said to be none.", Kafka: never, Here: eachAnswer},
	{Name: CheckClock, Says: "The state's clock goes back, or runs ahead of the bucket's.", Kafka: "-", Here: eachView},
	{Name: CheckIncarnation, Says: "Two lives of agents have the same number.", Kafka: "-", Here: "all the time"},
	{Name: CheckDivergence, Says: "Two agents have different states after the same entry.", Kafka: "-", Here: eachView},
	{Name: CheckState, Says: "A state breaks an invariant of its own.", Kafka: "-", Here: fmt.Sprintf("every %d entries, and at the end", checkEvery)},
	{Name: CheckLevel, Says: "An entry of a newer version is written while an agent lives that does not know it.", Kafka: "-", Here: eachView},
	{Name: CheckFsck, Says: "From the bucket alone something is damaged: journal, snapshots, data files.", Kafka: "-", Here: "now and then while faults go on, and at the end"},
	{Name: CheckPanic, Says: "A request makes a handler panic.", Kafka: "-", Here: "each request"},
	{Name: CheckAgentStart, Says: "An agent does not start, for another reason than that the bucket is out of reach.", Kafka: "-", Here: "each start"},
	{Name: CheckAgentStopped, Says: "An agent gives up by itself.", Kafka: "-", Here: "all the time"},
	{Name: CheckStuck, Says: "With all faults ended the cluster does not come to rest.", Kafka: "-", Here: "at the end"},
}

// isCheck reports whether something is found under that name.
func isCheck(name string) bool {
	return slices.ContainsFunc(Checks, func(c Check) bool { return c.Name == name && !c.Absent })
}

// WriteChecks writes the list as a table in Markdown.
func WriteChecks(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "| check | what it finds | does Kafka permit it? | checked |\n|---|---|---|---|\n"); err != nil {
		return err
	}
	for _, c := range Checks {
		name := "`" + c.Name + "`"
		if c.Jepsen {
			name += " (Jepsen)"
		}
		if _, err := fmt.Fprintf(w, "| %s | %s | %s | %s |\n", name, c.Says, c.Kafka, c.Here); err != nil {
			return err
		}
	}
	return nil
}
