package env

import "github.com/millrace-io/millrace/internal/base"

var (
	// ErrDeadline is how a wait of this package fails when its deadline passes first.
	ErrDeadline error = base.Errorf(base.RequestTimedOut, "the deadline passed")
	// ErrClosed is how the use of a closed Queue fails.
	ErrClosed error = base.Errorf(base.Stopping, "closed: the agent is stopping")
)
