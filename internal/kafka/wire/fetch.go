package wire

import (
	"encoding/binary"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/piece"
)

// FetchResponse is an answer to Fetch, version 4 to 18. Fields that a version does not have are not written.
type FetchResponse struct {
	CorrelationID  int32
	Version        int16
	ThrottleMillis int32
	ErrorCode      int16 // v7+
	SessionID      int32 // v7+
	Topics         []FetchTopic
	Endpoints      []FetchEndpoint // v16+ (KIP-951): of the leaders that partitions name
}

// FetchTopic is one topic of the answer, by name up to version 12, by id from 13 on.
type FetchTopic struct {
	Topic      string
	TopicID    base.TopicID
	Partitions []FetchPartition
}

// FetchPartition is one partition of the answer.
type FetchPartition struct {
	Partition            int32
	ErrorCode            int16
	HighWatermark        int64
	LastStableOffset     int64
	LogStartOffset       int64        // v5+
	Aborted              []AbortedTxn // nil is null: an answer to read_uncommitted
	PreferredReadReplica int32        // v11+; -1 = none
	Records              piece.List   // whole batches, in order; referenced, not copied; none is written as empty, not null
	DivergingEpoch       *EpochOffset // v12+
	CurrentLeader        *LeaderEpoch // v12+
	SnapshotID           *EpochOffset // v12+
}

// AbortedTxn names a transaction whose records a read_committed reader skips (KIP-98).
type AbortedTxn struct {
	ProducerID, FirstOffset int64
}

// EpochOffset is a leader epoch and its end offset.
type EpochOffset struct {
	Epoch     int32
	EndOffset int64
}

// LeaderEpoch is a leader and its epoch.
type LeaderEpoch struct {
	LeaderID, Epoch int32
}

// FetchEndpoint is where a leader listens.
type FetchEndpoint struct {
	NodeID int32
	Host   string
	Port   int32
	Rack   *string
}

const (
	fetchFlexible  = 12
	fetchTopicIDs  = 13
	fetchEndpoints = 16

	// Upper bounds of what is written beside records, strings and lists, so that one buffer holds it all.
	fetchFixedBytes     = 40
	fetchTopicBytes     = 32
	fetchPartitionBytes = 112
	fetchAbortedBytes   = 17
	fetchEndpointBytes  = 24
)

// AppendFetchResponse gives the whole frame, with its length, as pieces to be written one after another: everything
// but the records in one allocation, and the records as they are. The caller keeps the records unchanged until the
// pieces are written, and the frame below 2 GiB.
func AppendFetchResponse(r *FetchResponse) piece.List {
	size, slices := r.bound()
	e := fetchEncoder{
		encoder: encoder{version: r.Version, flexible: r.Version >= fetchFlexible, b: make([]byte, FrameLengthSize, size)},
		out:     make(piece.List, 0, slices),
	}
	first := e.b
	e.response(r)
	e.cut()
	binary.BigEndian.PutUint32(first, uint32(e.total-FrameLengthSize))
	return e.out
}

// bound tells how many bytes there are at most beside the records, and how many buffers.
func (r *FetchResponse) bound() (size, slices int) {
	size, slices = fetchFixedBytes, 1
	for i := range r.Topics {
		t := &r.Topics[i]
		size += fetchTopicBytes + len(t.Topic)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			size += fetchPartitionBytes + fetchAbortedBytes*len(p.Aborted)
			if len(p.Records) > 0 {
				slices += len(p.Records) + 1
			}
		}
	}
	for i := range r.Endpoints {
		size += r.Endpoints[i].size() + fetchEndpointBytes
	}
	return size, slices
}

// fetchEncoder writes into b, and moves what is written to out whenever records come in between.
type fetchEncoder struct {
	encoder
	done  int // bytes of b that are in out
	out   piece.List
	total int // bytes in out
}

