package load

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Kind names a load.
type Kind string

// The loads; see the package's comment.
const (
	Produce  Kind = "produce"
	Tail     Kind = "tail"
	EndToEnd Kind = "endtoend"
	FanOut   Kind = "fanout"
	CatchUp  Kind = "catchup"
	Mixed    Kind = "mixed"
)

// Kinds are all loads, in the order in which they are shown.
var Kinds = []Kind{Produce, Tail, EndToEnd, FanOut, CatchUp, Mixed}

// shape is what a load is made of.
type shape struct {
	fills     bool // a backlog is written first
	produces  bool
	follows   bool // consumers read what is produced
	everyone  bool // each of them reads everything
	backfills bool // consumers read the backlog
}

var shapes = map[Kind]shape{
	Produce:  {produces: true},
	Tail:     {produces: true, follows: true},
	EndToEnd: {produces: true, follows: true},
	FanOut:   {produces: true, follows: true, everyone: true},
	CatchUp:  {fills: true, backfills: true},
	Mixed:    {fills: true, produces: true, follows: true, backfills: true},
}

// Config says what to do. Fill it by Defaults and change what matters.
type Config struct {
	Bootstrap []string `json:"bootstrap"`
	Load      Kind     `json:"load"`
	ClientID  string   `json:"client_id"` // of all clients; Millrace reads a zone out of it

	// Topic is used as it is if it exists, and made and kept otherwise; if Topic is empty one is made for the run.
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`

	Producers       int     `json:"producers"` // clients
	Consumers       int     `json:"consumers"` // clients
	RecordBytes     int     `json:"record_bytes"`
	Compressibility float64 `json:"compressibility"`    // how many times smaller the codec makes a batch
	Keys            int     `json:"keys"`               // distinct keys; 0: records have none
	BacklogBytes    int64   `json:"backlog_bytes"`      // of values; catchup and mixed
	BacklogAge      Span    `json:"backlog_age"`        // how long it lies before it is read
	Readings        int     `json:"readings,omitempty"` // catchup: how often the backlog is read, each time by new consumers; at least
	ReadFor         Span    `json:"read_for,omitempty"` // catchup: no reading begins later than this after the first

	Codec       string `json:"codec"` // none, gzip, snappy, lz4, zstd
	Acks        string `json:"acks"`  // all, 1, 0
	Idempotence bool   `json:"idempotence"`
	Linger      Span   `json:"linger"`
	BatchBytes  int    `json:"batch_bytes"`  // the most of one batch
	BufferBytes int    `json:"buffer_bytes"` // what a producer holds that is not acknowledged

	RecordsPerSec float64 `json:"records_per_second"` // of all producers together; 0: as fast as possible
	Warmup        Span    `json:"warmup"`
	Duration      Span    `json:"duration"` // catchup ends with its last reading
}

// Unused lists the settings, by their flags, that a load leaves alone.
func (k Kind) Unused() (flags []string) {
	s := shapes[k]
	if !s.produces {
		flags = append(flags, "rate", "duration", "warmup")
	}
	if !s.follows && !s.backfills {
		flags = append(flags, "consumers")
	}
	if !s.fills {
		flags = append(flags, "backlog", "backlog-age")
	}
	return flags
}

// dropUnused sets to 0 what the load leaves alone, so that the result does not speak of it.
func (c *Config) dropUnused() {
	if c.Load != CatchUp {
		c.Readings, c.ReadFor = 0, 0
	}
	for _, flag := range c.Load.Unused() {
		switch flag {
		case "rate":
			c.RecordsPerSec = 0
		case "duration":
			c.Duration = 0
		case "warmup":
			c.Warmup = 0
		case "consumers":
			c.Consumers = 0
		case "backlog":
			c.BacklogBytes, c.BacklogAge = 0, 0
		}
	}
}

// Span is a duration that JSON shows as people write it.
type Span time.Duration

// MarshalText gives 1m30s.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads 1m30s.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}

// pacedRate is the default of loads in which latency counts, in records a second.
const pacedRate = 1000

// DefaultRate gives the default of RecordsPerSec.
func DefaultRate(k Kind) float64 {
	if k == EndToEnd || k == FanOut || k == Mixed {
		return pacedRate
	}
	return 0
}

// Defaults are those of a quick run; batches and buffers as Kafka's Java producer has them, but for batches of up to 1 MiB.
func Defaults(k Kind) Config {
	return Config{
		Load: k, ClientID: "millrace-bench", Partitions: 100, Producers: 2, Consumers: 2, RecordBytes: 1024, Compressibility: 3, BacklogBytes: 1 << 30, Readings: 1,
		Codec: "lz4", Acks: "all", Idempotence: true, Linger: Span(5 * time.Millisecond), BatchBytes: 1 << 20, BufferBytes: 32 << 20,
		RecordsPerSec: DefaultRate(k), Warmup: Span(5 * time.Second), Duration: Span(30 * time.Second),
	}
}

// Bounds of a Config.
const (
	partitionsMax      = 100_000
	clientsMax         = 1000
	recordBytesMax     = 64 << 20
	compressibilityMax = 20
	// batchOverhead is what a batch of one record takes beside its key and value, generously.
	batchOverhead = 512
)

// ConfigError says which setting is wrong, by the name of its flag.
type ConfigError struct{ Flag, Text string }

func (e *ConfigError) Error() string { return "--" + e.Flag + " " + e.Text }

// Check finds the first setting that cannot be.
func (c *Config) Check() error {
	wrong := func(flag, format string, args ...any) error { return &ConfigError{flag, fmt.Sprintf(format, args...)} }
	switch {
	case !slices.Contains(Kinds, c.Load):
		return fmt.Errorf("there is no load %q; there are %s", c.Load, strings.Join(kindNames(), ", "))
	case c.Partitions < 1 || c.Partitions > partitionsMax:
		return wrong("partitions", "%d: want 1 to %d", c.Partitions, partitionsMax)
	case c.Producers < 1 || c.Producers > clientsMax:
		return wrong("producers", "%d: want 1 to %d", c.Producers, clientsMax)
	case c.Consumers < 1 || c.Consumers > clientsMax:
		return wrong("consumers", "%d: want 1 to %d", c.Consumers, clientsMax)
	case c.RecordBytes < stampBytes || c.RecordBytes > recordBytesMax:
		return wrong("record-bytes", "%d: want %d, which the check of a record takes, to %d", c.RecordBytes, stampBytes, recordBytesMax)
	case c.BatchBytes < c.RecordBytes+keyBytes+batchOverhead:
		return wrong("batch-bytes", "%d: a batch has to hold at least one record: want %d or more", c.BatchBytes, c.RecordBytes+keyBytes+batchOverhead)
	case c.BufferBytes < c.BatchBytes:
		return wrong("buffer-bytes", "%d: want at least what a batch may have, %d", c.BufferBytes, c.BatchBytes)
	case !(c.Compressibility >= 1 && c.Compressibility <= compressibilityMax): // nor NaN
		return wrong("compressibility", "%g: want 1 (does not compress) to %d", c.Compressibility, compressibilityMax)
	case c.Keys < 0:
		return wrong("keys", "%d: want a number of distinct keys, or 0 for none", c.Keys)
	case c.BacklogBytes < int64(c.RecordBytes):
		return wrong("backlog", "%d: want at least one record", c.BacklogBytes)
	case c.BacklogAge < 0:
		return wrong("backlog-age", "%v: want a time from 0 on", time.Duration(c.BacklogAge))
	case c.Readings < 1:
		return wrong("readings", "%d: want at least one", c.Readings)
	case !(c.RecordsPerSec >= 0 && c.RecordsPerSec <= math.MaxFloat64): // nor NaN or infinity
		return wrong("rate", "%g: want records or bytes a second, or 0 for as fast as possible", c.RecordsPerSec)
	}
	if err := c.checkSpans(); err != nil {
		return err
	}
	return c.checkSending()
}

func (c *Config) checkSpans() error {
	switch {
	case c.Duration <= 0:
		return &ConfigError{"duration", fmt.Sprintf("%v: want some time", time.Duration(c.Duration))}
	case c.Warmup < 0:
		return &ConfigError{"warmup", fmt.Sprintf("%v: want a time from 0 on", time.Duration(c.Warmup))}
	case c.Linger < 0:
		return &ConfigError{"linger", fmt.Sprintf("%v: want a time from 0 on", time.Duration(c.Linger))}
	case c.ReadFor < 0:
		return fmt.Errorf("readings for %v: want a time from 0 on", time.Duration(c.ReadFor))
	}
	return nil
}

func (c *Config) checkSending() error {
	if _, ok := codecs[c.Codec]; !ok {
		return &ConfigError{"codec", fmt.Sprintf("%q: want none, gzip, snappy, lz4 or zstd", c.Codec)}
	}
	if _, ok := acks[c.Acks]; !ok {
		return &ConfigError{"acks", fmt.Sprintf("%q: want all, 1 or 0", c.Acks)}
	}
	if c.Idempotence && c.Acks != "all" {
		return &ConfigError{"idempotence", "needs --acks all"}
	}
	return nil
}

func kindNames() []string {
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = string(k)
	}
	return names
}
