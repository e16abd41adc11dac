package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pollRecords bounds one poll, and so what is printed between two looks at Ctrl-C.
const pollRecords = 10_000

// consumption is one run of consume.
type consumption struct {
	*session
	options   *consumeOptions
	topic     string
	formatter *kgo.RecordFormatter
	// ends holds the partitions that a run which does not follow has still to read, and up to where; nil means follow.
	ends    map[int32]int64
	printed int
	buffer  []byte
}

func (c *consumption) run(ctx context.Context, begin from) error {
	if err := c.begin(ctx, begin); err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.out, 64<<10)
	err := c.loop(ctx, out)
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if leaveErr := c.leave(ctx); err == nil {
		err = leaveErr
	}
	fmt.Fprintln(c.err, count(c.printed, "record"))
	return err
}

// begin checks that the topic is there and starts reading it.
func (c *consumption) begin(ctx context.Context, begin from) error {
	partitions, err := c.pick(ctx)
	if err != nil {
		return err
	}
	if c.options.follow && len(c.options.partitions) == 0 {
		// By topic, so that partitions added later are read too.
		c.client.AddConsumeTopics(c.topic)
		return nil
	}
	offsets := map[int32]kgo.Offset{}
	for _, p := range partitions {
		offsets[p] = begin.offset()
	}
	if !c.options.follow {
		var begins map[int32]int64
		if begins, c.ends, err = c.spans(ctx, c.topic, partitions, begin); err != nil {
			return err
		}
		clear(offsets)
		for p, at := range begins {
			offsets[p] = kgo.NewOffset().At(at)
		}
	}
	c.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{c.topic: offsets})
	return nil
}

// pick gives the partitions to read: those asked for, or all.
func (c *consumption) pick(ctx context.Context) ([]int32, error) {
	details, err := c.topics(ctx, []string{c.topic})
	if err != nil {
		return nil, err
	}
	has := details[c.topic].Partitions
	for _, p := range c.options.partitions {
		if _, ok := has[p]; !ok {
			return nil, noSuchPartition(c.topic, p, len(has))
		}
	}
	if len(c.options.partitions) > 0 {
		return c.options.partitions, nil
	}
	return has.Numbers(), nil
}

func (c *consumption) loop(ctx context.Context, out *bufio.Writer) error {
	for !c.finished() && ctx.Err() == nil {
		fetches, idle, err := c.poll(ctx)
		if err != nil || idle {
			return err
		}
		for _, r := range fetches.Records() {
			if err := c.take(out, r); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
		c.client.AllowRebalance()
	}
	return nil
}

func (c *consumption) finished() bool {
	return c.options.max > 0 && c.printed >= c.options.max || c.ends != nil && len(c.ends) == 0
}

// poll waits for records; idle says that none came within --timeout.
func (c *consumption) poll(ctx context.Context) (fetches kgo.Fetches, idle bool, err error) {
	wait := ctx
	if c.options.timeout > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, c.options.timeout)
		defer cancel()
	}
	limit := pollRecords
	if c.options.max > 0 {
		limit = min(limit, c.options.max-c.printed)
	}
	fetches = c.client.PollRecords(wait, limit)
	for _, e := range fetches.Errors() {
		switch {
		case errors.Is(e.Err, context.Canceled):
			return nil, true, nil
		case errors.Is(e.Err, context.DeadlineExceeded) && wait.Err() != nil:
			// --timeout waits for records, not for the group's other members to join.
			return nil, c.options.group == "" || c.options.joined.Load(), nil
		case isUnknownTopic(e.Err):
			return nil, false, fmt.Errorf("topic %s is gone: it was deleted while being read", c.topic)
		}
		return nil, false, refusal("partition", partition{e.Topic, e.Partition}.String(), e.Err, "")
	}
	return fetches, false, nil
}

// take prints a record, unless it lies beyond the end or is a transaction's marker.
func (c *consumption) take(out *bufio.Writer, r *kgo.Record) error {
	if c.ends != nil {
		end, wanted := c.ends[r.Partition]
		if !wanted || r.Offset >= end {
			delete(c.ends, r.Partition)
			return nil
		}
		if r.Offset == end-1 {
			delete(c.ends, r.Partition)
		}
	}
	c.client.MarkCommitRecords(r)
	if r.Attrs.IsControl() {
		return nil
	}
	c.printed++
	if c.json {
		return writeJSON(out, toJSON(r))
	}
	c.buffer = c.formatter.AppendRecord(c.buffer[:0], r)
	_, err := out.Write(c.buffer)
	return err
}

// leave commits what was printed and leaves the group, also after Ctrl-C.
func (c *consumption) leave(ctx context.Context) error {
	if c.options.group == "" {
		return nil
	}
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTimeout)
	defer cancel()
	c.client.AllowRebalance()
	if err := c.client.CommitMarkedOffsets(farewell); err != nil {
		return fmt.Errorf("the last records were printed but not committed, the group will see them again: %w", err)
	}
	return c.client.LeaveGroupContext(farewell)
}
