package broker

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
)

// area is which part of Kafka a request belongs to: the engine's own kinds are told to clients in its words.
type area uint8

const (
	ofPartitions area = iota // Produce, Fetch, ListOffsets …: NOT_LEADER_OR_FOLLOWER sends clients elsewhere
	ofGroups                 // COORDINATOR_NOT_AVAILABLE does
	ofCluster                // administration: NOT_CONTROLLER does
)

const notController base.Kind = 41

// code is a kind as clients see it. Kinds of the engine's own that are not in the table are bugs.
func (a area) code(k base.Kind) int16 {
	if k > base.KindInternalFirst {
		return int16(k)
	}
	switch k {
	case base.OutcomeUnknown:
		return int16(base.RequestTimedOut)
	case base.Stopping, base.SessionGone, base.NumberGap:
		return int16([...]base.Kind{base.NotLeaderOrFollower, base.CoordinatorNotAvailable, notController}[a])
	}
	return int16(base.UnknownServerError)
}

func (a area) codeOf(err error) int16 { return a.code(base.KindOf(err)) }

// text is a message for people, or null.
func text(format string, args ...any) *string {
	s := fmt.Sprintf(format, args...)
	return &s
}

func textOf(err error) *string {
	s := err.Error()
	return &s
}
