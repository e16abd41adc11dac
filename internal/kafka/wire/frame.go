package wire

import (
	"encoding/binary"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// FrameLengthSize is the size of the length before each frame.
	FrameLengthSize = 4
	// MaxFrameBytes bounds a request: Kafka's default of socket.request.max.bytes. A record of 64 MiB fits.
	MaxFrameBytes = 100 << 20
	// minFrameBytes is a header v1 with a null client id.
	minFrameBytes = 10

	apiVersionsKey = 18
)

// FrameSize reads the length before a request, which is at least FrameLengthSize bytes, and checks it against
// maxBytes (at most MaxFrameBytes). An error ends the connection, as in Kafka: there is no next frame to find.
func FrameSize(prefix []byte, maxBytes int) (int, error) {
	n := int32(binary.BigEndian.Uint32(prefix))
	if n < minFrameBytes {
		return 0, base.Errorf(base.InvalidRequest, "a frame claims %d bytes, fewer than a request header; not a Kafka client?", n)
	}
	if int(n) > min(maxBytes, MaxFrameBytes) {
		return 0, base.Errorf(base.InvalidRequest, "a frame claims %d bytes, more than the %d allowed; not a Kafka client, or TLS on a plain port?",
			n, min(maxBytes, MaxFrameBytes))
	}
	return int(n), nil
}

// Header is what stands before every request's body.
type Header struct {
	Key, Version  int16
	CorrelationID int32
	ClientID      string // "" also for null, as in Kafka
}

// ParseHeader reads the header of a frame (without its length), and gives the body, which shares the frame's memory.
// Any version is fine, so that the caller can refuse it properly; an unknown key is an error, because nobody knows
// where its header ends.
func ParseHeader(frame []byte) (h Header, body []byte, err error) {
	r := reader{b: frame}
	h.Key, h.Version, h.CorrelationID = int16(r.uint16()), int16(r.uint16()), int32(r.uint32())
	k := keyOf(h.Key)
	if k == nil {
		return Header{}, nil, base.Errorf(base.InvalidRequest, "api key %d (version %d) is unknown", h.Key, h.Version)
	}
	if n := int16(r.uint16()); n > 0 {
		h.ClientID = string(r.take(uint64(n)))
	}
	if h.Version >= k.flexibleFrom {
		r.tags()
	}
	if r.bad {
		return Header{}, nil, base.Errorf(base.InvalidRequest, "the header of %s version %d is malformed", kmsg.NameForKey(h.Key), h.Version)
	}
	return h, r.b, nil
}

// EncodeResponse appends a whole response frame to dst. The response's version must be that of the request.
func EncodeResponse(dst []byte, correlationID int32, response kmsg.Response) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if response.IsFlexible() && response.Key() != apiVersionsKey {
		dst = append(dst, 0)
	}
	dst = response.AppendTo(dst)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-FrameLengthSize))
	return dst
}
