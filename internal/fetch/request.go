package fetch

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/piece"
)

// Want is what a Fetch asks of one partition.
type Want struct {
	Topic              base.TopicID
	Partition          int32
	Offset             int64
	MaxBytes           int32
	CurrentLeaderEpoch int32 // -1: not known (KIP-320)
	LastFetchedEpoch   int32 // -1: none (KIP-595)
}

// Place names a partition.
type Place struct {
	Topic     base.TopicID
	Partition int32
}

// Request is a Fetch whose names have become ids.
type Request struct {
	MinBytes      int32
	MaxBytes      int32
	ReadCommitted bool
	ByID          bool  // version 13 or above: the client names topics by id
	SessionID     int32 // 0: none
	SessionEpoch  int32 // -1: no session; 0: a new one
	Partitions    []Want
	Forgotten     []Place
}

// Fetched is what a Fetch found in one partition.
type Fetched struct {
	Topic                               base.TopicID
	Partition                           int32
	Kind                                base.Kind
	HighWatermark, LastStable, LogStart int64      // -1: not known
	Records                             piece.List // whole batches, to be written one after another
	End                                 int64      // the offset after the last of Records; 0 without any
	DivergingEpoch                      int32      // -1: none (KIP-595)
	DivergingEnd                        int64
}

// Response is the answer to a Request. Kind refuses the whole of it.
type Response struct {
	Kind       base.Kind
	SessionID  int32
	Partitions []Fetched
	Release    func() // nil, or to be called once the records are written
	Spoiled    func() // nil, or to be called before Release if a file was to blame that they were not (piece.ErrFile)
}
