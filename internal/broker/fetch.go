package broker

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/kafka/wire"
	"github.com/millrace-io/millrace/internal/meta"
)

// maxFetchWait bounds a long poll: a connection that drains waits for it.
const maxFetchWait = 5 * time.Minute

// fetchRecords answers Fetch v4–18. Up to v12 topics are named, from v13 on they are given by id (KIP-516); the engine
// only knows ids, so names are looked up here, both ways.
func fetchRecords(q *query, request kmsg.Request) answer {
	r := request.(*kmsg.FetchRequest)
	if r.ReplicaID >= 0 || r.ReplicaState.ID >= 0 {
		return fetchRefused(q, base.InvalidRequest) // there are no followers
	}
	f := fetching{q: q, r: r}
	f.resolve()
	if f.lost {
		return fetchRefused(q, base.InvalidFetchSessionEpoch)
	}
	deadline := q.arrived.Add(min(time.Duration(max(r.MaxWaitMillis, 0))*time.Millisecond, maxFetchWait))
	got := q.b.Fetch.Read(f.request, deadline)
	out, code := f.response(&got)
	for i := range got.Partitions {
		if p := &got.Partitions[i]; len(p.Records) > 0 {
			q.b.config.Watch.Fetched(p.Topic, p.Partition, p.End)
		}
	}
	return answer{raw: wire.AppendFetchResponse(out), codes: codesOf(code), spoiled: got.Spoiled, release: got.Release}
}

func fetchRefused(q *query, k base.Kind) answer {
	code := ofPartitions.code(k)
	return answer{codes: codesOf(code), raw: wire.AppendFetchResponse(&wire.FetchResponse{
		CorrelationID: q.header.CorrelationID, Version: q.header.Version, ErrorCode: code})}
}

// fetching is one Fetch on its way.
type fetching struct {
	q       *query
	r       *kmsg.FetchRequest
	request fetch.Request
	refused []refusal // partitions that are answered here
	lost    bool      // a session cannot hold what was asked for
}

type refusal struct {
	name  string
	id    base.TopicID
	index int32
	kind  base.Kind
}

// fetchNames remembers the names by which a connection's client fetched topics: a session's answer may be about one that
// was deleted since. It is of one goroutine.
type fetchNames map[base.TopicID]string

// resolve makes the engine's request. Names that are unknown, behind a barrier, cannot be part of a session, which holds
// ids: a new session is not made then, and one that is to take them in is given up, so that the client names them again.
func (f *fetching) resolve() {
	r := f.r
	f.request = fetch.Request{
		MinBytes: r.MinBytes, MaxBytes: r.MaxBytes, ReadCommitted: r.IsolationLevel == 1, ByID: f.byID(),
		SessionID: r.SessionID, SessionEpoch: r.SessionEpoch,
	}
	if r.Version < 7 {
		f.request.SessionID, f.request.SessionEpoch = 0, -1
	}
	err := f.q.certainly(func(v meta.View) (missing bool) {
		f.request.Partitions, f.refused = nil, nil
		for i := range r.Topics {
			missing = !f.topic(v, &r.Topics[i]) || missing
		}
		return missing
	})
	if err != nil {
		for i := range f.refused {
			f.refused[i].kind = base.NotLeaderOrFollower
		}
	}
	f.forget()
	if len(f.refused) > 0 {
		f.lost = f.request.SessionEpoch > 0
		f.request.SessionID, f.request.SessionEpoch = 0, -1
	}
}

func (f *fetching) byID() bool { return f.r.Version >= 13 }

// topic takes in what is asked of one topic, and reports whether it was found. Unknown ids are the engine's to answer:
// a session remembers them.
func (f *fetching) topic(v meta.View, t *kmsg.FetchRequestTopic) bool {
	id, name, kind := base.TopicID(t.TopicID), t.Topic, base.OK
	if f.byID() {
		if topic, ok := v.Log.TopicByID(id); ok {
			name = topic.Name
		}
	} else if topic, ok := v.Log.TopicByName(name); ok {
		id = topic.ID
		f.remember(id, name)
	} else {
		kind = base.UnknownTopicOrPartition
	}
	if name != "" && !f.q.allow(Read, Topic, name) {
		kind = topicAuthorizationFailed
	}
	for i := range t.Partitions {
		p := &t.Partitions[i]
		if kind != base.OK {
			f.refused = append(f.refused, refusal{t.Topic, t.TopicID, p.Partition, kind})
			continue
		}
		f.request.Partitions = append(f.request.Partitions, fetch.Want{
			Topic: id, Partition: p.Partition, Offset: p.FetchOffset, MaxBytes: p.PartitionMaxBytes,
			CurrentLeaderEpoch: f.since(9, p.CurrentLeaderEpoch), LastFetchedEpoch: f.since(12, p.LastFetchedEpoch),
		})
	}
	return kind != base.UnknownTopicOrPartition
}

