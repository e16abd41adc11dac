package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	startMax = 2 * time.Minute
	// lookEvery is how often a new server is asked, and so how exactly its start is known.
	lookEvery = 2 * time.Millisecond
	// askAgain lies between two tries of a client whose first ones are refused.
	askAgain = 10 * time.Millisecond
)

// firstAck waits until the server acknowledges a record, of a topic that is made by that, and gives the time since the
// start of its process.
func (s *server) firstAck(topic string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startMax)
	defer cancel()
	go func() { // whoever else may have taken its address, a server that has ended acknowledges nothing
		select {
		case <-s.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := s.awaitPort(ctx); err != nil {
		return 0, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.DefaultProduceTopic(topic), kgo.AllowAutoTopicCreation(),
		kgo.ProducerLinger(0), kgo.MetadataMinAge(askAgain), kgo.UnknownTopicRetries(-1),
		kgo.RetryBackoffFn(func(int) time.Duration { return askAgain }))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if err := client.ProduceSync(ctx, kgo.StringRecord("first")).FirstErr(); err != nil {
		return 0, fmt.Errorf("the first record: %w", errors.Join(err, s.check()))
	}
	return time.Since(s.began), nil
}

func (s *server) awaitPort(ctx context.Context) error {
	for ctx.Err() == nil {
		if conn, err := net.DialTimeout("tcp", s.kafka, time.Second); err == nil {
			return conn.Close()
		}
		time.Sleep(lookEvery)
	}
	if err := s.check(); err != nil {
		return err
	}
	return fmt.Errorf("nothing listens after %v", startMax)
}
