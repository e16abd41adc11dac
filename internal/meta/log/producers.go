package log

import (
	"slices"

	"github.com/tidwall/btree"
)

// fewProducers is how many producers a partition keeps without an index, and how many a chunk of more holds.
const fewProducers = 32

// producers is a partition's set of producers by id, as a persistent value: no array in it ever changes.
type producers struct {
	few row // while there are at most fewProducers, else empty
	// many holds chunks by the lowest id that may lie in them, the first one's being 0; nil while there are few.
	many *btree.Map[int64, *producerChunk]
}

// producerChunk is 1 to fewProducers producers by id; only the first chunk may be empty. It never changes.
type producerChunk struct{ list []Producer }

// searchProducer gives where in ps the producer of that id is, or would be. It is asked for every batch: slices.BinarySearchFunc
// copies the producers that it compares.
func searchProducer(ps []Producer, id int64) (at int, found bool) {
	for end := len(ps); at < end; {
		if middle := int(uint(at+end) >> 1); ps[middle].ID < id {
			at = middle + 1
		} else {
			end = middle
		}
	}
	return at, at < len(ps) && ps[at].ID == id
}

// place gives the array that id belongs in, and among many the key of its chunk.
func (s *producers) place(id int64) (key int64, list []Producer) {
	if s.many == nil {
		return 0, s.few.part(s.few.place(id))
	}
	s.many.Descend(id, func(k int64, c *producerChunk) bool {
		key, list = k, c.list
		return false
	})
	return key, list
}

// get gives the producer of that id; nil if there is none. Ids below 0 are no producers.
func (s *producers) get(id int64) *Producer {
	_, ps := s.place(id)
	if i, ok := searchProducer(ps, id); ok {
		return &ps[i]
	}
	return nil
}

func (s *producers) each(yield func(*Producer) bool) {
	if s.many == nil {
		s.few.each(yield)
		return
	}
	s.many.Scan(func(_ int64, c *producerChunk) bool { return eachProducer(c.list, yield) })
}

func eachProducer(ps []Producer, yield func(*Producer) bool) bool {
	for i := range ps {
		if !yield(&ps[i]) {
			return false
		}
	}
	return true
}

// put adds p, or replaces the one with its id.
func (s *producers) put(p Producer) {
	if s.many == nil {
		if s.few.put(p); s.few.len() > fewProducers {
			list := s.few.flat()
			s.many, s.few = btree.NewMap[int64, *producerChunk](0), row{}
			s.halve(0, list)
		}
		return
	}
	key, list := s.place(p.ID)
	if list = withProducer(list, p); len(list) > fewProducers {
		s.halve(key, list)
		return
	}
	s.many.Set(key, &producerChunk{list})
}

// halve puts list, which is too long for the chunk of that key, into two.
func (s *producers) halve(key int64, list []Producer) {
	half := len(list) / 2
	s.many.Set(key, &producerChunk{slices.Clone(list[:half])})
	s.many.Set(list[half].ID, &producerChunk{slices.Clone(list[half:])})
}

func withProducer(ps []Producer, p Producer) []Producer {
	i, found := searchProducer(ps, p.ID)
	if found {
		n := slices.Clone(ps)
		n[i] = p
		return n
	}
	n := make([]Producer, len(ps)+1)
	copy(n, ps[:i])
	n[i] = p
	copy(n[i+1:], ps[i:])
	return n
}

// remove drops the producer of that id, and reports whether it was there.
func (s *producers) remove(id int64) bool {
	if s.many == nil {
		return s.few.remove(id)
	}
	key, list := s.place(id)
	i, found := searchProducer(list, id)
	if !found {
		return false
	}
	if list = slices.Concat(list[:i], list[i+1:]); len(list) == 0 && key != 0 {
		s.many.Delete(key)
	} else {
		s.many.Set(key, &producerChunk{list})
	}
	if s.many.Len() == 1 {
		_, list := s.place(0)
		s.few, s.many = rowOf(list), nil
	}
	return true
}

// fork lets the set be changed without any other that shares its structure.
func (s *producers) fork() {
	if s.many != nil {
		s.many = s.many.Copy()
	}
}
