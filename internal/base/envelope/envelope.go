package envelope

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/crc32c"
)

// Kind says what an object is. Numbers are written to buckets: never reuse one.
type Kind uint8

const (
	Cluster  Kind = 1
	Entry    Kind = 2
	Snapshot Kind = 3
	Part     Kind = 4
	Segment  Kind = 5
)

const (
	// HeaderSize is the number of bytes before the body.
	HeaderSize = 12
	// TrailerSize is the number of bytes after the body.
	TrailerSize = 4
	// Overhead is what the envelope adds to a body.
	Overhead = HeaderSize + TrailerSize

	magicSize  = 4
	versionAt  = 4
	kindAt     = 6
	reservedAt = 7
	keyAt      = 8
	plainKey   = 0
)

// kinds is indexed by Kind. version is the newest format of that kind: the one written, and the last one read.
var kinds = [...]struct {
	magic, name string
	version     uint16
}{
	Cluster:  {"MRCL", "cluster", 1},
	Entry:    {"MREN", "entry", 1},
	Snapshot: {"MRSN", "snapshot", 1},
	Part:     {"MRPT", "part", 1},
	Segment:  {"MRSG", "segment", 1},
}

// Causes of Open's failures, for errors.Is. The error's text names the details and what to do.
var (
	// ErrDamaged: the object is cut short, or its bytes do not have their checksum. Read it again, then stop.
	ErrDamaged = errors.New("damaged object")
	// ErrForeign: something other than Millrace wrote the object.
	ErrForeign = errors.New("not an object of Millrace")
	// ErrWrongKind: a whole object of Millrace, but not of the kind that belongs here.
	ErrWrongKind = errors.New("wrong kind of object")
	// ErrNewer: written by a newer Millrace.
	ErrNewer = errors.New("newer format version")
	// ErrUnknownKey: the body is encrypted with a key this agent does not hold.
	ErrUnknownKey = errors.New("unknown key id")
)

func (k Kind) known() bool { return k > 0 && int(k) < len(kinds) }

func (k Kind) String() string {
	if !k.known() {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kinds[k].name
}

// Version is the format version that objects of kind k are written in, and the newest one that is read.
func (k Kind) Version() uint16 { return kinds[k].version }

// Append wraps body in a new buffer.
func Append(k Kind, body []byte) []byte {
	b := Begin(make([]byte, 0, len(body)+Overhead), k)
	return Seal(append(b, body...))
}

// Begin appends the header of an object of kind k to dst, which must be empty: the caller then appends the body and
// calls Seal. With capacity for the body and Overhead nothing is copied.
func Begin(dst []byte, k Kind) []byte {
	dst = append(dst, kinds[k].magic...)
	dst = binary.LittleEndian.AppendUint16(dst, kinds[k].version)
	dst = append(dst, byte(k), 0)
	return binary.LittleEndian.AppendUint32(dst, plainKey)
}

// Seal appends the checksum to an object whose header and body are complete.
func Seal(obj []byte) []byte { return SealWith(obj, crc32c.Of(obj)) }

// SealWith is Seal for a caller who knows the CRC of obj.
func SealWith(obj []byte, crc uint32) []byte { return binary.LittleEndian.AppendUint32(obj, crc) }

// Open checks a whole object and gives its body, which is part of b, and its format version, which is at most
// want.Version(). Errors are of kind StorageError with one of the causes above.
func Open(b []byte, want Kind) (body []byte, version uint16, err error) {
	if err := checkWhole(b); err != nil {
		return nil, 0, err
	}
	version, err = checkHeader(b, want)
	if err != nil {
		return nil, 0, err
	}
	n := len(b) - TrailerSize
	return b[HeaderSize:n:n], version, nil
}

// CheckHeader checks the first HeaderSize bytes of an object of which the rest was not read, and gives its format
// version. It fails as Open does, but cannot know damage from a foreign object.
func CheckHeader(b []byte, want Kind) (version uint16, err error) {
	if len(b) < HeaderSize {
		return 0, fail(ErrDamaged, "%d bytes, fewer than a header's %d", len(b), HeaderSize)
	}
	if !ours(b) {
		return 0, foreign(b)
	}
	return checkHeader(b, want)
}

func checkWhole(b []byte) error {
	if len(b) < Overhead {
		if len(b) >= magicSize && !ours(b) {
			return foreign(b)
		}
		return fail(ErrDamaged, "%d bytes, fewer than the smallest object's %d; read it again", len(b), Overhead)
	}
	if !ours(b) {
		return foreign(b)
	}
	n := len(b) - TrailerSize
	if stored, computed := binary.LittleEndian.Uint32(b[n:]), crc32c.Of(b[:n]); stored != computed {
		return fail(ErrDamaged, "its checksum is %08x, its bytes have %08x; read it again", stored, computed)
	}
	return nil
}

func checkHeader(b []byte, want Kind) (uint16, error) {
	kind, version := Kind(b[kindAt]), binary.LittleEndian.Uint16(b[versionAt:])
	if kind != want || string(b[:magicSize]) != kinds[want].magic {
		return 0, fail(ErrWrongKind, "it is marked %.4q, %s; expected %s", b, kind, want)
	}
	if version > want.Version() || b[reservedAt] != 0 {
		return 0, fail(ErrNewer, "%s has format version %d, this program reads up to %d; run a newer Millrace",
			want, version, want.Version())
	}
	if version == 0 {
		return 0, fail(ErrDamaged, "%s has format version 0, which no Millrace writes", want)
	}
	if key := binary.LittleEndian.Uint32(b[keyAt:]); key != plainKey {
		return 0, fail(ErrUnknownKey, "%s is encrypted with key %d, which this agent does not hold", want, key)
	}
	return version, nil
}

func ours(b []byte) bool {
	for _, k := range kinds[1:] {
		if string(b[:magicSize]) == k.magic {
			return true
		}
	}
	return false
}

func foreign(b []byte) error {
	return fail(ErrForeign, "it begins with %q; is the bucket prefix used by something else?", b[:magicSize])
}

func fail(cause error, format string, args ...any) error {
	return base.Errorf(base.StorageError, "%w: %s", cause, fmt.Sprintf(format, args...))
}
