package ingest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// A segment's batches lie topic by topic and partition by partition; those of a partition in the order in which they came.
func TestByPlace(t *testing.T) {
	var batches []*pending
	for n, at := range []struct {
		topic     byte
		partition int32
	}{{7, 3}, {7, 0}, {2, 1}, {7, 3}, {2, 99_999}, {7, 0}, {2, 1}, {7, 3}} {
		p := &pending{index: n}
		p.Topic, p.Partition = base.TopicID{at.topic}, at.partition
		batches = append(batches, p)
	}
	var got []string
	for _, p := range byPlace(batches, func(id base.TopicID) uint32 { return 10 - uint32(id[0]) }) {
		got = append(got, fmt.Sprintf("%d-%d #%d", p.Topic[0], p.Partition, p.index))
	}
	want := []string{"7-0 #1", "7-0 #5", "7-3 #0", "7-3 #3", "7-3 #7", "2-1 #2", "2-1 #6", "2-99999 #4"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
