package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topic has all loads of a turn.
const topic = "compare"

const (
	// topicMax bounds the wait for a new topic: a broker on one core takes most of a minute for 5,000 partitions.
	topicMax = 5 * time.Minute
	// topicAsk lies between two questions about it.
	topicAsk = 50 * time.Millisecond
)

// makeTopic makes the topic and waits until all of its partitions can be written.
func (t *turn) makeTopic() error {
	client, err := kgo.NewClient(kgo.SeedBrokers(t.server.kafka))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), topicMax)
	defer cancel()
	began := time.Now()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, int32(t.partitions), 1, nil, topic); err != nil {
		return fmt.Errorf("making the topic: %w", err)
	}
	for {
		partitions, _, err := topicEnds(ctx, client)
		if err == nil && partitions == t.partitions {
			t.add(start, topicMs, float64(time.Since(began).Milliseconds()))
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of the topic's %d partitions can be asked: %w", partitions, t.partitions, errors.Join(err, ctx.Err()))
		case <-time.After(topicAsk):
		}
	}
}

// topicEnds counts the partitions that can be asked, and the records in them.
func topicEnds(ctx context.Context, client *kgo.Client) (partitions int, records int64, err error) {
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			err = errors.Join(err, o.Err)
			return
		}
		partitions, records = partitions+1, records+o.Offset
	})
	return partitions, records, err
}

// recordsInTopic counts what has been written by now.
func (t *turn) recordsInTopic() (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(t.server.kafka))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, records, err := topicEnds(ctx, client)
	return records, err
}
