package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// bufferedBytes is what produce keeps in memory while the cluster is slower than its input.
	bufferedBytes = 64 << 20
	// stallTimeout is how long nothing at all may be acknowledged before produce gives up. The client's own limit
	// counts from a record's timestamp, and so would fail old records read from JSON at once.
	stallTimeout = 60 * time.Second
	// defaultMaxBytes is Kafka's default max.message.bytes.
	defaultMaxBytes = 1048588
)

type produceOptions struct {
	common
	keySeparator string
	headers      []string
	partition    int32
	compression  string
	acks         string
	file         string
	maxBytes     int32
}

// ProduceCommand makes "produce": lines of a file or of stdin become records.
func ProduceCommand() *cobra.Command {
	var o produceOptions
	cmd := quiet(&cobra.Command{
		Use:   "produce TOPIC",
		Short: "Write each line of stdin (or --file) as a record",
		Long: "Write each line of stdin (or --file) as a record. With --json a line is a record as \"consume --json\" prints it;\n" +
			"its key, value, headers and timestamp are kept.",
		Example: "  echo 'hello' | millrace produce greetings\n" +
			"  millrace produce orders --key-separator : --compression zstd --file orders.txt",
		Args: wantArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	})
	f := cmd.Flags()
	o.addTo(f)
	f.Lookup("json").Usage = "read JSON lines instead of text"
	f.StringVar(&o.keySeparator, "key-separator", "", "`text` between key and value; without it records have no key")
	f.StringArrayVar(&o.headers, "header", nil, "header `key=value` for every record (repeatable)")
	f.Int32Var(&o.partition, "partition", -1, "partition `number`; by default chosen by key")
	f.StringVar(&o.compression, "compression", "none", "none, gzip, snappy, lz4 or zstd")
	f.StringVar(&o.acks, "acks", "all", "all, 1 or 0")
	f.StringVar(&o.file, "file", "-", "`file` to read, - for stdin")
	f.Int32Var(&o.maxBytes, "max-bytes", defaultMaxBytes, "largest batch, in `bytes`; for larger records raise the topic's max.message.bytes too")
	return cmd
}

func (o *produceOptions) run(cmd *cobra.Command, topic string) error {
	opts, err := o.clientOptions(topic)
	if err != nil {
		return err
	}
	parse, err := o.parser()
	if err != nil {
		return err
	}
	in := cmd.InOrStdin()
	if o.file != "-" {
		file, err := os.Open(o.file)
		if err != nil {
			return usagef("--file: %v", err)
		}
		defer file.Close()
		in = file
	}
	return o.common.run(cmd, func(ctx context.Context, s *session) error {
		if isTerminal(in) {
			fmt.Fprintln(s.err, "one record a line; Ctrl-D ends")
		}
		return s.produce(ctx, topic, in, parse)
	}, opts...)
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func (o *produceOptions) clientOptions(topic string) ([]kgo.Opt, error) {
	codec, ok := codecs[o.compression]
	if !ok {
		return nil, usagef("--compression %q: want none, gzip, snappy, lz4 or zstd", o.compression)
	}
	if o.maxBytes < 1024 {
		return nil, usagef("--max-bytes %d: want at least 1024", o.maxBytes)
	}
	opts := []kgo.Opt{
		kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(o.maxBytes),
		kgo.BrokerMaxWriteBytes(max(100<<20, o.maxBytes)),
		kgo.MaxBufferedBytes(max(bufferedBytes, int(o.maxBytes))),
		kgo.AllowAutoTopicCreation(),
	}
	switch o.acks {
	case "all", "-1":
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	default:
		return nil, usagef("--acks %q: want all, 1 or 0", o.acks)
	}
	if o.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	return opts, nil
}

// parser turns a line into a record.
func (o *produceOptions) parser() (func(line []byte) (*kgo.Record, error), error) {
	var headers []kgo.RecordHeader
	for _, text := range o.headers {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usagef("--header %q: want key=value", text)
		}
		headers = append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	if o.json && o.keySeparator != "" {
		return nil, usagef("--json and --key-separator exclude each other")
	}
	read := o.parseText
	if o.json {
		read = parseJSONRecord
	}
	return func(line []byte) (*kgo.Record, error) {
		r, err := read(line)
		if err != nil {
			return nil, err
		}
		r.Headers = append(r.Headers, headers...)
		r.Partition = max(0, o.partition)
		return r, nil
	}, nil
}

func (o *produceOptions) parseText(line []byte) (*kgo.Record, error) {
	if o.keySeparator == "" {
		return &kgo.Record{Value: line}, nil
	}
	key, value, ok := strings.Cut(string(line), o.keySeparator)
	if !ok {
		return nil, fmt.Errorf("no key separator %q in it", o.keySeparator)
	}
	return &kgo.Record{Key: []byte(key), Value: []byte(value)}, nil
}

// produce sends what in holds. A line that is no record ends the input; what was read before it is still sent.
func (s *session) produce(ctx context.Context, topic string, in io.Reader, parse func([]byte) (*kgo.Record, error)) error {
	p := &production{client: s.client, errs: s.err, patience: stallTimeout, started: time.Now(), progress: time.Now()}
	work, stop := p.watch(ctx)
	inputErr := p.sendLines(ctx, work, in, parse)
	if ctx.Err() != nil && inputErr == nil && !isTerminal(in) {
		inputErr = fmt.Errorf("interrupted: nothing after line %d was sent", p.sent)
	}
	_ = s.client.Flush(work)
	lost := context.Cause(work)
	stop()
	return p.report(topic, inputErr, lost)
}
