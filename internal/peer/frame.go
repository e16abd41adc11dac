package peer

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

const (
	kindHello uint8 = 0
	kindPing  uint8 = 255

	wireVersion = 1
	// MaxBodyBytes is the longest message: above an entry (4 MiB) and above any list of commands that control sends at
	// once.
	MaxBodyBytes  = maxFrameBytes - 1
	maxFrameBytes = 16 << 20
	// maxHelloBytes bounds what a stranger can make this agent read.
	maxHelloBytes = 256
	frameHeader   = 5
)

var magic = [4]byte{'M', 'R', 'P', 'R'}

// header gives what stands before a body of n bytes.
func header(kind uint8, n int) []byte {
	dst := binary.LittleEndian.AppendUint32(make([]byte, 0, frameHeader), uint32(n+1))
	return append(dst, kind)
}

// readFrame reads one frame whose length is at most limit. The body is the caller's. It grows as bytes arrive: a lying
// length costs nothing.
func readFrame(r io.Reader, limit uint32) (kind uint8, body []byte, err error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(h[:4])
	if n == 0 || n > limit {
		return 0, nil, fmt.Errorf("peer: a frame of %d bytes, the most is %d", n, limit)
	}
	left := int(n) - 1
	const step = 1 << 20
	for left > 0 {
		at := len(body)
		body = append(body, make([]byte, min(left, step))...)
		if _, err := io.ReadFull(r, body[at:]); err == io.EOF {
			return 0, nil, io.ErrUnexpectedEOF
		} else if err != nil {
			return 0, nil, err
		}
		left -= len(body) - at
	}
	return h[4], body, nil
}

// hello is what each end says first.
type hello struct {
	cluster string
	from    base.Incarnation
}

func (h hello) frame() []byte {
	var w codec.Writer
	w.Raw(magic[:])
	w.Uint16(wireVersion)
	w.String(h.cluster)
	w.Uint32(uint32(h.from))
	return append(header(kindHello, len(w.B)), w.B...)
}

func readHello(r io.Reader) (hello, error) {
	kind, body, err := readFrame(r, maxHelloBytes)
	switch {
	case err != nil:
		return hello{}, err
	case kind != kindHello:
		return hello{}, fmt.Errorf("peer: the first frame is of kind %d", kind)
	}
	return decodeHello(body)
}

func decodeHello(b []byte) (hello, error) {
	r := &codec.Reader{B: b}
	var m [4]byte
	r.Fixed(m[:])
	version := r.Uint16()
	h := hello{cluster: r.String(), from: base.Incarnation(r.Uint32())}
	switch {
	case m != magic:
		return hello{}, fmt.Errorf("peer: the other end does not speak Millrace")
	case version != wireVersion:
		return hello{}, fmt.Errorf("peer: the other end speaks version %d, this one %d", version, wireVersion)
	case r.Done() != nil:
		return hello{}, fmt.Errorf("peer: a malformed hello: %w", r.Done())
	}
	return h, nil
}
