package log

import (
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// Values that do not fit the type they are read into are malformed, never cut down to something else that fits.

// malformed puts r into the state that follows a malformed value.
func malformed(r *codec.Reader) { r.B, r.Err = nil, codec.ErrMalformed }

func getUint(r *codec.Reader, most uint64) uint64 {
	v := r.Uvarint()
	if v > most {
		malformed(r)
		return 0
	}
	return v
}

func getUint32(r *codec.Reader) uint32 { return uint32(getUint(r, math.MaxUint32)) }

// getIndex takes an unsigned varint that is an index or a count of 31 bits.
func getIndex(r *codec.Reader) int32 { return int32(getUint(r, math.MaxInt32)) }

// getOffset takes an unsigned varint of 63 bits.
func getOffset(r *codec.Reader) int64 { return int64(getUint(r, math.MaxInt64)) }

func getInt(r *codec.Reader, least, most int64) int64 {
	v := r.Varint()
	if v < least || v > most {
		malformed(r)
		return 0
	}
	return v
}

func getInt32(r *codec.Reader) int32 { return int32(getInt(r, math.MinInt32, math.MaxInt32)) }

func getInt16(r *codec.Reader) int16 { return int16(getInt(r, math.MinInt16, math.MaxInt16)) }

func getMillis(r *codec.Reader) base.Millis { return base.Millis(r.Varint()) }

func getKind(r *codec.Reader) base.Kind { return base.Kind(getInt16(r)) }
