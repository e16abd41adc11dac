package broker

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/coord"
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
	Active()
}

// Ingest makes batches durable and gives them their place in the order.
type Ingest interface {
	// Append takes the batches of one Produce request. The future gives one result for each, in order.
	Append(batches []ingest.Batch) *env.Future[[]ingest.Result]
}

// FetchPartition is what a Fetch asks of one partition.
type FetchPartition struct {
	Topic              base.TopicID
	Partition          int32
	Offset             int64
	MaxBytes           int32
	CurrentLeaderEpoch int32 // -1: not known
	LastFetchedEpoch   int32 // -1: none
}

// FetchPlace names a partition that leaves a fetch session.
type FetchPlace struct {
	Topic     base.TopicID
	Partition int32
}

// FetchRequest is a Fetch whose names have become ids.
type FetchRequest struct {
	MinBytes      int32
	MaxBytes      int32
	ReadCommitted bool
	ByID          bool  // version 13 or above: the client names topics by id
	SessionID     int32 // 0: none
	SessionEpoch  int32 // -1: no session; 0: a new one
	Partitions    []FetchPartition
	Forgotten     []FetchPlace
}

// FetchedPartition is what a Fetch found in one partition.
type FetchedPartition struct {
	Topic                               base.TopicID
	Partition                           int32
	Kind                                base.Kind
	HighWatermark, LastStable, LogStart int64 // -1: not known
	Records                             [][]byte
	DivergingEpoch                      int32 // -1: none (KIP-595)
	DivergingEnd                        int64
}

// FetchResponse is the answer to a FetchRequest. Kind refuses the whole of it.
type FetchResponse struct {
	Kind       base.Kind
	SessionID  int32
	Partitions []FetchedPartition
	Release    func() // nil, or to be called once the records are written
}

// Fetch reads records.
type Fetch interface {
	// Read answers at once or when there is enough, at the latest at deadline or when the agent is stopping.
	Read(q FetchRequest, deadline time.Time) FetchResponse
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
