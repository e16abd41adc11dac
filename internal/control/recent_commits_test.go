package control

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/group"
)

func committed(from base.Incarnation, name string, partitions ...int32) meta.Outcome {
	e := &group.OffsetsCommitted{Group: name}
	for _, p := range partitions {
		e.Offsets = append(e.Offsets, group.CommitPartition{Partition: p})
	}
	return meta.Outcome{From: from, Events: []meta.Event{e}}
}

func TestRecentCommits(t *testing.T) {
	r := commitsAfter(4)
	r.note(5, []meta.Outcome{committed(1, "g", 0, 1)})
	r.note(6, []meta.Outcome{committed(2, "g", 1), committed(2, "h", 0)})
	r.note(7, []meta.Outcome{committed(2, "g", 1)})
	for _, c := range []struct {
		slot      base.Slot
		name      string
		partition int32
		from      base.Incarnation
		want      bool
	}{
		{4, "g", 0, 1, false}, // its own
		{4, "g", 0, 2, true},
		{5, "g", 0, 2, false}, // it had been read
		{6, "g", 1, 1, true},
		{7, "g", 1, 1, false},
		{4, "g", 1, 2, true}, // behind its own there is another's
		{5, "g", 1, 2, false},
		{4, "g", 2, 1, false}, // nobody's
		{5, "h", 0, 1, true},
	} {
		p := placeOf(c.name, &group.CommitPartition{Partition: c.partition})
		if got := r.after(c.slot, p, c.from); got != c.want {
			t.Errorf("after slot %d by others than %d, %s/%d: %v", c.slot, c.from, c.name, c.partition, got)
		}
	}
}

// What is remembered is bounded, and said to be known only as far back as it is.
func TestRecentCommitsAreForgotten(t *testing.T) {
	r := commitsAfter(0)
	const perEntry, entries = 10_000, 100
	var all []int32
	for p := range int32(perEntry) {
		all = append(all, p)
	}
	for slot := base.Slot(1); slot <= entries; slot++ {
		r.note(slot, []meta.Outcome{committed(1, fmt.Sprint("g", slot), all...)})
		if n := len(r.young) + len(r.old); n > 2*(recentPlaces+perEntry) {
			t.Fatalf("%d offsets are remembered", n)
		}
	}
	if r.knownAfter == 0 || r.knownAfter > entries-recentPlaces/perEntry {
		t.Errorf("%d offsets in each of %d entries: all after slot %d is known", perEntry, entries, r.knownAfter)
	}
	for slot := r.knownAfter + 1; slot <= entries; slot++ {
		if p := placeOf(fmt.Sprint("g", slot), &group.CommitPartition{}); !r.after(slot-1, p, 2) || r.after(slot, p, 2) {
			t.Errorf("of the commits after slot %d that of slot %d is forgotten", r.knownAfter, slot)
		}
	}
}

// A message of commands tells how old its commits are; one of an older agent does not, nor one that is cut off.
func TestCommandsTellHowOldTheyAre(t *testing.T) {
	var commands codec.Writer
	commands.Uvarint(3)
	ops := []meta.Op{&group.OffsetCommit{Group: "g"}, &group.DeleteGroup{Group: "g"}, &group.OffsetCommit{Group: "h"}}
	for i, op := range ops {
		cmd := meta.Command{From: 7, Number: uint64(i + 1), Op: op}
		cmd.Encode(&commands)
	}
	for _, c := range []struct {
		trailer []byte
		want    []base.Slot
	}{
		{nil, []base.Slot{0, 0, 0}},
		{[]byte{5, 0, 9}, []base.Slot{5, 0, 9}},
		{[]byte{5}, []base.Slot{5, 0, 0}},
	} {
		list, err := readCommands(&codec.Reader{B: append(bytes.Clone(commands.B), c.trailer...)})
		if err != nil || len(list) != len(ops) {
			t.Fatalf("%d commands, %v", len(list), err)
		}
		for i := range list {
			if got := sinceOf(list[i].Op); got != c.want[i] || list[i].Number != uint64(i+1) {
				t.Errorf("trailer %v: command %d is of slot %d, want %d", c.trailer, i+1, got, c.want[i])
			}
		}
	}
}
