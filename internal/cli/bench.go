package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

// benchOptions are the flags of bench. Zero numbers are those that the load decides upon.
type benchOptions struct {
	common
	config                           load.Config
	rate                             rateFlag
	batch, buffer                    Size
	backlog                          Size
	record                           Size
	linger, warmup, span, backlogAge durationFlag
	jsonFile, reportFile             string
}

const benchHelp = `Put a load on a Kafka cluster, any one, and measure throughput, latency and whether every record came out again.

  produce   producers only
  tail      producers, and consumers that follow them
  endtoend  the same at a fixed rate: how long from the sending of a record to its arrival
  fanout    producers, and consumers each of which reads everything
  catchup   write a backlog, then read it from its beginning
  mixed     tail, while other consumers read a backlog again and again

Latencies count from the moment at which a record was due, whether or not the client got to send it then, so that a stall
shows in all the records that it held up (coordinated omission). That asks for a --rate; as fast as possible, latency is
that of full buffers. Consumers check that all that was acknowledged arrives, once, unchanged and in order.

Without --topic a topic is made, and deleted in the end. Without keys records go where Kafka's producers send them: many
to one partition, then to the next. With more than 1,000 partitions or so --keys spreads them.

Exit code 0: done; 1: failed, or records were lost, changed, doubled or out of order; 2: called wrongly.`

