package broker

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
)

// Watcher is told what was served. Its methods are called by all connections and must not wait.
type Watcher interface {
	// Request: one request was answered, took after it arrived. kind is the first error in its answer.
	Request(api string, took time.Duration, kind base.Kind)
	// Produced: a batch that came at arrived is durable, and its first record has this offset.
	Produced(topic base.TopicID, partition int32, offset int64, arrived time.Time)
	// Fetched: a client is given the records of a partition up to end, which is not among them.
	Fetched(topic base.TopicID, partition int32, end int64)
}

// nobody watches.
type nobody struct{}

func (nobody) Request(string, time.Duration, base.Kind)       {}
func (nobody) Produced(base.TopicID, int32, int64, time.Time) {}
func (nobody) Fetched(base.TopicID, int32, int64)             {}