// cut moves what was written since the last cut to out.
func (e *fetchEncoder) cut() {
	if part := e.b[e.done:len(e.b):len(e.b)]; len(part) > 0 {
		e.out = append(e.out, piece.Of(part))
		e.total += len(part)
		e.done = len(e.b)
	}
}

func (e *fetchEncoder) response(r *FetchResponse) {
	e.int32(r.CorrelationID)
	e.noTags() // of the header
	e.int32(r.ThrottleMillis)
	if e.version >= 7 {
		e.int16(r.ErrorCode)
		e.int32(r.SessionID)
	}
	e.length(len(r.Topics))
	for i := range r.Topics {
		e.topic(&r.Topics[i])
	}
	if len(r.Endpoints) > 0 && e.version >= fetchEndpoints {
		e.endpoints(r.Endpoints)
		return
	}
	e.noTags()
}

func (e *fetchEncoder) topic(t *FetchTopic) {
	e.topicName(t.Topic, &t.TopicID, fetchTopicIDs)
	e.length(len(t.Partitions))
	for i := range t.Partitions {
		e.partition(&t.Partitions[i])
	}
	e.noTags()
}

func (e *fetchEncoder) partition(p *FetchPartition) {
	e.int32(p.Partition)
	e.int16(p.ErrorCode)
	e.int64(p.HighWatermark)
	e.int64(p.LastStableOffset)
	if e.version >= 5 {
		e.int64(p.LogStartOffset)
	}
	e.aborted(p.Aborted)
	if e.version >= 11 {
		e.int32(p.PreferredReadReplica)
	}
	e.records(p.Records)
	if e.flexible {
		e.partitionTags(p)
	}
}

func (e *fetchEncoder) aborted(list []AbortedTxn) {
	if list == nil {
		e.nullArray()
		return
	}
	e.length(len(list))
	for _, a := range list {
		e.int64(a.ProducerID)
		e.int64(a.FirstOffset)
		e.noTags()
	}
}

func (e *fetchEncoder) records(list piece.List) {
	n := list.Len()
	e.length(n)
	if n == 0 {
		return
	}
	e.cut()
	e.out = append(e.out, list...)
	e.total += n
}

func (e *fetchEncoder) partitionTags(p *FetchPartition) {
	n := 0
	for _, present := range [...]bool{p.DivergingEpoch != nil, p.CurrentLeader != nil, p.SnapshotID != nil} {
		if present {
			n++
		}
	}
	e.uvarint(n)
	if d := p.DivergingEpoch; d != nil {
		e.b = append(e.b, 0, 13) // tag, size
		e.int32(d.Epoch)
		e.int64(d.EndOffset)
		e.noTags()
	}
	if l := p.CurrentLeader; l != nil {
		e.b = append(e.b, 1, 9)
		e.int32(l.LeaderID)
		e.int32(l.Epoch)
		e.noTags()
	}
	if s := p.SnapshotID; s != nil {
		e.b = append(e.b, 2, 13)
		e.int64(s.EndOffset) // the other way round than in the diverging epoch
		e.int32(s.Epoch)
		e.noTags()
	}
}

// size is what the endpoint takes on the wire.
func (n *FetchEndpoint) size() int {
	rack := 1
	if n.Rack != nil {
		rack = uvarintLen(len(*n.Rack)+1) + len(*n.Rack)
	}
	return 4 + uvarintLen(len(n.Host)+1) + len(n.Host) + 4 + rack + 1
}

// endpoints writes the tags at the end of a response that has endpoints.
func (e *fetchEncoder) endpoints(list []FetchEndpoint) {
	size := uvarintLen(len(list) + 1)
	for i := range list {
		size += list[i].size()
	}
	e.b = append(e.b, 1, 0) // one tag, number 0
	e.uvarint(size)
	e.length(len(list))
	for i := range list {
		n := &list[i]
		e.int32(n.NodeID)
		e.string(n.Host)
		e.int32(n.Port)
		e.nullableString(n.Rack)
		e.noTags()
	}
}

func uvarintLen(v int) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