// BenchCommand makes "bench": measure a cluster under load.
func BenchCommand() *cobra.Command {
	o := benchOptions{}
	cmd := quiet(&cobra.Command{
		Use:   "bench LOAD",
		Short: "Measure a cluster under load: throughput, latency, and that no record is lost",
		Long:  benchHelp,
		Example: "  millrace bench endtoend --rate 5000 --report latency.html\n" +
			"  millrace bench produce --bootstrap kafka:9092 --partitions 1000 --record-bytes 1KiB --codec zstd --duration 2m\n" +
			"  millrace bench tail --rate 50MB --json - | jq .end_to_end.p99_ms\n" +
			"  millrace playground --bucket 'mem://?latency=s3-standard'   # a cluster to try it on",
		ValidArgs: loadNames(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("bench takes one load; got %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return o.run(cmd, load.Kind(args[0]))
		},
	})
	o.bind(cmd.Flags())
	return cmd
}

func loadNames() (names []string) {
	for _, k := range load.Kinds {
		names = append(names, string(k))
	}
	return names
}

func (o *benchOptions) bind(f *pflag.FlagSet) {
	o.config = load.Defaults(load.Produce)
	c := &o.config
	o.record, o.batch, o.buffer, o.backlog = Size(c.RecordBytes), Size(c.BatchBytes), Size(c.BufferBytes), Size(c.BacklogBytes)
	o.linger, o.warmup, o.span = durationFlag{&c.Linger}, durationFlag{&c.Warmup}, durationFlag{&c.Duration}
	o.backlogAge = durationFlag{&c.BacklogAge}
	o.addBootstrap(f)
	f.StringVar(&c.Topic, "topic", "", "use this `topic`, and keep it")
	f.IntVar(&c.Partitions, "partitions", c.Partitions, "of a topic that is made")
	f.IntVar(&c.Producers, "producers", c.Producers, "producing clients")
	f.IntVar(&c.Consumers, "consumers", c.Consumers, "consuming clients")
	f.Var(&o.rate, "rate", "of all producers together: records a second (5000) or bytes (10MB); 0 is as fast as possible (default 1000 for endtoend, fanout and mixed, else 0)")
	f.Var(&o.span, "duration", "how long to measure; catchup ends when the backlog is read")
	f.Var(&o.warmup, "warmup", "how long the load runs before that")
	f.Var(&o.record, "record-bytes", "of a record's value")
	f.Float64Var(&c.Compressibility, "compressibility", c.Compressibility, "how many times smaller the codec makes a batch; 1 does not compress")
	f.IntVar(&c.Keys, "keys", 0, "number of distinct keys; 0 sends records without keys")
	f.StringVar(&c.Codec, "codec", c.Codec, "none, gzip, snappy, lz4 or zstd")
	f.StringVar(&c.Acks, "acks", c.Acks, "all, 1 or 0")
	f.BoolVar(&c.Idempotence, "idempotence", true, "idempotent producers; off with --acks 1 or 0")
	f.Var(&o.linger, "linger", "how long a producer waits for a batch to fill")
	f.Var(&o.batch, "batch-bytes", "the most of one batch")
	f.Var(&o.buffer, "buffer-bytes", "what a producer holds that is not acknowledged; then it waits")
	f.Var(&o.backlog, "backlog", "bytes of records that catchup and mixed write first")
	f.Var(&o.backlogAge, "backlog-age", "how long these lie before they are read")
	f.StringVar(&o.jsonFile, "json", "", "write the result as JSON into this `file`; - prints it instead of the table")
	f.StringVar(&o.reportFile, "report", "", "write an HTML report with plots into this `file`")
	f.SortFlags = false
}

// settle turns the flags into a Config.
func (o *benchOptions) settle(kind load.Kind, changed func(flag string) bool) (load.Config, error) {
	for _, flag := range kind.Unused() {
		if changed(flag) && slices.Contains(load.Kinds, kind) {
			return o.config, usagef("%s has no use for --%s: see bench --help", kind, flag)
		}
	}
	c := o.config
	c.Load, c.Bootstrap = kind, o.seeds()
	c.RecordBytes, c.BatchBytes, c.BufferBytes, c.BacklogBytes = int(o.record), int(o.batch), int(o.buffer), int64(o.backlog)
	if c.RecordsPerSec = load.DefaultRate(kind); changed("rate") {
		c.RecordsPerSec = o.rate.records(c.RecordBytes)
	}
	if c.Acks != "all" && !changed("idempotence") {
		c.Idempotence = false
	}
	if err := c.Check(); err != nil {
		return c, usagef("%v", err)
	}
	return c, nil
}

func (o *benchOptions) run(cmd *cobra.Command, kind load.Kind) error {
	config, err := o.settle(kind, func(flag string) bool { return cmd.Flags().Changed(flag) })
	if err != nil {
		return err
	}
	files, err := o.open(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	defer files.close()
	return o.common.run(cmd, func(ctx context.Context, s *session) error {
		p := newBenchProgress(s.err)
		result, err := load.Run(ctx, config, load.Watch{Progress: p.show})
		p.end()
		if result == nil {
			return err
		}
		if e := files.write(result, s.out); e != nil {
			return e
		}
		return errors.Join(err, result.Verdict())
	})
}

// benchFiles are where the result goes. They are opened first: a run of an hour must not end at a path that is not there.
type benchFiles struct {
	json, report io.WriteCloser
	printJSON    bool
}

func (o *benchOptions) open(out io.Writer) (f benchFiles, err error) {
	if f.printJSON = o.jsonFile == "-"; o.jsonFile != "" && !f.printJSON {
		if f.json, err = os.Create(o.jsonFile); err != nil {
			return f, usagef("--json: %v", err)
		}
	}
	if o.reportFile != "" {
		if f.report, err = os.Create(o.reportFile); err != nil {
			f.close()
			return f, usagef("--report: %v", err)
		}
	}
	return f, nil
}

func (f *benchFiles) close() {
	for _, file := range []io.Closer{f.json, f.report} {
		if file != nil {
			_ = file.Close()
		}
	}
}

func (f *benchFiles) write(r *load.Result, out io.Writer) error {
	var errs []error
	if f.json != nil {
		errs = append(errs, writeJSON(f.json, r))
	}
	if f.report != nil {
		errs = append(errs, report.Write(f.report, r))
	}
	if f.printJSON {
		errs = append(errs, writeJSON(out, r))
	} else {
		errs = append(errs, r.Print(out))
	}
	return errors.Join(errs...)
}

// rateFlag is records or bytes a second.
type rateFlag struct {
	value   float64
	ofBytes bool
	text    string
}

// Set reads 5000, 10MB or 10MB/s.
func (r *rateFlag) Set(text string) error {
	number := strings.TrimSuffix(text, "/s")
	if n, err := strconv.ParseFloat(number, 64); err == nil && n >= 0 {
		*r = rateFlag{n, false, text}
		return nil
	}
	var size Size
	if err := size.Set(number); err != nil {
		return fmt.Errorf("%q is no rate: write records a second (5000) or bytes (10MB)", text)
	}
	*r = rateFlag{float64(size), true, text}
	return nil
}

func (r *rateFlag) String() string { return r.text }

// Type names the kind of value in the help text.
func (r *rateFlag) Type() string { return "rate" }

// records gives the rate in records of a size.
func (r *rateFlag) records(recordBytes int) float64 {
	if r.ofBytes {
		return r.value / float64(recordBytes)
	}
	return r.value
}

// durationFlag sets a load.Span.
type durationFlag struct{ *load.Span }

// Set reads 90s or PT1M30S.
func (d durationFlag) Set(text string) error {
	v, err := parseSpan(text)
	if err == nil {
		*d.Span = load.Span(v)
	}
	return err
}

func (d durationFlag) String() string {
	if d.Span == nil {
		return ""
	}
	text, _ := d.Span.MarshalText() // never fails
	return string(text)
}

// Type names the kind of value in the help text.
func (d durationFlag) Type() string { return "duration" }
