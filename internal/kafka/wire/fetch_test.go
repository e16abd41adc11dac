package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base/piece"
)

// randomFetch gives the same answer twice: for the encoder here, and for kmsg.
func randomFetch(rng *rand.Rand, version int16) (*FetchResponse, *kmsg.FetchResponse) {
	ours := &FetchResponse{
		CorrelationID: rng.Int32(), Version: version, ThrottleMillis: rng.Int32(), ErrorCode: int16(rng.Int32()), SessionID: rng.Int32(),
	}
	theirs := kmsg.NewPtrFetchResponse()
	theirs.Version = version
	theirs.ThrottleMillis, theirs.ErrorCode, theirs.SessionID = ours.ThrottleMillis, ours.ErrorCode, ours.SessionID
	for range rng.IntN(4) {
		t, kt := FetchTopic{Topic: string(make([]byte, rng.IntN(200)))}, kmsg.NewFetchResponseTopic()
		t.TopicID[3] = byte(rng.Int32())
		kt.Topic, kt.TopicID = t.Topic, t.TopicID
		for range rng.IntN(4) {
			p, kp := randomPartition(rng, version)
			t.Partitions, kt.Partitions = append(t.Partitions, p), append(kt.Partitions, kp)
		}
		ours.Topics, theirs.Topics = append(ours.Topics, t), append(theirs.Topics, kt)
	}
	// kmsg writes the endpoints' tag in any flexible version.
	for range rng.IntN(3) {
		if version < fetchEndpoints {
			continue
		}
		n, kn := FetchEndpoint{NodeID: rng.Int32(), Host: string(make([]byte, rng.IntN(300))), Port: rng.Int32()}, kmsg.NewFetchResponseBroker()
		if rng.IntN(2) == 0 {
			rack := string(make([]byte, rng.IntN(200)))
			n.Rack = &rack
		}
		kn.NodeID, kn.Host, kn.Port, kn.Rack = n.NodeID, n.Host, n.Port, n.Rack
		ours.Endpoints, theirs.Brokers = append(ours.Endpoints, n), append(theirs.Brokers, kn)
	}
	return ours, theirs
}

func randomPartition(rng *rand.Rand, version int16) (FetchPartition, kmsg.FetchResponseTopicPartition) {
	p := FetchPartition{
		Partition: rng.Int32(), ErrorCode: int16(rng.Int32()), HighWatermark: rng.Int64(), LastStableOffset: rng.Int64(),
		LogStartOffset: rng.Int64(), PreferredReadReplica: rng.Int32(),
	}
	k := kmsg.NewFetchResponseTopicPartition()
	k.Partition, k.ErrorCode, k.HighWatermark, k.LastStableOffset = p.Partition, p.ErrorCode, p.HighWatermark, p.LastStableOffset
	k.LogStartOffset, k.PreferredReadReplica = p.LogStartOffset, p.PreferredReadReplica
	k.RecordBatches = []byte{}
	for range rng.IntN(4) {
		b := bytes.Repeat([]byte{byte(rng.Int32())}, rng.IntN(400))
		p.Records, k.RecordBatches = append(p.Records, piece.Of(b)), append(k.RecordBatches, b...)
	}
	if rng.IntN(2) == 0 {
		p.Aborted, k.AbortedTransactions = []AbortedTxn{}, []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		for range rng.IntN(3) {
			a, ka := AbortedTxn{rng.Int64(), rng.Int64()}, kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
			ka.ProducerID, ka.FirstOffset = a.ProducerID, a.FirstOffset
			p.Aborted, k.AbortedTransactions = append(p.Aborted, a), append(k.AbortedTransactions, ka)
		}
	}
	if rng.IntN(2) == 0 {
		p.DivergingEpoch = &EpochOffset{rng.Int32(), rng.Int64()}
		k.DivergingEpoch.Epoch, k.DivergingEpoch.EndOffset = p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset
	}
	if rng.IntN(2) == 0 {
		p.CurrentLeader = &LeaderEpoch{rng.Int32(), rng.Int32()}
		k.CurrentLeader.LeaderID, k.CurrentLeader.LeaderEpoch = p.CurrentLeader.LeaderID, p.CurrentLeader.Epoch
	}
	if rng.IntN(2) == 0 {
		p.SnapshotID = &EpochOffset{rng.Int32(), rng.Int64()}
		k.SnapshotID.Epoch, k.SnapshotID.EndOffset = p.SnapshotID.Epoch, p.SnapshotID.EndOffset
	}
	return p, k
}

func TestFetchResponseIsWhatKmsgWrites(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for version := int16(4); version <= 18; version++ {
		for i := range 300 {
			ours, theirs := randomFetch(rng, version)
			size, slices := ours.bound()
			buffers := AppendFetchResponse(ours)
			if len(buffers) > slices {
				t.Fatalf("v%d: %d buffers, announced %d", version, len(buffers), slices)
			}
			for _, topic := range ours.Topics {
				for _, p := range topic.Partitions {
					for _, b := range p.Records {
						size += b.Len()
					}
				}
			}
			got, _ := buffers.Copy()
			if len(got) > size {
				t.Fatalf("v%d: %d bytes, above the bound %d", version, len(got), size)
			}
			want := EncodeResponse(nil, ours.CorrelationID, theirs)
			if !bytes.Equal(got, want) {
				t.Fatalf("v%d, case %d:\n%x\nkmsg:\n%x", version, i, got, want)
			}
		}
	}
}

func TestFetchResponseReferencesRecords(t *testing.T) {
	records := []byte("a batch")
	r := &FetchResponse{Version: 17, Topics: []FetchTopic{{Partitions: []FetchPartition{{Records: piece.List{piece.Of(records)}}}}}}
	buffers := AppendFetchResponse(r)
	if in, _ := buffers[1].Bytes(); len(buffers) != 3 || &in[0] != &records[0] {
		t.Fatalf("records were copied, or lie in %d pieces", len(buffers))
	}
}

func fetchOf(partitions int) *FetchResponse {
	r := &FetchResponse{Version: 17, Topics: make([]FetchTopic, 1)}
	batch := make([]byte, 1000)
	for i := range partitions {
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, FetchPartition{Partition: int32(i), Records: piece.List{piece.Of(batch)}})
	}
	return r
}

func BenchmarkFetchResponse(b *testing.B) {
	r := fetchOf(1000)
	b.ReportAllocs()
	for b.Loop() {
		AppendFetchResponse(r)
	}
}

func BenchmarkFetchResponseKmsg(b *testing.B) {
	r := kmsg.NewPtrFetchResponse()
	r.Version = 17
	r.Topics = make([]kmsg.FetchResponseTopic, 1)
	for range 1000 {
		p := kmsg.NewFetchResponseTopicPartition()
		p.RecordBatches = make([]byte, 1000)
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, p)
	}
	b.ReportAllocs()
	for b.Loop() {
		EncodeResponse(nil, 1, r)
	}
}
