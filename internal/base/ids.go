package base

import (
	"encoding/hex"
	"fmt"
)

// TopicID is the 16-byte id of a topic (KIP-516). A re-created topic has a new one. The zero id means "none".
type TopicID [16]byte

// IsZero reports whether id is the zero id, by which requests say "no id".
func (id TopicID) IsZero() bool { return id == TopicID{} }

func (id TopicID) String() string { return hex.EncodeToString(id[:]) }

// Slot is the number of a journal entry. The first entry is slot 1; slot 0 is the genesis, before any entry.
type Slot uint64

// Incarnation is the number the journal issues to an agent when it registers. It is never reused, begins at 1, and is
// also the agent's Kafka node id. Zero means "not registered".
type Incarnation uint32

// NodeID is the incarnation as clients of Kafka see it.
func (i Incarnation) NodeID() int32 { return int32(i) }

// Millis is a moment of bucket time in milliseconds since the Unix epoch, or a span of it. Negative means "none".
type Millis int64

// PartitionKey names a partition inside the state: the topic's number (issued by the journal, never reused) in the
// upper 32 bits, the partition's index in the lower ones. It orders partitions by topic, then index.
type PartitionKey uint64

// KeyOf makes the key of a partition. index must not be negative.
func KeyOf(topic uint32, index int32) PartitionKey {
	return PartitionKey(uint64(topic)<<32 | uint64(uint32(index)))
}

// Topic returns the topic's number.
func (k PartitionKey) Topic() uint32 { return uint32(k >> 32) }

// Index returns the partition's index.
func (k PartitionKey) Index() int32 { return int32(uint32(k)) }

func (k PartitionKey) String() string { return fmt.Sprintf("%d/%d", k.Topic(), k.Index()) }

// ULID is the name of a segment: 48 bits of milliseconds and 80 random bits.
type ULID [16]byte

// MakeULID makes the name of a segment of bucket time at, from two random numbers.
func MakeULID(at Millis, a, b uint64) ULID {
	var u ULID
	ms := uint64(max(0, at))
	for n := range 6 {
		u[n] = byte(ms >> (8 * (5 - n)))
	}
	for n := range 8 {
		u[8+n] = byte(a >> (8 * n))
	}
	u[6], u[7] = byte(b), byte(b>>8)
	return u
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// String gives the 26 characters of Crockford's base 32.
func (u ULID) String() string {
	var out [26]byte
	// 130 bits hold 128: the first character carries 3 of them.
	var acc uint64
	bits, o := 2, 0
	for _, b := range u {
		acc = acc<<8 | uint64(b)
		for bits += 8; bits >= 5; bits -= 5 {
			out[o] = crockford[acc>>(bits-5)&31]
			o++
		}
	}
	return string(out[:])
}

// ParseULID is the inverse of ULID.String.
func ParseULID(s string) (ULID, error) {
	var u ULID
	if len(s) != 26 || s[0] > '7' {
		return u, fmt.Errorf("ulid %q: want 26 characters of base 32, the first at most 7", s)
	}
	var acc uint64
	bits, o := -2, 0
	for i := 0; i < len(s); i++ {
		v := crockfordValue(s[i])
		if v < 0 {
			return ULID{}, fmt.Errorf("ulid %q: character %q is not of Crockford's base 32", s, s[i])
		}
		acc = acc<<5 | uint64(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			u[o] = byte(acc >> bits)
			o++
		}
	}
	return u, nil
}

func crockfordValue(c byte) int {
	for i := 0; i < len(crockford); i++ {
		if crockford[i] == c {
			return i
		}
	}
	return -1
}

// StoreID says which of a cluster's buckets holds a file. Zero is the bucket of the journal; others are for later.
type StoreID uint8

// FileRef names a data file.
type FileRef struct {
	Store StoreID
	ID    ULID
}
