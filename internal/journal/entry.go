package journal

import (
	"crypto/sha256"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/envelope"
)

// MaxEntryBytes bounds an entry's whole object: 4 MiB, so that it is written in one part, and 64 of them read ahead
// stay within what an agent can spare at its start.
const MaxEntryBytes = 4 << 20

const entryHeaderBytes = 8 + 32 + 4 + 16 + 8 + 2 + 8 + 8

// MaxPayloadBytes is the longest payload of an entry.
const MaxPayloadBytes = MaxEntryBytes - envelope.Overhead - entryHeaderBytes

// Header is what the journal itself needs to know of an entry.
type Header struct {
	Slot       base.Slot
	Prev       [32]byte         // SHA-256 of the previous valid entry's object, or the cluster's genesis
	Writer     base.Incarnation // zero while the writer is not registered
	Attempt    [16]byte         // random: tells this proposal from every other one
	Time       base.Millis      // bucket time by which the payload was decided
	Level      uint16           // feature level of the payload
	DigestSlot base.Slot        // Digest is that of the state after this entry; zero: no digest
	Digest     uint64
}

// Entry is a decoded entry. It shares memory with the object it was decoded from.
type Entry struct {
	Header
	Payload      []byte
	Object       []byte    // the whole object, as Offer takes it
	Hash         [32]byte  // its SHA-256
	LastModified time.Time // zero if the bucket did not say
	Void         bool      // Prev is not the hash of the last valid entry: skip it
}

// Genesis is the Prev of the first valid entry of a cluster.
func Genesis(clusterID string) [32]byte {
	return sha256.Sum256([]byte("millrace genesis" + clusterID))
}

// EncodeEntry gives the entry's whole object. It fails with MessageTooLarge past MaxPayloadBytes.
func EncodeEntry(h Header, payload []byte) ([]byte, error) {
	if len(payload) > MaxPayloadBytes {
		return nil, base.Errorf(base.MessageTooLarge, "journal: a payload of %d bytes does not fit an entry, which holds %d; split it",
			len(payload), MaxPayloadBytes)
	}
	size := envelope.Overhead + entryHeaderBytes + len(payload)
	w := codec.Writer{B: envelope.Begin(make([]byte, 0, size), envelope.Entry)}
	w.Uint64(uint64(h.Slot))
	w.Raw(h.Prev[:])
	w.Uint32(uint32(h.Writer))
	w.Raw(h.Attempt[:])
	w.Uint64(uint64(h.Time))
	w.Uint16(h.Level)
	w.Uint64(uint64(h.DigestSlot))
	w.Uint64(h.Digest)
	w.Raw(payload)
	return envelope.Seal(w.B), nil
}

// DecodeEntry reads a whole object. Its errors are of kind StorageError, with envelope's causes where it is the envelope
// that is wrong. Void and LastModified are for the reader to fill in.
func DecodeEntry(b []byte) (Entry, error) {
	if len(b) > MaxEntryBytes {
		return Entry{}, base.Errorf(base.StorageError, "%w: an entry has at most %d bytes", envelope.ErrForeign, MaxEntryBytes)
	}
	body, _, err := envelope.Open(b, envelope.Entry)
	if err != nil {
		return Entry{}, err
	}
	r := codec.Reader{B: body}
	var e Entry
	e.Slot = base.Slot(r.Uint64())
	r.Fixed(e.Prev[:])
	e.Writer = base.Incarnation(r.Uint32())
	r.Fixed(e.Attempt[:])
	e.Time = base.Millis(r.Uint64())
	e.Level = r.Uint16()
	e.DigestSlot = base.Slot(r.Uint64())
	e.Digest = r.Uint64()
	if r.Err != nil {
		return Entry{}, base.Errorf(base.StorageError, "%w: entry of %d bytes: %v", envelope.ErrDamaged, len(b), r.Err)
	}
	e.Payload, e.Object = r.B, b
	e.Hash = sha256.Sum256(b)
	return e, nil
}
