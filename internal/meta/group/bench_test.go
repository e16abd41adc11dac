package group

import (
	"fmt"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// BenchmarkCommit: one commit of 10 partitions in a group with 1,000, a fork each.
func BenchmarkCommit(b *testing.B) {
	s, cfg := New(), DefaultConfig()
	c := &OffsetCommit{Group: "g", Generation: -1, RetentionMs: -1}
	for p := range int32(1000) {
		c.Partitions = append(c.Partitions, CommitPartition{topicID("t"), p, 0, -1, ""})
	}
	apply(b, s, c, cfg)
	c.Partitions = c.Partitions[500:510]
	b.ReportAllocs()
	for b.Loop() {
		s = s.Fork()
		apply(b, s, c, cfg)
	}
}

// BenchmarkRebalance: a group of 1,000 members joins, one fork a join, and one round ends.
func BenchmarkRebalance(b *testing.B) {
	cfg := DefaultConfig()
	b.ReportAllocs()
	for b.Loop() {
		s := New()
		for i := range 1000 {
			c := joinOf("g", base.Millis(i))
			c.Protocols = append(c.Protocols, Protocol{fmt.Sprint("other", i%2), nil})
			s = s.Fork()
			apply(b, s, c, cfg)
		}
		events, _ := Decide(s, &Tick{"g", s.Get("g").Deadline}, 10_000, cfg, deadSet{})
		for _, e := range events {
			if err := s.Apply(e); err != nil {
				b.Fatal(err)
			}
		}
	}
}
