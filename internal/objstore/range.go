package objstore

import "fmt"

// CutRange turns GetRange's off and n into the bytes [from, to) of an object of size bytes, by the rules of
// Store.GetRange. The beginning of an empty object is a good range: it holds nothing.
func CutRange(size, off, n int64) (from, to int64, err error) {
	if off < 0 || off > size || off == size && size > 0 {
		return 0, 0, fmt.Errorf("the range begins at byte %d of an object of %d bytes", off, size)
	}
	if n < 0 || n > size-off {
		return off, size, nil
	}
	return off, off + n, nil
}

// ListLimitMax is the most keys that one page of a listing holds.
const ListLimitMax = 1000

// ClampLimit brings a listing's limit into 1 to ListLimitMax.
func ClampLimit(limit int) int {
	return min(max(limit, 1), ListLimitMax)
}
