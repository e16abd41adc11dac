package log

import (
	"fmt"
	"slices"
)

// Part is one part of a snapshot. Changed is false when the same part of the previous state has the same body.
type Part struct {
	Key     string
	Changed bool
	Encode  func() []byte
}

// partBytes bounds a part's body, by the most its items can take, below the journal's 16 MiB for a part. No item comes
// near it.
const partBytes = 12 << 20

// partID names a part before it has a key; what the numbers mean is its kind's own.
type partID struct{ a, b uint64 }

// itemized gathers the items of one kind of parts, in the order in which they are encoded. Items are values that never
// change: two parts with the same items have the same body.
type itemized[T comparable] struct {
	order []partID // in order of first appearance
	parts map[partID]*itemizedPart[T]
}

type itemizedPart[T comparable] struct {
	runs  [][]T // all but the first are overflow: a part is cut where its body could pass partBytes
	bytes int   // the last run's, at most
}

// add puts an item of at most so many bytes into a part.
func (z *itemized[T]) add(id partID, item T, atMost int) {
	p := z.parts[id]
	if p == nil {
		if z.parts == nil {
			z.parts = map[partID]*itemizedPart[T]{}
		}
		p = &itemizedPart[T]{runs: make([][]T, 1)}
		z.parts[id] = p
		z.order = append(z.order, id)
	}
	if p.bytes+atMost > partBytes {
		p.runs = append(p.runs, nil)
		p.bytes = 0
	}
	last := &p.runs[len(p.runs)-1]
	*last = append(*last, item)
	p.bytes += atMost
}

// emit lists the parts. before holds the same kind of parts of the previous state, under the same keys.
func (z *itemized[T]) emit(before *itemized[T], key func(partID) string, encode func([]T) []byte) []Part {
	var out []Part
	for _, id := range z.order {
		var old [][]T
		if p := before.parts[id]; p != nil {
			old = p.runs
		}
		for i, items := range z.parts[id].runs {
			k := key(id)
			if i > 0 {
				k = fmt.Sprintf("%s+%d", k, i)
			}
			same := i < len(old) && slices.Equal(old[i], items)
			out = append(out, Part{Key: k, Changed: !same, Encode: func() []byte { return encode(items) }})
		}
	}
	return out
}
