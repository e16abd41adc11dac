package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/segment"
)

// soaker is a client that produces values of all sizes.
type soaker struct {
	b       *bed
	rng     *rand.Rand
	next    uint64 // the number of the next value
	waiting []sent
	acked   []uint64
}

// sent is a request whose answer is awaited, and the numbers of its values, by partition.
type sent struct {
	id      int32
	numbers []uint64
}

// valueOf is a value that says its number, and is known from that alone.
func valueOf(number uint64, size int) []byte {
	v, fill := binary.BigEndian.AppendUint64(nil, number), rand.New(rand.NewPCG(number, 1))
	for len(v) < size {
		v = binary.BigEndian.AppendUint64(v, fill.Uint64())
	}
	return v
}

// live sends requests over one connection, some not to be answered, some while others are under way, and hangs up with some
// still under way.
func (s *soaker) live(t *testing.T, requests int) {
	c := s.b.dial()
	c.t = t
	defer c.Close()
	s.waiting = nil
	for range requests {
		r := kmsg.NewPtrProduceRequest()
		r.Acks, r.TimeoutMillis, r.Version = int16(s.rng.IntN(3)-1), 10_000, 9
		topic, numbers := kmsg.ProduceRequestTopic{Topic: "orders"}, []uint64(nil)
		for partition := range int32(1 + s.rng.IntN(3)) {
			value := valueOf(s.next, s.rng.IntN(1<<(3+s.rng.IntN(15))))
			topic.Partitions = append(topic.Partitions, kmsg.ProduceRequestTopicPartition{Partition: partition, Records: records(string(value))})
			numbers = append(numbers, s.next)
			s.next++
		}
		r.Topics = append(r.Topics, topic)
		if id := c.send(r); r.Acks != 0 {
			s.waiting = append(s.waiting, sent{id, numbers})
		}
		for len(s.waiting) > s.rng.IntN(5) {
			s.take(c, r)
		}
	}
}

// take takes the oldest answer.
func (s *soaker) take(c *client, r kmsg.Request) {
	oldest := s.waiting[0]
	s.waiting = s.waiting[1:]
	for _, p := range c.receive(r, oldest.id).(*kmsg.ProduceResponse).Topics[0].Partitions {
		if p.ErrorCode != 0 {
			c.t.Errorf("request %d, partition %d: error %d", oldest.id, p.Partition, p.ErrorCode)
			continue
		}
		s.acked = append(s.acked, oldest.numbers[p.Partition])
	}
}

// stored reads all records in the bucket, and gives the numbers of those that are what was sent.
func stored(t *testing.T, b *bed) map[uint64]bool {
	t.Helper()
	all := map[uint64]bool{}
	page, err := b.store.List(t.Context(), segment.Prefix, "", 1<<20)
	if err != nil || page.More {
		t.Fatal(err, page.More)
	}
	for _, o := range page.Entries {
		got, err := b.store.GetRange(t.Context(), o.Key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		file, err := segment.Parse(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range file.Entries {
			if err := segment.CheckChunk(file.Chunk(e), e.CRC); err != nil {
				t.Errorf("%s: %v", o.Key, err)
			}
			for rest := file.Chunk(e); len(rest) > 0; {
				var one batch.Batch
				if one, rest, err = batch.Next(rest); err != nil {
					t.Fatal(err)
				}
				valuesOf(t, one, all)
			}
		}
	}
	return all
}

func valuesOf(t *testing.T, b batch.Batch, all map[uint64]bool) {
	it, err := batch.Iterate(b, batch.MaxDecompressedBytes)
	if err != nil || b.ComputeCRC() != b.CRC() {
		t.Errorf("a batch of %d bytes is damaged: %v", len(b), err)
		return
	}
	for it.Next() {
		value := it.Record().Value
		number := binary.BigEndian.Uint64(value)
		if !bytes.Equal(value, valueOf(number, len(value))) {
			t.Errorf("value %d is not what was sent", number)
		}
		all[number] = true
	}
}

// Whatever comes at once, in frames of all sizes whose memory is used again, is stored as it was sent.
func TestNothingIsMixedUpInUsedMemory(t *testing.T) {
	const clients, lives, requests = 8, 4, 25
	b := newBed(t, func(config *Config, _ *Deps, _ *controlConfig) { config.FirstPiece = 4 << 10 })
	b.topic("orders")
	soakers := make([]*soaker, clients)
	t.Run("soak", func(t *testing.T) {
		for i := range soakers {
			s := &soaker{b: b, rng: rand.New(rand.NewPCG(uint64(i), 0)), next: uint64(i) << 32}
			soakers[i] = s
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for range lives {
					s.live(t, requests)
				}
			})
		}
	})
	all, acked := stored(t, b), 0
	var lost strings.Builder
	for _, s := range soakers {
		acked += len(s.acked)
		for _, number := range s.acked {
			if !all[number] {
				fmt.Fprintf(&lost, " %x", number)
			}
		}
	}
	if lost.Len() > 0 || acked < clients*requests {
		t.Errorf("of %d acknowledged values these are not in the bucket:%s", acked, &lost)
	}
	eventually(t, "all memory is free", func() bool { return b.broker.frames.reserved() == 0 })
}
