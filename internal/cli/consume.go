package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type consumeOptions struct {
	common
	group      string
	from       string
	partitions []int32
	max        int
	timeout    time.Duration
	format     string
	follow     bool

	joined atomic.Bool // the group has given this member its share, if only of nothing
}

// ConsumeCommand makes "consume": print the records of a topic.
func ConsumeCommand() *cobra.Command {
	var o consumeOptions
	cmd := quiet(&cobra.Command{
		Use:   "consume TOPIC",
		Short: "Print the records of a topic as they arrive",
		Long: "Print the records of a topic as they arrive, until Ctrl-C. With --group the partitions are shared with the group's\n" +
			"other members, and what was printed is committed at the end and every few seconds.",
		Example: "  millrace consume orders --from beginning --follow=false --json | jq .value\n" +
			"  millrace consume orders --from -15m --format '%d{strftime[%T]} %p@%o %k=%v\\n'\n" +
			"  millrace consume orders --group billing",
		Args: wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	})
	f := cmd.Flags()
	o.addTo(f)
	f.StringVar(&o.group, "group", "", "read as a member of this consumer `group`")
	f.StringVar(&o.from, "from", "end", "beginning, end, an offset, a moment (2006-01-02T15:04:05Z) or how long ago (-15m); in a group, for partitions without a commit")
	f.Int32SliceVar(&o.partitions, "partition", nil, "only these partition `numbers`")
	f.IntVar(&o.max, "max", 0, "stop after this many records; 0 is no limit")
	f.DurationVar(&o.timeout, "timeout", 0, "stop when no record came for this long; 0 waits for ever")
	f.StringVar(&o.format, "format", `%v\n`, "how to print a record: %t topic, %p partition, %o offset, %k key, %v value, %h{%k=%v } headers, %d time, as in rpk")
	f.BoolVar(&o.follow, "follow", true, "wait for new records; =false stops at what was the end when it started")
	return cmd
}

func (o *consumeOptions) run(cmd *cobra.Command, topic string) error {
	if err := o.check(); err != nil {
		return err
	}
	from, err := parseFrom(o.from, time.Now())
	if err != nil {
		return err
	}
	formatter, err := kgo.NewRecordFormatter(o.format)
	if err != nil {
		return usagef("--format: %v", err)
	}
	// Control records are read so that a run which does not follow sees that it reached an end made of them.
	opts := []kgo.Opt{kgo.ConsumeStartOffset(from.offset()), kgo.KeepControlRecords()}
	if o.group != "" {
		opts = append(opts, kgo.ConsumerGroup(o.group), kgo.AutoCommitMarks(), kgo.BlockRebalanceOnPoll(),
			kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { o.joined.Store(true) }))
	}
	return o.common.run(cmd, func(ctx context.Context, s *session) error {
		c := &consumption{session: s, formatter: formatter, topic: topic, options: o}
		return c.run(ctx, from)
	}, opts...)
}

func (o *consumeOptions) check() error {
	switch {
	case o.max < 0:
		return usagef("--max %d: want a number of records, or 0 for no limit", o.max)
	case o.timeout < 0:
		return usagef("--timeout %s: want how long to wait, or 0 for ever", o.timeout)
	case o.group != "" && len(o.partitions) > 0:
		return usagef("--group and --partition exclude each other: a group shares its partitions out itself")
	case o.group != "" && !o.follow:
		return usagef("--group and --follow=false exclude each other: use --timeout to stop a member that has nothing left to read")
	}
	return nil
}

// from is where to begin: one of kgo's special offsets (-2 beginning, -1 end), an offset, or a moment.
type from struct {
	millis int64 // a moment since the epoch, or -1
	at     int64
}

const (
	atBeginning = -2
	atEnd       = -1
)

func parseFrom(text string, now time.Time) (from, error) {
	switch text {
	case "beginning", "earliest":
		return from{-1, atBeginning}, nil
	case "end", "latest":
		return from{-1, atEnd}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return from{-1, n}, nil
	}
	if ago, ok := strings.CutPrefix(text, "-"); ok {
		if d, err := parseSpan(ago); err == nil {
			return from{max(0, now.Add(-d).UnixMilli()), 0}, nil
		}
	}
	if t, err := parseMoment(text); err == nil {
		return from{t.UnixMilli(), 0}, nil
	}
	return from{}, usagef("--from %q: want beginning, end, an offset, a moment (2006-01-02T15:04:05Z) or how long ago (-15m)", text)
}

func (f from) offset() kgo.Offset {
	switch {
	case f.millis >= 0:
		return kgo.NewOffset().AfterMilli(f.millis)
	case f.at == atBeginning:
		return kgo.NewOffset().AtStart()
	case f.at == atEnd:
		return kgo.NewOffset().AtEnd()
	}
	return kgo.NewOffset().At(f.at)
}

// spans gives, for a run that does not follow, where each partition begins and ends; empty ones are left out.
func (s *session) spans(ctx context.Context, topic string, partitions []int32, begin from) (begins, ends map[int32]int64, err error) {
	starts, heads, err := s.bounds(ctx, []string{topic})
	if err != nil {
		return nil, nil, err
	}
	var atMillis kadm.ListedOffsets
	if begin.millis >= 0 {
		if atMillis, err = s.admin.ListOffsetsAfterMilli(ctx, begin.millis, topic); err != nil {
			return nil, nil, err
		}
	}
	begins, ends = map[int32]int64{}, map[int32]int64{}
	for _, p := range partitions {
		start, end := known(starts, topic, p), known(heads, topic, p)
		if start == nil || end == nil {
			return nil, nil, fmt.Errorf("%s: its offsets are not known just now; is its leader up?", partition{topic, p})
		}
		at := max(begin.at, *start)
		if begin.at == atEnd {
			at = *end
		}
		if begin.millis >= 0 {
			if at = *end; known(atMillis, topic, p) != nil {
				at = *known(atMillis, topic, p)
			}
		}
		if at < *end {
			begins[p], ends[p] = at, *end
		}
	}
	return begins, ends, nil
}
