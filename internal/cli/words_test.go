package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestExplain(t *testing.T) {
	refusedAt := func(ip string, port int) error {
		return &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: port},
			Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	for _, c := range []struct {
		name  string
		err   error
		seeds string
		says  string
	}{
		{"nothing there", refusedAt("127.0.0.1", 9092), "127.0.0.1:9092", "nothing listens at 127.0.0.1:9092"},
		{"port left out", refusedAt("127.0.0.1", 9092), "127.0.0.1", "nothing listens at 127.0.0.1:9092"},
		{"a name", refusedAt("10.1.1.1", 9092), "kafka.example:9092", "nothing listens at 10.1.1.1:9092"},
		{"one of several", refusedAt("10.1.1.2", 9092), "10.1.1.1:9092,10.1.1.2:9092", "nothing listens at 10.1.1.2:9092"},
		{"advertised elsewhere", refusedAt("172.17.0.2", 9092), "127.0.0.1:9092", "advertises, 172.17.0.2:9092"},
		{"no answer", context.DeadlineExceeded, "10.1.1.1:9092", "no answer from 10.1.1.1:9092"},
		{"Ctrl-C", context.Canceled, "10.1.1.1:9092", "interrupted"},
		{"worded already", errors.New("topic x does not exist"), "10.1.1.1:9092", "topic x does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := explain(fmt.Errorf("wrapped: %w", c.err), strings.Split(c.seeds, ",")).Error()
			if !strings.Contains(got, c.says) {
				t.Errorf("got %q, want it to say %q", got, c.says)
			}
		})
	}
	if err := explain(nil, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestSendFailure(t *testing.T) {
	for _, c := range []struct {
		err  error
		says string
	}{
		{kerr.MessageTooLarge, "raise the topic's max.message.bytes"},
		{kerr.UnknownTopicOrPartition, "millrace topic create"},
		{fmt.Errorf("failed: %w", kerr.InvalidTopicException), "invalid topic (INVALID_TOPIC_EXCEPTION)"},
		{errors.New("something else"), "something else"},
	} {
		if got := sendFailure(c.err); !strings.Contains(got, c.says) {
			t.Errorf("%v: got %q, want it to say %q", c.err, got, c.says)
		}
	}
}

func TestTableAlignsWhatIsWiderThanAByte(t *testing.T) {
	var out bytes.Buffer
	table := newTable("NAME", "N>", "LAST")
	table.add("grün", 1, nil)
	table.add("x", 1234, "end")
	table.print(&out)
	same(t, out.String(), "NAME     N  LAST\ngrün     1  -\nx     1234  end")
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "PT1H30M": 90 * time.Minute, "P2D": 48 * time.Hour, "PT0.5S": time.Second / 2, "0s": 0, "PT0S": 0,
		"": -1, "P": -1, "PT": -1, "-5m": -1, "1 hour": -1, "P99999999999D": -1,
	} {
		got, err := parseSpan(text)
		if (want < 0) != (err != nil) || err == nil && got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestParseFrom(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	for text, want := range map[string]from{
		"beginning": {-1, atBeginning}, "latest": {-1, atEnd}, "0": {-1, 0}, "17": {-1, 17},
		"-1s": {999_999_000, 0}, "-9999h": {0, 0}, "1970-01-02": {86_400_000, 0}, "1970-01-01T01:00:00+01:00": {0, 0},
	} {
		if got, err := parseFrom(text, now); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", "-5", "1960-01-01", "soon"} {
		if got, err := parseFrom(text, now); ExitCode(err) != 2 {
			t.Errorf("%q was taken as %+v", text, got)
		}
	}
}

func TestByteText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 1 << 60: "1048576.0 TiB"} {
		if got := byteText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// A line either is refused or becomes a record that prints and reads back as itself.
func FuzzParseJSONRecord(f *testing.F) {
	f.Add([]byte(`{"key":"k","value":null,"timestamp":5,"headers":[{"key":"h","value_base64":"/w=="}]}`))
	f.Add([]byte(`{"value_base64":"?"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		first, err := parseJSONRecord(line)
		if err != nil {
			return
		}
		text, err := json.Marshal(toJSON(first))
		if err != nil {
			t.Fatal(err)
		}
		second, err := parseJSONRecord(text)
		if err != nil {
			t.Fatalf("%s does not read back: %v", text, err)
		}
		if !sameRecord(first, second) {
			t.Errorf("%s came back as %+v", text, second)
		}
	})
}

func sameRecord(a, b *kgo.Record) bool {
	if !sameBytes(a.Key, b.Key) || !sameBytes(a.Value, b.Value) || len(a.Headers) != len(b.Headers) {
		return false
	}
	for i := range a.Headers {
		if a.Headers[i].Key != b.Headers[i].Key || !sameBytes(a.Headers[i].Value, b.Headers[i].Value) {
			return false
		}
	}
	return a.Timestamp.Equal(b.Timestamp)
}

// sameBytes tells null from empty, as Kafka does.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
