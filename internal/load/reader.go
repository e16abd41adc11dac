package load

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fetchMaxWait is that of Kafka's Java consumer.
const fetchMaxWait = 500 * time.Millisecond

// offsets are those of one topic's partitions.
type offsets map[int32]int64

// deal gives each of n consumers its share of the partitions: every n-th, or everything.
func (o offsets) deal(n int, everything bool) []offsets {
	shares := make([]offsets, n)
	for i := range shares {
		shares[i] = offsets{}
		for p, at := range o {
			if everything || int(p)%n == i {
				shares[i][p] = at
			}
		}
	}
	return shares
}

// reader consumes its share of a topic from given offsets on.
type reader struct {
	client *kgo.Client
	topic  string
	clock  *clock
	meter  *meter
	ends   offsets // where to stop; nil: it goes on. A partition that is done is paused and leaves.

	// Guarded by meter.mu.
	book    *book
	at      offsets // the next of each partition
	failure error   // the first that the client told of
}

// newReader makes a reader that stops at ends, or does not if they are nil. Its user closes its client.
func (r *run) newReader(from, ends offsets, m *meter) (*reader, error) {
	kgoOffsets, at := map[int32]kgo.Offset{}, offsets{}
	for p, o := range from {
		if ends == nil || o < ends[p] {
			kgoOffsets[p], at[p] = kgo.NewOffset().At(o), o
		}
	}
	client, err := r.newClient(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.config.Topic: kgoOffsets}), kgo.FetchMaxWait(fetchMaxWait))
	if err != nil {
		return nil, err
	}
	return &reader{client: client, topic: r.config.Topic, clock: &r.clock, meter: m,
		ends: ends, book: newBook(r.id, r.producerIDs()), at: at}, nil
}

// consume reads until ctx ends or all ends are reached, and reports whether they are.
func (r *reader) consume(ctx context.Context) bool {
	for !r.finished() {
		fetches := r.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return false
		}
		if reached := r.take(fetches); len(reached) > 0 {
			r.client.PauseFetchPartitions(map[string][]int32{r.topic: reached})
		}
	}
	return true
}

func (r *reader) finished() bool {
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	if r.ends == nil {
		return false
	}
	return r.passed(r.ends)
}

// passed reports whether all partitions have been read up to ends. r.meter.mu is held.
func (r *reader) passed(ends offsets) bool {
	for p, at := range r.at {
		if at < ends[p] {
			return false
		}
	}
	return true
}

// has reports whether all of this reader's partitions have been read up to ends.
func (r *reader) has(ends offsets) bool {
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	return r.passed(ends)
}

// take checks and counts what was fetched, and gives the partitions whose end was reached.
func (r *reader) take(fetches kgo.Fetches) (reached []int32) {
	now := r.clock.now()
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	fetches.EachError(func(_ string, _ int32, err error) {
		if r.failure == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, kgo.ErrClientClosed) {
			r.failure = err
		}
	})
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		for _, record := range p.Records {
			if r.ends != nil && record.Offset >= r.ends[p.Partition] {
				break
			}
			r.at[p.Partition] = record.Offset + 1
			if s, ok := r.book.note(p.Partition, record.Value); ok {
				r.meter.count(now, s.due, len(record.Value))
			}
		}
		if r.ends != nil && r.at[p.Partition] >= r.ends[p.Partition] {
			reached = append(reached, p.Partition)
		}
	})
	return reached
}

// trouble gives the first failure that the client told of.
func (r *reader) trouble() error {
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	return r.failure
}
