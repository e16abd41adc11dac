package log

import (
	"bytes"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// Check holds the state against its invariants and names the first that is broken. It walks everything.
//
//   - the indexes by name, id and ULID name exactly the topics and files that are there
//   - a topic has exactly the partitions 0 … Partitions−1; 0 ≤ start ≤ end; the leader epoch is 1 or more
//   - full chunks hold ChunkExtents extents and know their sums; producers are in order, their windows below the end
//   - extents cover [start, end) without a gap and begin at or below the start, each within its file
//   - every file's references are the extents that lie in it and the files that landed in it
//   - riders are in the order of their entries, and summed up; landed files lie within an object; neither is kept without an extent
func (s *State) Check() error {
	refs := map[uint64]uint32{}
	total, clashing := 0, 0
	var err error
	s.topics.Scan(func(n uint32, t *Topic) bool {
		err = s.checkTopic(n, t, refs)
		total += int(t.Partitions)
		if key, can := clash(t.Name); can {
			clashing++
			if by, _ := s.byClash.Get(key); by != n && err == nil {
				err = fmt.Errorf("log: topic %q clashes with topic %d", t.Name, by)
			}
		}
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case total != s.partitions || s.parts.Len() != total:
		return fmt.Errorf("log: topics have %d partitions, %d are there and %d counted", total, s.parts.Len(), s.partitions)
	case s.byName.Len() != s.topics.Len() || s.byID.Len() != s.topics.Len():
		return fmt.Errorf("log: %d topics, %d names, %d ids", s.topics.Len(), s.byName.Len(), s.byID.Len())
	case s.byULID.Len() != s.files.Len():
		return fmt.Errorf("log: %d files, %d of them indexed by name", s.files.Len(), s.byULID.Len())
	case clashing != s.byClash.Len():
		return fmt.Errorf("log: %d topics can clash, %d are indexed", clashing, s.byClash.Len())
	}
	if err := s.checkRiders(refs); err != nil {
		return err
	}
	s.files.Scan(func(n uint64, f File) bool {
		if by, _ := s.byULID.Get(ulidKey(f.Ref.ID)); by != n {
			err = fmt.Errorf("log: files %d and %d are both segment %s", n, by, f.Ref.ID)
			return false
		}
		if f.Refs != refs[n] || (f.Refs == 0) != (f.Released >= 0) || n >= s.nextFile {
			err = fmt.Errorf("log: file %d counts %d references, %d extents lie in it, released at %d", n, f.Refs, refs[n], f.Released)
		}
		delete(refs, n)
		return err == nil
	})
	if err == nil && len(refs) > 0 {
		err = fmt.Errorf("log: extents lie in %d files that are not there", len(refs))
	}
	return err
}

// checkRiders checks the files that are no objects of their own, and counts those that landed as references.
func (s *State) checkRiders(refs map[uint64]uint32) (err error) {
	var last base.Slot
	var riding, bytes int64
	s.files.Scan(func(n uint64, f File) bool {
		_, listed := s.riders.Get(n)
		fits := f.Refs > 0
		switch f.Where {
		case Own:
			fits = f.In == 0 && f.Delta == 0
		case Riding:
			fits = fits && base.Slot(f.In) >= max(last, 1) && f.Delta == 0
			last, riding, bytes = base.Slot(f.In), riding+1, bytes+f.SizeBytes
		case Landed:
			in, ok := s.files.Get(f.In)
			fits = fits && ok && in.Where == Own && n < f.In && Landing{n, f.Delta}.fits(f, in.SizeBytes)
			refs[f.In]++
		default:
			fits = false
		}
		if !fits || listed != (f.Where == Riding) {
			err = fmt.Errorf("log: file %d cannot be where it is said to be: %+v, listed as riding: %t", n, f, listed)
		}
		return err == nil
	})
	if err == nil && (riding != int64(s.riders.Len()) || bytes != s.riding) {
		err = fmt.Errorf("log: %d files ride with %d bytes, counted are %d with %d", riding, bytes, s.riders.Len(), s.riding)
	}
	return err
}

func (s *State) checkTopic(n uint32, t *Topic, refs map[uint64]uint32) error {
	if by, ok := s.TopicByName(t.Name); !ok || by != t || n != t.Number || n >= s.nextTopic {
		return fmt.Errorf("log: topic %d %q is not what its name leads to", n, t.Name)
	}
	if by, ok := s.TopicByID(t.ID); !ok || by != t {
		return fmt.Errorf("log: topic %q is not what its id leads to", t.Name)
	}
	for i := int32(0); i < t.Partitions; i++ {
		p, ok := s.parts.Get(base.KeyOf(n, i))
		if !ok {
			return fmt.Errorf("log: partition %d of topic %q is not there", i, t.Name)
		}
		if err := s.checkPartition(p, refs); err != nil {
			return fmt.Errorf("log: partition %s-%d: %w", t.Name, i, err)
		}
	}
	return nil
}

func (s *State) checkPartition(p *Partition, refs map[uint64]uint32) error {
	if p.Start < 0 || p.Start > p.End || p.Epoch < FirstEpoch {
		return fmt.Errorf("start %d, end %d, epoch %d", p.Start, p.End, p.Epoch)
	}
	if err := p.Extents.check(); err != nil {
		return err
	}
	if err := p.producers.check(p.End); err != nil {
		return err
	}
	at := int64(-1)
	var err error
	for i := 0; i <= len(p.Extents.full) && err == nil; i++ {
		for e := range p.Extents.run(i) {
			if err = s.checkExtent(e, p.Start, at); err != nil {
				break
			}
			at = e.End()
			refs[e.File]++
		}
	}
	if err == nil && at != -1 && at != p.End || err == nil && at == -1 && p.Start != p.End {
		err = fmt.Errorf("extents end at %d, the log at %d", at, p.End)
	}
	return err
}

// checkExtent checks e, which comes after an extent that ends at offset at; -1: it is the first.
func (s *State) checkExtent(e Extent, start, at int64) error {
	f, ok := s.files.Get(e.File)
	switch {
	case at == -1 && e.Base > start || at != -1 && e.Base != at:
		return fmt.Errorf("a gap before the extent at offset %d", e.Base)
	case e.End() <= start || e.Count == 0:
		return fmt.Errorf("the extent at offset %d is empty or below the start %d", e.Base, start)
	case !ok || !inFile(e.Pos, e.Len, f.SizeBytes):
		return fmt.Errorf("the extent at offset %d lies outside file %d", e.Base, e.File)
	}
	return nil
}

func (x *Extents) check() error {
	if x.skip < 0 || x.skip >= ChunkExtents || x.skip > 0 && len(x.full) == 0 || len(x.tail) > ChunkExtents {
		return fmt.Errorf("%d full chunks, %d extents in the tail, %d skipped", len(x.full), len(x.tail), x.skip)
	}
	for i, c := range x.full {
		es := decodeExtents(&codec.Reader{B: c.packed})
		if len(es) != ChunkExtents || !newChunk(es).is(c) {
			return fmt.Errorf("chunk %d does not sum up its %d extents", x.first+uint64(i), len(es))
		}
		u := c.unpack()
		for n := range es {
			if e := u.next(); e != es[n] {
				return fmt.Errorf("chunk %d: extent %d is read as %+v, it is %+v", x.first+uint64(i), n, e, es[n])
			}
		}
	}
	return nil
}

func (c *chunk) is(b *chunk) bool {
	return bytes.Equal(c.packed, b.packed) && c.end == b.end && c.maxTimestamp == b.maxTimestamp && c.bytes == b.bytes && c.small == b.small && c.open == b.open
}

func (s *producers) check(end int64) error {
	last, n, err := int64(-1), 0, error(nil)
	s.each(func(p *Producer) bool {
		if p.ID <= last || !p.sound(end) || s.get(p.ID) != p {
			err = fmt.Errorf("producer %d after %d: %+v cannot be", p.ID, last, *p)
		}
		last = p.ID
		n++
		return err == nil
	})
	if err == nil && (!s.few.sound() || s.many != nil && (s.few.len() > 0 || s.many.Len() < 2)) {
		err = fmt.Errorf("%d producers are kept in the wrong way", n)
	}
	return err
}

// sound reports whether the parts of r are as long as they may be.
func (r *row) sound() bool {
	ok := r.len() <= fewProducers && len(r.first) <= rowPart && (len(r.first) > 0 || len(r.rest) == 0)
	for _, part := range r.rest {
		ok = ok && len(part) > 0 && len(part) <= rowPart
	}
	return ok
}
