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
	// maxFrameBytes is above an entry (4 MiB) and above any list of commands that control sends at once.
	maxFrameBytes = 64 << 20
	frameHeader   = 5
)

var magic = [4]byte{'M', 'R', 'P', 'R'}

func appendFrame(dst []byte, kind uint8, body []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(body)+1))
	dst = append(dst, kind)
	return append(dst, body...)
}

// readFrame reads one frame. The body is the caller's. It grows as bytes arrive: a lying length costs nothing.
func readFrame(r io.Reader) (kind uint8, body []byte, err error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(h[:4])
	if n == 0 || n > maxFrameBytes {
		return 0, nil, fmt.Errorf("peer: a frame of %d bytes", n)
	}
	left := int(n) - 1
	const step = 1 << 20
	for left > 0 {
		at := len(body)
		body = append(body, make([]byte, min(left, step))...)
		if _, err := io.ReadFull(r, body[at:]); err != nil {
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

func (h hello) encode() []byte {
	var w codec.Writer
	w.Raw(magic[:])
	w.Uint16(wireVersion)
	w.String(h.cluster)
	w.Uint32(uint32(h.from))
	return w.B
}

func decodeHello(b []byte) (hello, error) {
	r := &codec.Reader{B: b}
	var m [4]byte
	r.Fixed(m[:])
	version := r.Uint16()
	h := hello{cluster: r.String(), from: base.Incarnation(r.Uint32())}
	switch {
	case r.Done() != nil || m != magic:
		return hello{}, fmt.Errorf("peer: the other end does not speak Millrace")
	case version != wireVersion:
		return hello{}, fmt.Errorf("peer: the other end speaks version %d, this one %d", version, wireVersion)
	}
	return h, nil
}
