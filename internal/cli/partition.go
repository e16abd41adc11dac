package cli

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
)

// partition names one partition of a topic.
type partition struct {
	topic     string
	partition int32
}

func (p partition) String() string { return fmt.Sprintf("%s:%d", p.topic, p.partition) }

func comparePartitions(a, b partition) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
}

// flatten lists a set's partitions by topic, then number.
func flatten(set kadm.TopicsSet) []partition {
	var all []partition
	set.Each(func(t string, p int32) { all = append(all, partition{t, p}) })
	slices.SortFunc(all, comparePartitions)
	return all
}

func noSuchPartition(topic string, p int32, has int) error {
	return fmt.Errorf("topic %s has no partition %d: it has %s, numbered from 0", topic, p, count(has, "partition"))
}
