package wire

import (
	"encoding/binary"
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// MaxArrayLen bounds any one array of a request. Ten times the partitions a cluster is built for.
	MaxArrayLen = 1_000_000
	// MaxTags bounds the tagged fields of a request, all together. Clients of today send a handful.
	MaxTags = 10_000
	// MaxTagBytes bounds the bytes of tagged fields of a request, all together.
	MaxTagBytes = 64 << 10
	// MaxDecodedBytes bounds what decoding a request allocates, beside the frame: a Fetch or an OffsetCommit of some
	// 400,000 partitions.
	MaxDecodedBytes = 64 << 20

	// A struct that has tags gets a map; kmsg keeps tags that it does not know there, and decodes those it knows, whose
	// arrays may have elements of up to 256 bytes in memory for each byte on the wire.
	tagMapCost     = 512
	tagCost        = 128
	tagCostPerByte = 256
)

// Cost tells how many bytes, at most, decoding the body of a request allocates beside the body itself. It allocates
// nothing, whatever the body claims. It fails with UnsupportedVersion for versions that kmsg does not know, and with
// InvalidRequest for a body that is cut short, lies about a length, or is past one of the bounds above; Kafka ends the
// connection then.
func Cost(key, version int16, body []byte) (int, error) {
	l, err := layoutOf(key, version)
	if err != nil {
		return 0, err
	}
	r := reader{b: body}
	r.cost = l.size
	r.walk(l)
	if r.bad || r.cost > MaxDecodedBytes {
		return 0, base.Errorf(base.InvalidRequest,
			"the body of %s version %d (%d bytes) is cut short, claims more than it holds, or is past a bound (%d elements in an array, %d tags, %d bytes decoded)",
			kmsg.NameForKey(key), version, len(body), MaxArrayLen, MaxTags, MaxDecodedBytes)
	}
	return r.cost, nil
}

// DecodeRequest decodes the body of a request, after Cost has found it sound. Byte fields, such as the records of a
// Produce, share the body's memory; strings are copies. Errors are those of Cost. Bytes after the request are ignored,
// as Kafka ignores them.
func DecodeRequest(key, version int16, body []byte) (kmsg.Request, error) {
	if _, err := Cost(key, version, body); err != nil {
		return nil, err
	}
	request := kmsg.RequestForKey(key)
	request.SetVersion(version)
	if err := request.ReadFrom(body); err != nil {
		return nil, base.Errorf(base.InvalidRequest, "the body of %s version %d is malformed: %w", kmsg.NameForKey(key), version, err)
	}
	return request, nil
}

// reader takes values from the front of b, and adds up what decoding them will allocate. After the first that is
// malformed bad is set, b is empty and all values are zero.
type reader struct {
	b        []byte
	bad      bool
	cost     int
	tagCount int
	tagBytes int
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) uint8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// uvarint takes an unsigned varint of at most 32 bits.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > math.MaxUint32 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// compact takes the length of a compact string, byte or array field: one more than it is, with 0 for null.
func (r *reader) compact() int {
	if v := r.uvarint(); v > 0 {
		return int(v - 1)
	}
	return 0
}

// signed gives a length that is negative for null.
func signed(n int32) int { return int(max(n, 0)) }

func (r *reader) skip(n int) { r.take(uint64(n)) }

// tags passes over a tagged-field section.
func (r *reader) tags() {
	n := r.uvarint()
	if n == 0 {
		return
	}
	// A tag is at least a number and a length.
	if n > uint64(len(r.b)/2) || n > uint64(MaxTags-r.tagCount) {
		r.fail()
		return
	}
	r.tagCount += int(n)
	r.cost += tagMapCost
	for range n {
		r.uvarint()
		size := r.uvarint()
		r.take(size)
		if r.bad || size > uint64(MaxTagBytes-r.tagBytes) {
			r.fail()
			return
		}
		r.tagBytes += int(size)
		r.cost += tagCost + int(size)*tagCostPerByte
	}
}

// walk passes over one struct.
func (r *reader) walk(l *layout) {
	for i := range l.fields {
		f := &l.fields[i]
		switch f.kind {
		case fixed:
			r.skip(f.size)
		case shortString:
			r.string(signed(int32(int16(r.uint16()))), f)
		case compactString:
			r.string(r.compact(), f)
		case longBytes:
			r.skip(signed(int32(r.uint32())))
		case compactBytes:
			r.skip(r.compact())
		case longArray:
			r.array(signed(int32(r.uint32())), f)
		case compactArray:
			r.array(r.compact(), f)
		case nullable:
			if int8(r.uint8()) != -1 && !r.bad {
				r.cost += f.size
				r.walk(f.elem)
			}
		case tagged:
			r.tags()
		}
		if r.bad {
			return
		}
	}
}

func (r *reader) string(n int, f *field) {
	r.skip(n)
	r.cost += n + f.size
}

// array passes over n elements. The cost is checked on the way, so that a frame past it is not walked to its end.
func (r *reader) array(n int, f *field) {
	if n > MaxArrayLen || n > len(r.b)/f.elem.minWire {
		r.fail()
		return
	}
	r.cost += n * f.size
	if f.elem.flat {
		r.skip(n * f.elem.minWire)
		return
	}
	for range n {
		if r.walk(f.elem); r.bad || r.cost > MaxDecodedBytes {
			r.fail()
			return
		}
	}
}
