package fetch

import (
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
)

// BenchmarkWake measures a publication of a segment with records of 1,000 partitions, for which 100 Fetches wait: 99 of ten of these each,
// and one of all.
func BenchmarkWake(b *testing.B) {
	const partitions, each = 1000, 10
	keys := make([]base.PartitionKey, partitions)
	for i := range keys {
		keys[i] = base.PartitionKey(i)
	}
	f := &Fetch{env: env.Real(), waiters: waiters{byKey: map[base.PartitionKey]*node{}}}
	enlist := func(keys []base.PartitionKey) *waiter {
		parts := make([]Part, len(keys))
		for i := range parts {
			parts[i].Key = keys[i]
		}
		return f.enlist(parts)
	}
	waiting := []*waiter{enlist(keys)}
	for i := each; i < partitions; i += each {
		waiting = append(waiting, enlist(keys[i:i+each]))
	}
	b.ReportAllocs()
	for b.Loop() {
		f.changed(control.Change{Partitions: keys})
		for _, w := range waiting {
			w.woken, w.changed = false, w.changed[:0]
		}
	}
}
