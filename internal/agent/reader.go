package agent

import (
	"time"

	"github.com/millrace-io/millrace/internal/broker"
	"github.com/millrace-io/millrace/internal/fetch"
)

// reader is fetch as broker asks for it.
type reader struct{ *fetch.Fetch }

func (r reader) Read(q broker.FetchRequest, deadline time.Time) broker.FetchResponse {
	in := fetch.Request{MinBytes: q.MinBytes, MaxBytes: q.MaxBytes, ReadCommitted: q.ReadCommitted, ByID: q.ByID, SessionID: q.SessionID, SessionEpoch: q.SessionEpoch}
	for _, p := range q.Partitions {
		in.Partitions = append(in.Partitions, fetch.Want(p))
	}
	for _, p := range q.Forgotten {
		in.Forgotten = append(in.Forgotten, fetch.Place(p))
	}
	out := r.Fetch.Read(in, deadline)
	res := broker.FetchResponse{Kind: out.Kind, SessionID: out.SessionID, Release: out.Release}
	for _, p := range out.Partitions {
		res.Partitions = append(res.Partitions, broker.FetchedPartition(p))
	}
	return res
}
