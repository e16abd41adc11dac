package broker

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/piece"
	"github.com/millrace-io/millrace/internal/fetch"
)

func fetchRequest(topic string, id base.TopicID, partitions ...int32) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.SessionEpoch = 10, 1, 1<<20, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topic, id
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.FetchRequestTopicPartition{Partition: p, FetchOffset: 5, PartitionMaxBytes: 100, CurrentLeaderEpoch: 1, LastFetchedEpoch: 1})
	}
	r.Topics = append(r.Topics, t)
	return r
}

// found answers every partition that is asked for with the same bytes.
func found(released *atomic.Int32) func(fetch.Request) fetch.Response {
	return func(q fetch.Request) fetch.Response {
		a := fetch.Response{SessionID: q.SessionID, Release: func() { released.Add(1) }}
		for _, p := range q.Partitions {
			a.Partitions = append(a.Partitions, fetch.Fetched{Topic: p.Topic, Partition: p.Partition, HighWatermark: 9, LastStable: 9, LogStart: 2,
				Records: piece.List{piece.Of([]byte("one")), piece.Of([]byte("two"))}, DivergingEpoch: -1})
		}
		return a
	}
}

func TestFetchEveryVersion(t *testing.T) {
	b := newBed(t)
	var released atomic.Int32
	b.fetch.answer = found(&released)
	topic := b.topic("orders")
	for v := int16(4); v <= 18; v++ {
		a := ask[*kmsg.FetchResponse](b.client, v, fetchRequest("orders", topic.ID, 0, 2))
		p := a.Topics[0].Partitions
		if len(a.Topics) != 1 || len(p) != 2 || p[1].Partition != 2 || string(p[1].RecordBatches) != "onetwo" || p[1].HighWatermark != 9 || p[1].LastStableOffset != 9 || v >= 5 && p[1].LogStartOffset != 2 {
			t.Errorf("v%d: %+v", v, a)
		}
		if v < 13 && a.Topics[0].Topic != "orders" || v >= 13 && a.Topics[0].TopicID != topic.ID {
			t.Errorf("v%d: %+v", v, a.Topics[0])
		}
		want := fetch.Want{Topic: topic.ID, Partition: 0, Offset: 5, MaxBytes: 100, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}
		if v >= 9 {
			want.CurrentLeaderEpoch = 1
		}
		if v >= 12 {
			want.LastFetchedEpoch = 1
		}
		if got := b.fetch.asked.Load(); got.Partitions[0] != want || got.SessionEpoch != -1 || got.ByID != (v >= 13) {
			t.Errorf("v%d asked for %+v, want %+v", v, got, want)
		}
	}
	eventually(t, "all 15 answers are released", func() bool { return released.Load() == 15 })
}

// Names that do not exist are answered beside the others, and keep out of sessions, which hold ids.
func TestFetchUnknownNames(t *testing.T) {
	b := newBed(t)
	b.fetch.answer = found(new(atomic.Int32))
	topic := b.topic("orders")
	r := fetchRequest("orders", topic.ID, 0)
	r.Topics = append(r.Topics, fetchRequest("none", base.TopicID{}, 0).Topics[0])
	r.SessionEpoch = 0
	a := ask[*kmsg.FetchResponse](b.client, 12, r)
	if len(a.Topics) != 2 || a.Topics[0].Partitions[0].ErrorCode != 0 || a.Topics[1].Topic != "none" || a.Topics[1].Partitions[0].ErrorCode != int16(base.UnknownTopicOrPartition) {
		t.Errorf("%+v", a)
	}
	if b.fetch.asked.Load().SessionEpoch != -1 || a.SessionID != 0 {
		t.Errorf("a session was made: %+v", b.fetch.asked.Load())
	}
	r.SessionID, r.SessionEpoch = 7, 3
	if a := ask[*kmsg.FetchResponse](b.client, 12, r); a.ErrorCode != int16(base.InvalidFetchSessionEpoch) {
		t.Errorf("a session took in what does not exist: %+v", a)
	}
}

// By id everything is the engine's to answer.
func TestFetchUnknownID(t *testing.T) {
	b := newBed(t)
	b.fetch.answer = func(q fetch.Request) fetch.Response {
		return fetch.Response{Partitions: []fetch.Fetched{{Topic: q.Partitions[0].Topic, Kind: base.UnknownTopicID, DivergingEpoch: -1}}}
	}
	r := fetchRequest("", base.TopicID{9}, 0)
	r.SessionEpoch = 0
	a := ask[*kmsg.FetchResponse](b.client, 13, r)
	if a.Topics[0].TopicID != (base.TopicID{9}) || a.Topics[0].Partitions[0].ErrorCode != int16(base.UnknownTopicID) || b.fetch.asked.Load().SessionEpoch != 0 {
		t.Errorf("%+v after %+v", a, b.fetch.asked.Load())
	}
}

// A session may speak of a topic that was deleted since, by the name it had on this connection; it may be forgotten so.
func TestFetchSessionOutlivesTheName(t *testing.T) {
	b := newBed(t)
	topic := b.topic("orders")
	b.fetch.answer = func(q fetch.Request) fetch.Response {
		return fetch.Response{SessionID: 7, Partitions: []fetch.Fetched{{Topic: topic.ID, Kind: base.UnknownTopicOrPartition, DivergingEpoch: -1}}}
	}
	r := fetchRequest("orders", topic.ID, 0)
	r.SessionEpoch = 0
	ask[*kmsg.FetchResponse](b.client, 12, r)
	name := "orders"
	d := kmsg.NewPtrDeleteTopicsRequest()
	d.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}
	ask[*kmsg.DeleteTopicsResponse](b.client, 6, d)

	r.Topics, r.SessionID, r.SessionEpoch = nil, 7, 1
	r.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "orders", Partitions: []int32{0}}}
	a := ask[*kmsg.FetchResponse](b.client, 12, r)
	if a.SessionID != 7 || len(a.Topics) != 1 || a.Topics[0].Topic != "orders" {
		t.Errorf("%+v", a)
	}
	equal(t, b.fetch.asked.Load().Forgotten, []fetch.Place{{Topic: topic.ID, Partition: 0}})
}

// There are no followers to fetch.
func TestFetchOfAReplica(t *testing.T) {
	b := newBed(t)
	r := fetchRequest("orders", base.TopicID{}, 0)
	r.ReplicaID = 3
	if a := ask[*kmsg.FetchResponse](b.client, 12, r); a.ErrorCode != int16(base.InvalidRequest) {
		t.Errorf("%+v", a)
	}
}
