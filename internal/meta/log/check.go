package log

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
)

// Check holds the state against its invariants and names the first that is broken. It walks everything.
//
//   - the indexes by name, id and ULID name exactly the topics and files that are there
//   - a topic has exactly the partitions 0 … Partitions−1; 0 ≤ start ≤ end; the leader epoch is 1 or more
//   - extents cover [start, end) without a gap and begin at or below the start, each within its file
//   - every file's references are the extents that lie in it
func (s *State) Check() error {
	refs := map[uint64]uint32{}
	total := 0
	var err error
	s.topics.Scan(func(n uint32, t *Topic) bool {
		err = s.checkTopic(n, t, refs)
		total += int(t.Partitions)
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
	}
	s.files.Scan(func(n uint64, f File) bool {
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
	at := int64(-1)
	var err error
	p.Extents.From(0, func(e Extent) bool {
		f, ok := s.files.Get(e.File)
		switch {
		case at == -1 && e.Base > p.Start || at != -1 && e.Base != at:
			err = fmt.Errorf("a gap before the extent at offset %d", e.Base)
		case e.End() <= p.Start || e.Count == 0 || e.Len == 0:
			err = fmt.Errorf("the extent at offset %d is empty or below the start %d", e.Base, p.Start)
		case !ok || int64(e.Pos)+int64(e.Len) > f.SizeBytes:
			err = fmt.Errorf("the extent at offset %d lies outside file %d", e.Base, e.File)
		}
		at = e.End()
		refs[e.File]++
		return err == nil
	})
	if err == nil && at != -1 && at != p.End || err == nil && at == -1 && p.Start != p.End {
		err = fmt.Errorf("extents end at %d, the log at %d", at, p.End)
	}
	return err
}
