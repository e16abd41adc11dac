package broker

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/ingest"
)

// Watcher is told what was served. Its methods are called by all connections and must not wait.
type Watcher interface {
	// Request: one request was answered, took after it arrived. kind is the first error in its answer.
	Request(api string, took time.Duration, kind base.Kind)
	// Produced: batches that came at arrived have their results: those whose result is OK are durable. Their bytes are gone.
	Produced(arrived time.Time, batches []ingest.Batch, results []ingest.Result)
	// Fetched: a client is given the records of a partition up to end, which is not among them.
	Fetched(topic base.TopicID, partition int32, end int64)
}

// nobody watches.
type nobody struct{}

func (nobody) Request(string, time.Duration, base.Kind)            {}
func (nobody) Produced(time.Time, []ingest.Batch, []ingest.Result) {}
func (nobody) Fetched(base.TopicID, int32, int64)                  {}
