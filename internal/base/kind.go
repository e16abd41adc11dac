package base

import (
	"errors"
	"fmt"
)

// Kind is what went wrong, as one of the error codes of Kafka's protocol (the protocol guide's table; franz-go's kerr
// has names and texts), so that no second table has to be kept in step. Zero is success. Kinds that never reach a
// client are below KindInternalFirst.
type Kind int16

// The kinds the engine speaks of. Values are Kafka's.
const (
	OK                           Kind = 0
	UnknownServerError           Kind = -1
	OffsetOutOfRange             Kind = 1
	CorruptMessage               Kind = 2
	UnknownTopicOrPartition      Kind = 3
	NotLeaderOrFollower          Kind = 6
	RequestTimedOut              Kind = 7
	MessageTooLarge              Kind = 10
	OffsetMetadataTooLarge       Kind = 12
	CoordinatorLoadInProgress    Kind = 14
	CoordinatorNotAvailable      Kind = 15
	NotCoordinator               Kind = 16
	InvalidTopicException        Kind = 17
	InvalidRequiredAcks          Kind = 21
	IllegalGeneration            Kind = 22
	InconsistentGroupProtocol    Kind = 23
	InvalidGroupID               Kind = 24
	UnknownMemberID              Kind = 25
	InvalidSessionTimeout        Kind = 26
	RebalanceInProgress          Kind = 27
	InvalidTimestamp             Kind = 32
	UnsupportedVersion           Kind = 35
	TopicAlreadyExists           Kind = 36
	InvalidPartitions            Kind = 37
	InvalidReplicationFactor     Kind = 38
	InvalidReplicaAssignment     Kind = 39
	InvalidConfig                Kind = 40
	InvalidRequest               Kind = 42
	PolicyViolation              Kind = 44
	OutOfOrderSequenceNumber     Kind = 45
	InvalidProducerEpoch         Kind = 47
	TransactionalIDAuthorization Kind = 53
	StorageError                 Kind = 56
	NonEmptyGroup                Kind = 68
	GroupIDNotFound              Kind = 69
	FetchSessionIDNotFound       Kind = 70
	InvalidFetchSessionEpoch     Kind = 71
	FencedLeaderEpoch            Kind = 74
	UnknownLeaderEpoch           Kind = 75
	UnsupportedCompressionType   Kind = 76
	OffsetNotAvailable           Kind = 78
	MemberIDRequired             Kind = 79
	GroupMaxSizeReached          Kind = 81
	FencedInstanceID             Kind = 82
	GroupSubscribedToTopic       Kind = 86
	InvalidRecord                Kind = 87
	UnknownTopicID               Kind = 100
	FetchSessionTopicIDError     Kind = 106
	UnsupportedEndpointType      Kind = 115
	RebootstrapRequired          Kind = 129
)

// Kinds of the engine's own. None of them is ever sent to a client; the broker turns those that can reach it into the
// kind in the comment.
const (
	KindInternalFirst Kind = -100
	// SessionGone: the incarnation that bore the command is not registered any more. The process starts anew.
	SessionGone Kind = -101
	// OutcomeUnknown: the command may or may not have happened (RequestTimedOut).
	OutcomeUnknown Kind = -102
	// NumberGap: the command's number is not the next of its incarnation.
	NumberGap Kind = -103
	// Stopping: the agent is going away (NotLeaderOrFollower, CoordinatorNotAvailable).
	Stopping Kind = -104
)

// Error is a kind with its cause: what happened, where, and what to do. Its text may be shown to users.
type Error struct {
	Kind  Kind
	Text  string
	Cause error
}

// Errorf makes an Error. A %w verb in the format becomes its cause.
func Errorf(k Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Text: err.Error(), Cause: errors.Unwrap(err)}
}

func (e *Error) Error() string { return e.Text }

func (e *Error) Unwrap() error { return e.Cause }

// KindOf gives the kind of err: OK for nil, UnknownServerError for an error that bears none.
func KindOf(err error) Kind {
	if err == nil {
		return OK
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return UnknownServerError
}
