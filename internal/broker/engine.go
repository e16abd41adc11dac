package broker

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

// Journal is the agent's hand on the journal: a *control.Control.
type Journal interface {
	View() meta.View
	Propose(op meta.Op) *env.Future[*meta.Verdict]
	Barrier(deadline time.Time) (meta.View, error)
	Now() base.Millis
	Self() base.Incarnation
	ClusterID() string
	Rules() meta.Rules
	// Suspect tells that a client asks for the agents: it may have lost its own.
	Suspect()
}

// Ingest makes batches durable and gives them their place in the order: an *ingest.Ingest.
type Ingest interface {
	// Append takes the batches of one Produce request. The future gives one result for each, in order.
	Append(batches []ingest.Batch) *env.Future[[]ingest.Result]
}

// Fetch reads records: a *fetch.Fetch.
type Fetch interface {
	// Read answers at once or when there is enough, at the latest at deadline or when the agent is stopping.
	Read(q fetch.Request, deadline time.Time) fetch.Response
	// AtTime gives the first record, in offset order, whose timestamp is at least timestamp (milliseconds), or, with
	// max, the first that bears the partition's highest. Offset -1: there is none.
	AtTime(v meta.View, topic base.TopicID, partition int32, timestamp int64, max bool, deadline time.Time) (offset, at int64, err error)
}

// Coordinator is the soft side of groups: a *coord.Coord. Its futures do not fail.
type Coordinator interface {
	Join(q group.Join, version int16) *env.Future[coord.Joined]
	Sync(q group.Sync) *env.Future[coord.Synced]
	Heartbeat(b coord.Beat) *env.Future[base.Kind]
	Ask(q group.Command) *env.Future[group.Reply]
	Coordinator(name string) base.Incarnation
}

// Deps are the rooms below that requests are served from.
type Deps struct {
	Journal Journal
	Ingest  Ingest
	Fetch   Fetch
	Coord   Coordinator
}
