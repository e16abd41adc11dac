package history

import (
	"fmt"
	"sort"
)

// Check is a kind of broken promise. None of them is permitted to Apache Kafka towards the clients here: producers are
// idempotent, consumers process before they commit, nothing is deleted.
type Check string

// The checks by Jepsen's names. In these an operation is what a producer sent together, or what one poll returned: int
// is within one operation, ext from one to a later one of the same client. Jepsen's G0, G1 and precommitted-read are
// about transactions, of which there are none here.
const (
	// LostWrite: a record was acknowledged and is nowhere in the log, or the log has a hole.
	LostWrite Check = "lost-write"
	// Duplicate: one record is at two offsets.
	Duplicate Check = "duplicate"
	// InconsistentOffsets: two clients were told different things about one offset, or of different offsets of one record.
	InconsistentOffsets Check = "inconsistent-offsets"
	// IntNonmonotonicSend, ExtNonmonotonicSend: a record is at a lower offset than one that its producer sent before it.
	IntNonmonotonicSend Check = "int-nonmonotonic-send"
	ExtNonmonotonicSend Check = "ext-nonmonotonic-send"
	// IntPollSkip, ExtPollSkip: a consumer was given a record, and then a later one, but not what lies between.
	IntPollSkip Check = "int-poll-skip"
	ExtPollSkip Check = "ext-poll-skip"
	// IntNonmonotonicPoll, ExtNonmonotonicPoll: a consumer that kept a partition was given a record at or before the last.
	IntNonmonotonicPoll Check = "int-nonmonotonic-poll"
	ExtNonmonotonicPoll Check = "ext-nonmonotonic-poll"
	// Unseen: a record of the log was never given to a reader, or to any member of a group.
	Unseen Check = "unseen"
)

// Checks that Jepsen does not have.
const (
	// Gap: a record is in the log and one that the same idempotent producer sent before is not.
	Gap Check = "gap"
	// Phantom: a record that nobody sent.
	Phantom Check = "phantom"
	// LostCommit: a member was given a partition and went on before what its group had committed.
	LostCommit Check = "lost-commit"
	// FatalError: a client gave something up. Clients repeat what may be repeated, as they do with Apache Kafka.
	FatalError Check = "fatal-error"
)

// Violation is a broken promise.
type Violation struct {
	Check Check
	Text  string
}

func (v Violation) String() string { return string(v.Check) + ": " + v.Text }

// textsMax is how many violations of a check are told in full: more of them tell nothing more.
const textsMax = 10

// violations are counted by check, and told up to textsMax.
type violations struct {
	texts map[Check][]string
	more  map[Check]int
}

func (v *violations) found(c Check, format string, args ...any) {
	if len(v.texts[c]) == textsMax {
		v.more[c]++
		return
	}
	v.texts[c] = append(v.texts[c], fmt.Sprintf(format, args...))
}

// list gives all violations, by check.
func (v *violations) list() []Violation {
	var list []Violation
	for check, texts := range v.texts {
		for _, text := range texts {
			list = append(list, Violation{check, text})
		}
		if more := v.more[check]; more > 0 {
			list = append(list, Violation{check, fmt.Sprintf("and %d more", more)})
		}
	}
	sort.SliceStable(list, func(i, k int) bool { return list[i].Check < list[k].Check })
	return list
}
