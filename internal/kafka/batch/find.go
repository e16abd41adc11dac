package batch

import "github.com/millrace-io/millrace/internal/base"

// Found is a record's place in time.
type Found struct {
	Offset, Timestamp int64
}

// FindByTimestamp gives the first record of b, in offset order, whose timestamp is at least timestamp and whose offset
// is at least minOffset; ok is false if there is none. Offsets build on the base offset that b bears, so rebase it
// first. With log append time every record has the batch's max timestamp. Records that cannot be read are
// CorruptMessage.
func FindByTimestamp(b Batch, timestamp, minOffset int64) (f Found, ok bool, err error) {
	return find(b, func(r Found) bool { return r.Timestamp >= timestamp && r.Offset >= minOffset })
}

// MaxTimestampFrom gives the first record with the highest timestamp of those whose offset is at least minOffset (ListOffsets -3,
// KIP-734), also inside a compressed batch; ok is false if there is none.
func MaxTimestampFrom(b Batch, minOffset int64) (f Found, ok bool, err error) {
	_, _, err = find(b, func(r Found) bool {
		if r.Offset >= minOffset && (!ok || r.Timestamp > f.Timestamp) {
			f, ok = r, true
		}
		return ok && f.Timestamp == b.MaxTimestamp()
	})
	return f, ok, err
}

func find(b Batch, match func(Found) bool) (Found, bool, error) {
	w, err := walk(b)
	if err != nil {
		return Found{}, false, unreadable(b, err)
	}
	defer w.release()
	appendTime := b.Attributes().Has(LogAppendTime)
	var h head
	for range b.Count() {
		if err := w.next(&h); err != nil {
			return Found{}, false, unreadable(b, err)
		}
		f := Found{b.BaseOffset() + int64(h.offsetDelta), b.BaseTimestamp() + h.timestampDelta}
		if appendTime {
			f.Timestamp = b.MaxTimestamp()
		}
		if match(f) {
			return f, true, nil
		}
	}
	return Found{}, false, nil
}

func unreadable(b Batch, err error) error {
	return base.Errorf(base.CorruptMessage, "batch at offset %d (%s) cannot be read: %w",
		b.BaseOffset(), b.Attributes().Codec(), err)
}
