package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// header is a request header of version 1: key, version, correlation id, client id.
func header(key, version int16) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, 1)
	return append(b, 0, 1, 'x')
}

func size(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// What cannot be understood ends the connection, and nothing else.
func TestBrokenFramesEndTheConnection(t *testing.T) {
	many := size(math.MaxInt32)
	for name, raw := range map[string][]byte{
		"HTTP":                             []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"TLS hello":                        {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03},
		"zeros":                            make([]byte, 64),
		"negative size":                    size(-1),
		"largest size":                     size(math.MaxInt32),
		"size above the limit":             size(100<<20 + 1),
		"empty frame":                      size(0),
		"one byte":                         frame([]byte{0}),
		"header cut short":                 frame(header(3, 1)[:7]),
		"unknown key":                      frame(header(9999, 0)),
		"negative key":                     frame(header(-1, 0)),
		"unknown version":                  frame(header(3, 99)),
		"negative version":                 frame(header(3, -1)),
		"version no longer served":         frame(append(header(1, 0), make([]byte, 40)...)),
		"client id longer than the frame":  frame([]byte{0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 'x'}),
		"client id of negative length":     frame([]byte{0, 3, 0, 1, 0, 0, 0, 1, 0x80, 0x00, 'x'}),
		"no body":                          frame(header(3, 1)),
		"array longer than the frame":      frame(join(header(3, 1), many)),
		"string longer than the frame":     frame(join(header(3, 1), size(1), []byte{0x7f, 0xff, 'a'})),
		"null where a string must be":      frame(join(header(3, 1), size(1), []byte{0xff, 0xff})),
		"compact array of 2^32-1":          frame(join(header(3, 12), []byte{0}, []byte{0xff, 0xff, 0xff, 0xff, 0x0f})),
		"varint that never ends":           frame(join(header(3, 12), []byte{0}, bytes.Repeat([]byte{0xff}, 20))),
		"tags that lie in the header":      frame(join(header(3, 12), []byte{0xff, 0xff, 0xff, 0xff, 0x0f})),
		"produce cut short":                frame(join(header(0, 9), []byte{0, 0})),
		"records longer than the frame":    frame(join(header(0, 3), []byte{0xff, 0xff, 0, 1}, size(1000), size(1), []byte{0, 1, 't'}, size(1), size(0), many, []byte("short"))),
		"nested arrays that lie":           frame(join(header(0, 3), []byte{0xff, 0xff, 0, 1}, size(1000), many, []byte{0, 1, 't'}, many)),
		"join with metadata that lies":     frame(join(header(11, 0), []byte{0, 1, 'g'}, size(6000), []byte{0, 0}, []byte{0, 1, 'c'}, size(1), []byte{0, 1, 'p'}, many)),
		"random bytes of a plausible size": frame([]byte("\x00\x01\x00\x0c~\x91\xf3\x02\x9a\x1d\x00\xc8\x7f\x10\xaa\xfe\x01\x88\x42\x42\x42\x42\x42\x42\x42")),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t)
			c.send(raw)
			c.wantClosed()
		})
	}
}

func TestHalfAFrameHoldsUpNobody(t *testing.T) {
	c := dial(t)
	c.send(join(size(1000), []byte("only a part of it")))
	mustServe(t)
	c.Close()
}

// The lengths of frames that never come are more than the agent's memory, and nobody notices.
func TestLongFramesThatDoNotComeHoldUpNobody(t *testing.T) {
	for range 10 {
		c := dial(t)
		c.send(join(size(60<<20), []byte("and no more")))
	}
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	mustServe(t)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("another client waited %v", took)
	}
}

func TestFrameInSingleBytes(t *testing.T) {
	c := dial(t)
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 9
	for _, b := range c.encode(req) {
		c.send([]byte{b})
		time.Sleep(time.Millisecond)
	}
	c.answer(req, c.next)
}

// Requests of one connection are answered in their order.
func TestPipelinedRequests(t *testing.T) {
	c := dial(t)
	var raw []byte
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 9
	for range 50 {
		raw = append(raw, c.encode(req)...)
	}
	c.send(raw)
	for i := range 50 {
		c.answer(req, int32(i+1))
	}
}

// ApiVersions in a version that is not known is answered, in version 0, with what is known.
func TestApiVersionsOfUnknownVersion(t *testing.T) {
	for _, version := range []int16{99, math.MaxInt16} {
		c := dial(t)
		c.send(frame(append(header(18, version), 0))) // no tags
		req := kmsg.NewPtrApiVersionsRequest()
		resp := c.answer(req, 1).(*kmsg.ApiVersionsResponse)
		if resp.ErrorCode != 35 {
			t.Errorf("version %d: error %d, want 35", version, resp.ErrorCode)
		}
		var served bool
		for _, k := range resp.ApiKeys {
			served = served || k.ApiKey == 18 && k.MinVersion == 0 && k.MaxVersion >= 3
		}
		if !served {
			t.Errorf("version %d: the answer does not name ApiVersions: %+v", version, resp.ApiKeys)
		}
		c.next = 1
		c.ask(req) // the same connection goes on
	}
}

func TestApiVersionsChecksTheClientsName(t *testing.T) {
	for name, want := range map[string]int16{"good-name.1": 0, "": 42, "with space": 42, "-dash": 42} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = 3, name, "1.0"
		if got := dial(t).ask(req).(*kmsg.ApiVersionsResponse).ErrorCode; got != want {
			t.Errorf("client name %q: error %d, want %d", name, got, want)
		}
	}
}

// Every version that is advertised decodes and answers, from the lowest to the highest.
func TestEveryAdvertisedVersionOfMetadata(t *testing.T) {
	versions := kmsg.NewPtrApiVersionsRequest()
	for _, k := range dial(t).ask(versions).(*kmsg.ApiVersionsResponse).ApiKeys {
		if k.ApiKey != int16(kmsg.Metadata) {
			continue
		}
		for v := k.MinVersion; v <= k.MaxVersion; v++ {
			req := kmsg.NewPtrMetadataRequest()
			req.Version = v
			resp := dial(t).ask(req).(*kmsg.MetadataResponse)
			if len(resp.Brokers) != 1 {
				t.Errorf("version %d: %d brokers, want 1", v, len(resp.Brokers))
			}
		}
	}
}

// A low version needs its old answer: these are the oldest that clients in use were seen to send.
func TestOldVersionsAreAdvertised(t *testing.T) {
	versions := map[int16][2]int16{}
	for _, k := range dial(t).ask(kmsg.NewPtrApiVersionsRequest()).(*kmsg.ApiVersionsResponse).ApiKeys {
		versions[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	for key, low := range map[int16]int16{0: 0, 1: 4, 2: 1, 3: 0, 8: 2, 9: 1, 10: 0, 11: 0, 12: 0, 13: 0, 14: 0, 18: 0, 19: 2, 20: 1, 22: 0} {
		v, served := versions[key]
		if !served || v[0] != low {
			t.Errorf("%s: versions from %d (served: %v), want from %d", kmsg.NameForKey(key), v[0], served, low)
		}
	}
}
