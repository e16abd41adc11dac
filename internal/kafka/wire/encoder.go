package wire

import (
	"encoding/binary"

	"github.com/millrace-io/millrace/internal/base"
)

// encoder writes the fields of a response of one version.
type encoder struct {
	version  int16
	flexible bool // lengths are varints, and structures end with tagged fields (KIP-482)
	b        []byte
}

func (e *encoder) int16(v int16) { e.b = binary.BigEndian.AppendUint16(e.b, uint16(v)) }
func (e *encoder) int32(v int32) { e.b = binary.BigEndian.AppendUint32(e.b, uint32(v)) }
func (e *encoder) int64(v int64) { e.b = binary.BigEndian.AppendUint64(e.b, uint64(v)) }

func (e *encoder) uvarint(v int) { e.b = binary.AppendUvarint(e.b, uint64(v)) }

// length writes that of an array or of bytes.
func (e *encoder) length(n int) {
	if e.flexible {
		e.uvarint(n + 1)
	} else {
		e.int32(int32(n))
	}
}

func (e *encoder) nullArray() {
	if e.flexible {
		e.b = append(e.b, 0)
	} else {
		e.int32(-1)
	}
}

func (e *encoder) noTags() {
	if e.flexible {
		e.b = append(e.b, 0)
	}
}

func (e *encoder) string(s string) {
	if e.flexible {
		e.uvarint(len(s) + 1)
	} else {
		e.int16(int16(len(s)))
	}
	e.b = append(e.b, s...)
}

func (e *encoder) nullableString(s *string) {
	switch {
	case s != nil:
		e.string(*s)
	case e.flexible:
		e.b = append(e.b, 0)
	default:
		e.int16(-1)
	}
}

// topicName writes a topic's id from the version on that has ids, else its name.
func (e *encoder) topicName(name string, id *base.TopicID, ids int16) {
	if e.version >= ids {
		e.b = append(e.b, id[:]...)
	} else {
		e.string(name)
	}
}
