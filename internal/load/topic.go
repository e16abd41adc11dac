package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// adminTimeout bounds what is asked about topics, and their deletion in the end, also after Ctrl-C.
	adminTimeout = 30 * time.Second
	// messageBytesMax is the default of max.message.bytes, less what a batch has beside its records.
	messageBytesMax = 1 << 20
)

// ensureTopic finds the topic, or makes it.
func (r *run) ensureTopic(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	if r.config.Topic != "" {
		found, err := r.findTopic(ctx)
		if found || err != nil {
			return err
		}
	} else {
		r.config.Topic, r.ours = fmt.Sprintf("millrace-bench-%08x", uint32(r.id)), true
	}
	configs := map[string]*string{}
	if r.config.BatchBytes > messageBytesMax {
		most := strconv.Itoa(r.config.BatchBytes + batchOverhead)
		configs["max.message.bytes"] = &most
	}
	if _, err := r.admin.CreateTopic(ctx, int32(r.config.Partitions), -1, configs, r.config.Topic); err != nil {
		r.ours = false
		return fmt.Errorf("the topic %s could not be made: %w", r.config.Topic, err)
	}
	return r.awaitTopic(ctx)
}

// findTopic reports whether the topic is there, and takes over how many partitions it has.
func (r *run) findTopic(ctx context.Context) (bool, error) {
	details, err := r.admin.ListTopics(ctx, r.config.Topic)
	if err != nil {
		return false, err
	}
	d := details[r.config.Topic]
	if errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
		return false, nil
	}
	if d.Err != nil {
		return false, fmt.Errorf("the topic %s: %w", r.config.Topic, d.Err)
	}
	r.config.Partitions = len(d.Partitions)
	return len(d.Partitions) > 0, nil
}

// awaitTopic waits until all partitions of a new topic have a leader.
func (r *run) awaitTopic(ctx context.Context) error {
	for {
		at, err := r.listOffsets(ctx, r.admin.ListEndOffsets)
		if err == nil && len(at) == r.config.Partitions {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the topic %s was made, but %d of its %d partitions can be asked: %w", r.config.Topic, len(at), r.config.Partitions, errors.Join(err, ctx.Err()))
		}
	}
}

// listOffsets gives the start or the end of each partition.
func (r *run) listOffsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error)) (offsets, error) {
	listed, err := list(ctx, r.config.Topic)
	if err != nil {
		return nil, err
	}
	at := offsets{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			at[o.Partition] = o.Offset
		} else if err == nil {
			err = fmt.Errorf("%s[%d]: %w", o.Topic, o.Partition, o.Err)
		}
	})
	return at, err
}

// ends gives where the topic ends now.
func (r *run) ends(ctx context.Context) (offsets, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	return r.listOffsets(ctx, r.admin.ListEndOffsets)
}

// settleFor is how long the topic must not grow until what was sent without asking for an answer is taken to be in it.
const settleFor = 3 * time.Second

// finalEnds gives where the topic ends after the load. What nobody answers may still be on its way: that is waited for.
func (r *run) finalEnds(ctx context.Context) (offsets, error) {
	ends, err := r.ends(ctx)
	if r.config.Acks != "0" {
		return ends, err
	}
	var sent uint64
	for _, acked := range acknowledged(r.producers) {
		sent += acked.count
	}
	for grew := r.clock.now(); err == nil && uint64(r.begins.records(ends)) < sent && r.clock.now()-grew < settleFor; time.Sleep(100 * time.Millisecond) {
		var now offsets
		if now, err = r.ends(ctx); ends.records(now) > 0 {
			ends, grew = now, r.clock.now()
		}
	}
	return ends, err
}

// records counts what lies between two places in the topic.
func (o offsets) records(to offsets) (n int64) {
	for p, at := range o {
		n += to[p] - at
	}
	return n
}

// dropTopic deletes the topic that was made for the run.
func (r *run) dropTopic(ctx context.Context) error {
	if !r.ours {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), adminTimeout)
	defer cancel()
	if _, err := r.admin.DeleteTopic(ctx, r.config.Topic); err != nil {
		return fmt.Errorf("the topic %s could not be deleted: %w", r.config.Topic, err)
	}
	return nil
}
