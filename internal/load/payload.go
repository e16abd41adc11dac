package load

import (
	"encoding/binary"
	"time"

	"github.com/millrace-io/millrace/internal/base/crc32c"
)

// stampBytes begin each value; see the package's comment.
const stampBytes = 28

const (
	stampCRC       = 24 // offset of the checksum
	stampRecordMax = 1<<48 - 1
)

// stamp tells a record from all others, and when it was due.
type stamp struct {
	run      uint64
	producer uint16
	number   uint64 // up to stampRecordMax
	due      time.Duration
}

// seal writes the stamp into a value whose filler is in place.
func (s stamp) seal(value []byte) {
	binary.BigEndian.PutUint64(value[8:], s.number) // its upper two bytes are the producer's
	binary.BigEndian.PutUint16(value[8:], s.producer)
	binary.BigEndian.PutUint64(value, s.run)
	binary.BigEndian.PutUint64(value[16:], uint64(s.due))
	binary.BigEndian.PutUint32(value[stampCRC:], checksum(value))
}

// open reads a stamp without checking it.
func open(value []byte) stamp {
	return stamp{
		run:      binary.BigEndian.Uint64(value),
		producer: binary.BigEndian.Uint16(value[8:]),
		number:   binary.BigEndian.Uint64(value[8:]) & stampRecordMax,
		due:      time.Duration(binary.BigEndian.Uint64(value[16:])),
	}
}

// intact reports whether a value is as it was sealed.
func intact(value []byte) bool {
	return len(value) >= stampBytes && binary.BigEndian.Uint32(value[stampCRC:]) == checksum(value)
}

func checksum(value []byte) uint32 {
	return crc32c.Update(crc32c.Of(value[:stampCRC]), value[stampBytes:])
}
