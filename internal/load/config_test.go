package load

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreGood(t *testing.T) {
	for _, k := range Kinds {
		c := Defaults(k)
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for flag, change := range map[string]func(*Config){
		"partitions":      func(c *Config) { c.Partitions = 0 },
		"producers":       func(c *Config) { c.Producers = -1 },
		"consumers":       func(c *Config) { c.Consumers = 1_000_000 },
		"record-bytes":    func(c *Config) { c.RecordBytes = stampBytes - 1 },
		"batch-bytes":     func(c *Config) { c.RecordBytes, c.BatchBytes = 1<<20, 1<<20 },
		"buffer-bytes":    func(c *Config) { c.BufferBytes = c.BatchBytes - 1 },
		"compressibility": func(c *Config) { c.Compressibility = 0.5 },
		"keys":            func(c *Config) { c.Keys = -1 },
		"backlog":         func(c *Config) { c.BacklogBytes = 1 },
		"backlog-age":     func(c *Config) { c.BacklogAge = -1 },
		"readings":        func(c *Config) { c.Readings = 0 },
		"rate":            func(c *Config) { c.RecordsPerSec = -1 },
		"duration":        func(c *Config) { c.Duration = 0 },
		"warmup":          func(c *Config) { c.Warmup = -1 },
		"linger":          func(c *Config) { c.Linger = -1 },
		"codec":           func(c *Config) { c.Codec = "brotli" },
		"acks":            func(c *Config) { c.Acks = "2" },
		"idempotence":     func(c *Config) { c.Acks = "1" },
	} {
		c := Defaults(Mixed)
		change(&c)
		var wrong *ConfigError
		if err := c.Check(); !errors.As(err, &wrong) || wrong.Flag != flag {
			t.Errorf("%s: %v", flag, err)
		}
	}
	c := Defaults("stampede")
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "catchup") {
		t.Errorf("an unknown load: %v, want an error that lists those there are", err)
	}
}

// What a load has no use for is not said to have been done.
func TestUnusedSettingsAreDropped(t *testing.T) {
	for kind, want := range map[Kind]string{Produce: "consumers backlog backlog-age", Tail: "backlog backlog-age", CatchUp: "rate duration warmup", Mixed: ""} {
		c := Defaults(kind)
		c.RecordsPerSec, c.BacklogAge = 7, 1
		c.dropUnused()
		var gone []string
		for _, f := range []struct {
			flag string
			zero bool
		}{{"rate", c.RecordsPerSec == 0}, {"duration", c.Duration == 0}, {"warmup", c.Warmup == 0}, {"consumers", c.Consumers == 0}, {"backlog", c.BacklogBytes == 0}, {"backlog-age", c.BacklogAge == 0}} {
			if f.zero {
				gone = append(gone, f.flag)
			}
		}
		if got := strings.Join(gone, " "); got != want || got != strings.Join(kind.Unused(), " ") {
			t.Errorf("%s drops %q, want %q", kind, got, want)
		}
	}
}

func TestASpanIsWrittenAsPeopleDo(t *testing.T) {
	for _, want := range []time.Duration{0, 5 * time.Millisecond, 90 * time.Second} {
		text, _ := Span(want).MarshalText()
		var got Span
		if err := got.UnmarshalText(text); err != nil || time.Duration(got) != want {
			t.Errorf("%v is written as %s and read as %v, %v", want, text, time.Duration(got), err)
		}
	}
}
