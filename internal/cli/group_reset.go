package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

// resetOptions name where to put a group's offsets: exactly one of the targets is given.
type resetOptions struct {
	topics     []string
	allTopics  bool
	execute    bool
	toEarliest bool
	toLatest   bool
	toOffset   int64
	shiftBy    int64
	toDatetime string
	byDuration string
}

var resetTargets = []string{"to-earliest", "to-latest", "to-offset", "shift-by", "to-datetime", "by-duration"}

func groupReset(flags *common) *cobra.Command {
	var o resetOptions
	cmd := &cobra.Command{
		Use:   "reset GROUP",
		Short: "Move a group's committed offsets; shows what it would do until --execute is given",
		Long: "Move the committed offsets of a group that has no members. As kafka-consumer-groups does, it only shows the\n" +
			"new offsets until --execute is given. Offsets outside a partition's log are moved to its nearer end.",
		Example: "  millrace group reset billing --topic orders --to-earliest --execute\n" +
			"  millrace group reset billing --topic orders:0,1 --by-duration 2h",
		Args: wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, target, err := o.parse(cmd)
			if err != nil {
				return err
			}
			return flags.run(cmd, func(ctx context.Context, s *session) error {
				return s.resetGroup(ctx, args[0], scope, target, o.execute)
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.topics, "topic", nil, "topic, or `topic:0,1` for some of its partitions (repeatable)")
	f.BoolVar(&o.allTopics, "all-topics", false, "all partitions the group has committed")
	f.BoolVar(&o.execute, "execute", false, "do it; without this the new offsets are only shown")
	f.BoolVar(&o.toEarliest, "to-earliest", false, "to the start of the log")
	f.BoolVar(&o.toLatest, "to-latest", false, "to the end of the log")
	f.Int64Var(&o.toOffset, "to-offset", 0, "to this offset")
	f.Int64Var(&o.shiftBy, "shift-by", 0, "by this many records forward, or back where negative")
	f.StringVar(&o.toDatetime, "to-datetime", "", "to the first record at or after this `moment` (2006-01-02T15:04:05Z)")
	f.StringVar(&o.byDuration, "by-duration", "", "to the first record no older than this `duration` (90m or PT1H30M)")
	return cmd
}

// target computes a partition's new offset from what is known of it.
type target struct {
	// millis is a moment since the epoch whose offsets must be looked up first, or negative.
	millis int64
	at     func(position) (int64, error)
}

type position struct {
	partition
	committed  *int64
	start, end int64
	atMillis   int64
}

func (o resetOptions) parse(cmd *cobra.Command) ([]choice, target, error) {
	given := ""
	for _, name := range resetTargets {
		if cmd.Flags().Changed(name) {
			if given != "" {
				return nil, target{}, usagef("--%s and --%s exclude each other", given, name)
			}
			given = name
		}
	}
	if given == "" {
		return nil, target{}, usagef("say where to: one of --to-earliest, --to-latest, --to-offset, --shift-by, --to-datetime, --by-duration")
	}
	if o.allTopics == (len(o.topics) > 0) {
		return nil, target{}, usagef("say which offsets: --topic (repeatable), or --all-topics")
	}
	scope, err := choices(o.topics)
	if err != nil {
		return nil, target{}, err
	}
	t, err := o.target(given, time.Now())
	return scope, t, err
}

func (o resetOptions) target(given string, now time.Time) (target, error) {
	byTime := func(p position) (int64, error) { return p.atMillis, nil }
	switch given {
	case "to-earliest":
		return target{-1, func(p position) (int64, error) { return p.start, nil }}, nil
	case "to-latest":
		return target{-1, func(p position) (int64, error) { return p.end, nil }}, nil
	case "to-offset":
		return target{-1, func(position) (int64, error) { return o.toOffset, nil }}, nil
	case "shift-by":
		return target{-1, o.shift}, nil
	case "to-datetime":
		t, err := parseMoment(o.toDatetime)
		return target{t.UnixMilli(), byTime}, err
	default:
		d, err := parseSpan(o.byDuration)
		return target{max(0, now.Add(-d).UnixMilli()), byTime}, err
	}
}

func (o resetOptions) shift(p position) (int64, error) {
	if p.committed == nil {
		return 0, fmt.Errorf("%s has no committed offset to shift; name a place with --to-earliest or --to-latest", p.partition)
	}
	return *p.committed + o.shiftBy, nil
}

// resetRow is one partition's move. Committed is null where nothing was committed.
type resetRow struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed *int64 `json:"committed_offset"`
	New       int64  `json:"new_offset"`
	Executed  bool   `json:"executed"`
}

func (s *session) resetGroup(ctx context.Context, group string, scope []choice, t target, execute bool) error {
	if err := s.mustBeIdle(ctx, group); err != nil {
		return err
	}
	positions, err := s.positions(ctx, group, scope, t.millis)
	if err != nil {
		return err
	}
	var rows []resetRow
	moved := kadm.Offsets{}
	for _, p := range positions {
		wanted, err := t.at(p)
		if err != nil {
			return err
		}
		to := min(max(wanted, p.start), p.end)
		if to != wanted {
			fmt.Fprintf(s.err, "warning: %s holds offsets %d to %d; %d becomes %d\n", p.partition, p.start, p.end, wanted, to)
		}
		moved.Add(kadm.Offset{Topic: p.topic, Partition: p.partition.partition, At: to, LeaderEpoch: -1})
		rows = append(rows, resetRow{group, p.topic, p.partition.partition, p.committed, to, execute})
	}
	if execute {
		if err := s.commit(ctx, group, moved); err != nil {
			return err
		}
	}
	return s.printReset(rows, execute)
}

// mustBeIdle refuses a group that has members. One that does not exist is made by its first commit.
func (s *session) mustBeIdle(ctx context.Context, name string) error {
	g, err := s.group(ctx, name)
	var none errNoGroup
	switch {
	case errors.As(err, &none):
		return nil
	case err != nil:
		return err
	case len(g.Members) > 0:
		return fmt.Errorf("group %s has %s; stop them first: offsets can only be moved while nobody reads",
			name, count(len(g.Members), "member"))
	}
	return nil
}

// positions loads what the targets are computed from, for the chosen partitions; no choice is all that is committed.
func (s *session) positions(ctx context.Context, group string, scope []choice, millis int64) ([]position, error) {
	committed, err := s.committed(ctx, group)
	if err != nil {
		return nil, err
	}
	chosen := committed.TopicsSet()
	if len(scope) > 0 {
		if chosen, err = s.partitionsOf(ctx, scope); err != nil {
			return nil, err
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("group %s has committed nothing; name topics with --topic", group)
	}
	starts, ends, err := s.bounds(ctx, chosen.Topics())
	if err != nil {
		return nil, err
	}
	var atMillis kadm.ListedOffsets
	if millis >= 0 {
		if atMillis, err = s.admin.ListOffsetsAfterMilli(ctx, millis, chosen.Topics()...); err != nil {
			return nil, err
		}
	}
	return locate(flatten(chosen), committed, starts, ends, atMillis)
}

func locate(chosen []partition, committed kadm.Offsets, starts, ends, atMillis kadm.ListedOffsets) ([]position, error) {
	var all []position
	for _, p := range chosen {
		start, end := known(starts, p.topic, p.partition), known(ends, p.topic, p.partition)
		if start == nil || end == nil {
			return nil, fmt.Errorf("%s: its offsets are not known just now; does it exist, and is its leader up?", p)
		}
		at := position{partition: p, start: *start, end: *end, atMillis: *end}
		if o, ok := committed.Lookup(p.topic, p.partition); ok {
			at.committed = &o.At
		}
		if o := known(atMillis, p.topic, p.partition); o != nil {
			at.atMillis = *o
		}
		all = append(all, at)
	}
	return all, nil
}

func (s *session) commit(ctx context.Context, group string, offsets kadm.Offsets) error {
	answers, err := s.admin.CommitOffsets(ctx, group, offsets)
	if err != nil {
		return err
	}
	t := s.tally("partition")
	for _, a := range answers.Sorted() {
		if a.Err != nil {
			name := partition{a.Topic, a.Partition}.String()
			t.fail(name, refusal("partition", name, a.Err, ""))
		}
	}
	return t.err()
}

func (s *session) printReset(rows []resetRow, executed bool) error {
	if s.json {
		return objects(s, rows)
	}
	t := newTable("TOPIC", "PARTITION>", "COMMITTED>", "NEW>")
	for _, r := range rows {
		t.add(r.Topic, r.Partition, number(r.Committed), r.New)
	}
	t.print(s.out)
	if !executed {
		fmt.Fprintln(s.err, "nothing was changed: add --execute to do it")
	}
	return nil
}
