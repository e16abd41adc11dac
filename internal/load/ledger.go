package load

import "math/bits"

// bitset is a growing set of small numbers.
type bitset struct {
	words []uint64
	count uint64
}

// add adds i, and reports whether it was there already.
func (b *bitset) add(i uint64) bool {
	word, bit := i/64, uint64(1)<<(i%64)
	if word >= uint64(len(b.words)) {
		grown := make([]uint64, max(word+1, 2*uint64(len(b.words))))
		copy(grown, b.words)
		b.words = grown
	}
	if b.words[word]&bit != 0 {
		return true
	}
	b.words[word] |= bit
	b.count++
	return false
}

func (b *bitset) word(i int) uint64 {
	if i < len(b.words) {
		return b.words[i]
	}
	return 0
}

// missing counts what is in b and in none of others.
func (b *bitset) missing(others []*bitset) (n uint64) {
	for i, w := range b.words {
		for _, o := range others {
			w &^= o.word(i)
		}
		n += uint64(bits.OnesCount64(w))
	}
	return n
}

// counts are what a check found.
type counts struct {
	received, duplicates, disordered, corrupt, foreign uint64
}

func (c *counts) add(o counts) {
	c.received += o.received
	c.duplicates += o.duplicates
	c.disordered += o.disordered
	c.corrupt += o.corrupt
	c.foreign += o.foreign
}

// book is what one consumer has seen of a run. It belongs to one goroutine.
type book struct {
	run  uint64
	seen []bitset           // by producer
	last []map[int32]uint64 // by producer: the highest number of each partition
	counts
}

func newBook(run uint64, producers int) *book {
	b := &book{run: run, seen: make([]bitset, producers), last: make([]map[int32]uint64, producers)}
	for i := range b.last {
		b.last[i] = map[int32]uint64{}
	}
	return b
}

// note checks a record. ok is false for one that no producer of this run made.
func (b *book) note(partition int32, value []byte) (s stamp, ok bool) {
	if len(value) < stampBytes {
		b.foreign++
		return s, false
	}
	s = open(value)
	switch {
	case s.run != b.run:
		b.foreign++
		return s, false
	case !intact(value) || int(s.producer) >= len(b.seen):
		b.corrupt++
		return s, false
	}
	b.received++
	last, any := b.last[s.producer][partition]
	switch {
	case b.seen[s.producer].add(s.number):
		b.duplicates++
	case any && s.number < last:
		b.disordered++
	default:
		b.last[s.producer][partition] = s.number
	}
	return s, true
}

// lost counts the records that were acknowledged, of producers from first on, and that no book of a copy has.
func lost(acknowledged []*bitset, first int, together []*book) (n uint64) {
	for i, acked := range acknowledged {
		var seen []*bitset
		for _, b := range together {
			seen = append(seen, &b.seen[first+i])
		}
		n += acked.missing(seen)
	}
	return n
}
