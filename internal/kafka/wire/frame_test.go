package wire

import (
	"bytes"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestHeaderIsWhatClientsSend parses what franz-go's own formatter writes, for every key and version.
func TestHeaderIsWhatClientsSend(t *testing.T) {
	for _, id := range []string{"", "a client"} {
		formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(id))
		eachVersion(func(key, version int16) {
			if key == 7 && version == 0 {
				return // ControlledShutdown v0, the one user of header v0: brokers only, gone with Kafka 4
			}
			request := newRequest(key, version)
			frame := formatter.AppendRequest(nil, request, 42)
			n, err := FrameSize(frame, MaxFrameBytes)
			if err != nil || n != len(frame)-FrameLengthSize {
				t.Fatalf("%s: %d, %v", name(key, version), n, err)
			}
			h, body, err := ParseHeader(frame[FrameLengthSize:])
			if want := (Header{Key: key, Version: version, CorrelationID: 42, ClientID: id}); err != nil || h != want {
				t.Fatalf("%s: %+v, %v", name(key, version), h, err)
			}
			if !bytes.Equal(body, request.AppendTo(nil)) {
				t.Fatalf("%s: the body begins elsewhere", name(key, version))
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	tests := []struct {
		name  string
		frame string
		want  Header
		body  string
		bad   bool
	}{
		{"null client id", "\x00\x03\x00\x01\x00\x00\x00\x07\xff\xffbody", Header{3, 1, 7, ""}, "body", false},
		{"a version of the future", "\x00\x12\x00\x63\x00\x00\x00\x07\x00\x01c\x00body", Header{18, 99, 7, "c"}, "body", false},
		{"tags", "\x00\x12\x00\x03\x00\x00\x00\x07\x00\x01c\x01\x05\x02xybody", Header{18, 3, 7, "c"}, "body", false},
		{"unknown key", "\x03\xe8\x00\x01\x00\x00\x00\x07\xff\xff", Header{}, "", true},
		{"cut short", "\x00\x03\x00\x01\x00\x00\x00", Header{}, "", true},
		{"client id longer than the frame", "\x00\x03\x00\x01\x00\x00\x00\x07\x00\x09c", Header{}, "", true},
		{"2^32-1 tags", "\x00\x12\x00\x03\x00\x00\x00\x07\xff\xff\xff\xff\xff\xff\x0f", Header{}, "", true},
		{"text of another protocol", "GET / HTTP/1.1\r\n\r\n", Header{}, "", true},
		{"empty", "", Header{}, "", true},
	}
	for _, test := range tests {
		h, body, err := ParseHeader([]byte(test.frame))
		if test.bad {
			if base.KindOf(err) != base.InvalidRequest {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil || h != test.want || string(body) != test.body {
			t.Errorf("%s: %+v %q %v", test.name, h, body, err)
		}
	}
}

func TestFrameSize(t *testing.T) {
	for prefix, ok := range map[string]bool{
		"\x00\x00\x00\x0a": true, "\x00\x00\x00\x09": false, "\x00\x10\x00\x00": true, "\x00\x10\x00\x01": false,
		"\xff\xff\xff\xff": false, "\x80\x00\x00\x00": false, "GET ": false, "\x16\x03\x01\x02": false,
	} {
		if n, err := FrameSize([]byte(prefix), 1<<20); (err == nil) != ok {
			t.Errorf("%q: %d, %v", prefix, n, err)
		}
	}
}

func TestResponseHeaders(t *testing.T) {
	metadata, apiVersions := kmsg.NewPtrMetadataResponse(), kmsg.NewPtrApiVersionsResponse()
	tests := []struct {
		name     string
		response kmsg.Response
		version  int16
		header   string
	}{
		{"plain", metadata, 8, "\x00\x00\x00\x2a"},
		{"flexible", metadata, 9, "\x00\x00\x00\x2a\x00"},
		{"ApiVersions is never flexible here", apiVersions, 3, "\x00\x00\x00\x2a"},
	}
	for _, test := range tests {
		test.response.SetVersion(test.version)
		body := test.response.AppendTo(nil)
		got := EncodeResponse([]byte("before"), 42, test.response)
		n := len(test.header) + len(body)
		want := "before\x00\x00\x00" + string(rune(n)) + test.header + string(body)
		if string(got) != want {
			t.Errorf("%s: %q, want %q", test.name, got, want)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte("\x00\x12\x00\x03\x00\x00\x00\x07\x00\x01c\x01\x05\x02xybody"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if h, body, err := ParseHeader(frame); err == nil {
			_, _ = DecodeRequest(h.Key, h.Version, body)
		}
	})
}