// since is an epoch that requests have from a version on; -1 before.
func (f *fetching) since(version int16, epoch int32) int32 {
	if f.r.Version < version {
		return -1
	}
	return epoch
}

func (f *fetching) remember(id base.TopicID, name string) {
	if f.q.c.names == nil {
		f.q.c.names = fetchNames{}
	}
	f.q.c.names[id] = name
}

func (f *fetching) forget() {
	for i := range f.r.ForgottenTopics {
		t := &f.r.ForgottenTopics[i]
		ids := []base.TopicID{t.TopicID}
		if !f.byID() {
			ids = f.idsOf(t.Topic)
		}
		for _, id := range ids {
			for _, p := range t.Partitions {
				f.request.Forgotten = append(f.request.Forgotten, fetch.Place{Topic: id, Partition: p})
			}
		}
	}
}

// idsOf gives every id that a name has stood for on this connection: a topic may have been made anew.
func (f *fetching) idsOf(name string) (ids []base.TopicID) {
	if t, ok := f.q.view.Log.TopicByName(name); ok {
		ids = append(ids, t.ID)
	}
	for id, n := range f.q.c.names {
		if n == name && (len(ids) == 0 || ids[0] != id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// response puts the answer together, by topic as the engine ordered it, and gives the first error in it.
func (f *fetching) response(got *fetch.Response) (*wire.FetchResponse, int16) {
	out := &wire.FetchResponse{CorrelationID: f.q.header.CorrelationID, Version: f.q.header.Version,
		ErrorCode: ofPartitions.code(got.Kind), SessionID: got.SessionID}
	first := out.ErrorCode
	for i := range got.Partitions {
		p := &got.Partitions[i]
		name, ok := f.nameOf(p.Topic)
		if !ok {
			continue
		}
		w := wire.FetchPartition{Partition: p.Partition, ErrorCode: ofPartitions.code(p.Kind), HighWatermark: p.HighWatermark,
			LastStableOffset: p.LastStable, LogStartOffset: p.LogStart, PreferredReadReplica: -1, Records: p.Records}
		if p.DivergingEpoch >= 0 {
			w.DivergingEpoch = &wire.EpochOffset{Epoch: p.DivergingEpoch, EndOffset: p.DivergingEnd}
		}
		if f.request.ReadCommitted {
			w.Aborted = []wire.AbortedTxn{}
		}
		if first == 0 {
			first = w.ErrorCode
		}
		addFetched(out, name, p.Topic, w)
	}
	for _, p := range f.refused {
		if first == 0 {
			first = int16(p.kind)
		}
		addFetched(out, p.name, p.id, wire.FetchPartition{Partition: p.index, ErrorCode: int16(p.kind), HighWatermark: -1,
			LastStableOffset: -1, LogStartOffset: -1, PreferredReadReplica: -1})
	}
	return out, first
}

func (f *fetching) nameOf(id base.TopicID) (string, bool) {
	if f.byID() {
		return "", true
	}
	if name, ok := f.q.c.names[id]; ok {
		return name, true
	}
	t, ok := f.q.view.Log.TopicByID(id)
	if !ok {
		return "", false
	}
	return t.Name, true
}

// addFetched appends a partition, to the last topic if it is the same.
func addFetched(out *wire.FetchResponse, name string, id base.TopicID, p wire.FetchPartition) {
	if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != name || out.Topics[n-1].TopicID != id {
		out.Topics = append(out.Topics, wire.FetchTopic{Topic: name, TopicID: id})
	}
	t := &out.Topics[len(out.Topics)-1]
	t.Partitions = append(t.Partitions, p)
}
