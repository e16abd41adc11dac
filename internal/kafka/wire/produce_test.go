package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// randomProduceAnswer gives the same answer twice: for the encoder here, and for kmsg.
func randomProduceAnswer(rng *rand.Rand, version int16) (*ProduceResponse, *kmsg.ProduceResponse) {
	ours, theirs := &ProduceResponse{CorrelationID: rng.Int32(), Version: version}, kmsg.NewPtrProduceResponse()
	theirs.Version = version
	for range rng.IntN(4) {
		t, kt := ProduceTopic{Topic: string(make([]byte, rng.IntN(200)))}, kmsg.NewProduceResponseTopic()
		t.TopicID[3] = byte(rng.Int32())
		kt.Topic, kt.TopicID = t.Topic, t.TopicID
		for range rng.IntN(4) {
			p, kp := randomProduced(rng)
			t.Partitions, kt.Partitions = append(t.Partitions, p), append(kt.Partitions, kp)
		}
		ours.Topics, theirs.Topics = append(ours.Topics, t), append(theirs.Topics, kt)
	}
	return ours, theirs
}

func randomProduced(rng *rand.Rand) (ProducePartition, kmsg.ProduceResponseTopicPartition) {
	p := ProducePartition{Partition: rng.Int32(), ErrorCode: int16(rng.Int32()), BaseOffset: rng.Int64(), LogAppendTime: rng.Int64(), LogStartOffset: rng.Int64()}
	k := kmsg.NewProduceResponseTopicPartition()
	k.Partition, k.ErrorCode, k.BaseOffset, k.LogAppendTime, k.LogStartOffset = p.Partition, p.ErrorCode, p.BaseOffset, p.LogAppendTime, p.LogStartOffset
	if rng.IntN(2) == 0 {
		return p, k
	}
	p.Refusal = &ProduceRefusal{}
	if rng.IntN(2) == 0 {
		text := string(make([]byte, rng.IntN(300)))
		p.Refusal.Text, k.ErrorMessage = &text, &text
	}
	for range rng.IntN(3) {
		r, kr := RefusedRecord{Index: rng.Int32(), Text: string(make([]byte, rng.IntN(200)))}, kmsg.NewProduceResponseTopicPartitionErrorRecord()
		kr.RelativeOffset, kr.ErrorMessage = r.Index, &r.Text
		p.Refusal.Records, k.ErrorRecords = append(p.Refusal.Records, r), append(k.ErrorRecords, kr)
	}
	return p, k
}

func TestProduceResponseIsWhatKmsgWrites(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for version := int16(0); version <= 13; version++ {
		for i := range 300 {
			ours, theirs := randomProduceAnswer(rng, version)
			got, want := EncodeProduceResponse(ours), EncodeResponse(nil, ours.CorrelationID, theirs)
			if len(got) > ours.bound() {
				t.Fatalf("v%d: %d bytes, above the bound %d", version, len(got), ours.bound())
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("v%d, case %d:\n%x\nkmsg:\n%x", version, i, got, want)
			}
		}
	}
}

func BenchmarkProduceResponse(b *testing.B) {
	r := &ProduceResponse{Version: 13, Topics: []ProduceTopic{{Partitions: make([]ProducePartition, 1000)}}}
	b.ReportAllocs()
	for b.Loop() {
		EncodeProduceResponse(r)
	}
}

func BenchmarkProduceResponseKmsg(b *testing.B) {
	r := kmsg.NewPtrProduceResponse()
	r.Version = 13
	t := kmsg.NewProduceResponseTopic()
	for range 1000 {
		t.Partitions = append(t.Partitions, kmsg.NewProduceResponseTopicPartition())
	}
	r.Topics = append(r.Topics, t)
	b.ReportAllocs()
	for b.Loop() {
		EncodeResponse(make([]byte, 0, 48*1000), 1, r)
	}
}
