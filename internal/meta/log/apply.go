package log

import (
	"fmt"
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Apply changes the state by one event. It is the only mutator. An event that does not fit the state means that the
// journal and this code disagree: the error says where, and the state is not to be used any more.
func (s *State) Apply(e Event) error {
	switch e := e.(type) {
	case *TopicCreated:
		return s.applyCreated(e)
	case *TopicDeleted:
		return s.applyDeleted(e)
	case *PartitionsCreated:
		return s.applyPartitions(e)
	case *TopicConfigured:
		return s.applyConfigured(e)
	case *SegmentCommitted:
		return s.applyCommitted(e)
	case *SegmentRode:
		return s.applyRode(e)
	case *FilesLanded:
		return s.applyLanded(e)
	case *ProducerIDsAllocated:
		return s.applyProducerIDs(e)
	case *Trimmed:
		return s.applyTrimmed(e)
	case *ProducersExpired:
		return s.applyExpired(e)
	case *ExtentsMerged:
		return s.applyMerged(e)
	case *FilesRemoved:
		return s.applyRemoved(e)
	}
	return fmt.Errorf("log: no rule to apply an event of tag %d", e.Tag())
}

// note folds what became of an event into the digest.
func (s *State) note(tag uint8, values ...uint64) {
	h := s.digest ^ uint64(tag)*0x9E3779B97F4A7C15
	for _, v := range values {
		h = (h ^ v) * 0xFF51AFD7ED558CCD
		h ^= h >> 32
	}
	s.digest = h
}

func (s *State) noteConfigs(tag uint8, kvs []config.KV) {
	for _, kv := range kvs {
		s.note(tag, noteString(kv.Name), noteString(kv.Value))
	}
}

func noteString(v string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(v); i++ {
		h = (h ^ uint64(v[i])) * 1099511628211
	}
	return h
}

func (s *State) applyCreated(e *TopicCreated) error {
	_, named := s.byName.Get(e.Name)
	_, known := s.byID.Get(string(e.ID[:]))
	if e.Number != s.nextTopic || named || known || e.Partitions < 1 || e.Partitions > MaxPartitions {
		return fmt.Errorf("log: topic %q, number %d with %d partitions, cannot be created: the next is %d, name taken: %t, id taken: %t",
			e.Name, e.Number, e.Partitions, s.nextTopic, named, known)
	}
	t := &Topic{Number: e.Number, ID: e.ID, Name: e.Name, Configs: e.Configs, Created: e.At}
	s.nextTopic++
	s.topics.Set(t.Number, t)
	s.byName.Set(t.Name, t.Number)
	s.byID.Set(string(t.ID[:]), t.Number)
	if key, can := clash(t.Name); can {
		s.byClash.Set(key, t.Number)
	}
	s.addPartitions(t, e.Partitions)
	s.note(tagTopicCreated, uint64(e.Number), noteString(e.Name), noteString(string(e.ID[:])), uint64(e.Partitions), uint64(e.At))
	s.noteConfigs(tagTopicCreated, e.Configs)
	return nil
}

// addPartitions makes t, which must not be shared yet, have count partitions.
func (s *State) addPartitions(t *Topic, count int32) {
	for i := t.Partitions; i < count; i++ {
		k := base.KeyOf(t.Number, i)
		s.parts.Set(k, &Partition{edit: s.edit, Key: k, Epoch: FirstEpoch})
	}
	s.partitions += int(count - t.Partitions)
	t.Partitions = count
}

func (s *State) applyDeleted(e *TopicDeleted) error {
	t, ok := s.topics.Get(e.Number)
	if !ok {
		return fmt.Errorf("log: deleted topic %d is not there", e.Number)
	}
	for i := int32(0); i < t.Partitions; i++ {
		k := base.KeyOf(t.Number, i)
		p, _ := s.parts.Get(k)
		p.Extents.From(0, func(x Extent) bool {
			s.release(x.File, e.At)
			return true
		})
		s.parts.Delete(k)
	}
	s.partitions -= int(t.Partitions)
	s.topics.Delete(t.Number)
	s.byName.Delete(t.Name)
	s.byID.Delete(string(t.ID[:]))
	if key, can := clash(t.Name); can {
		s.byClash.Delete(key)
	}
	s.note(tagTopicDeleted, uint64(e.Number), uint64(s.partitions), uint64(e.At))
	return nil
}

func (s *State) applyPartitions(e *PartitionsCreated) error {
	t, ok := s.topics.Get(e.Number)
	if !ok || e.Count <= t.Partitions || e.Count > MaxPartitions {
		return fmt.Errorf("log: topic %d cannot get %d partitions", e.Number, e.Count)
	}
	n := *t
	s.addPartitions(&n, e.Count)
	s.topics.Set(n.Number, &n)
	s.note(tagPartitionsCreated, uint64(e.Number), uint64(e.Count))
	return nil
}

func (s *State) applyConfigured(e *TopicConfigured) error {
	t, ok := s.topics.Get(e.Number)
	if !ok {
		return fmt.Errorf("log: configured topic %d is not there", e.Number)
	}
	n := *t
	n.Configs = e.Configs
	s.topics.Set(n.Number, &n)
	s.note(tagTopicConfigured, uint64(e.Number), uint64(len(e.Configs)))
	s.noteConfigs(tagTopicConfigured, e.Configs)
	return nil
}

func (s *State) applyCommitted(e *SegmentCommitted) error {
	f := File{Ref: e.Ref, SizeBytes: e.SizeBytes, LastModified: e.LastModified, Released: -1}
	if err := s.checkNew(e.File, &f); err != nil {
		return err
	}
	if err := s.append(&f, e); err != nil {
		return err
	}
	if f.Refs == 0 {
		f.Released = e.At
	}
	s.addFile(e.File, f)
	s.note(tagSegmentCommitted, e.File, ulidKey(e.Ref.ID), uint64(f.Refs), uint64(f.SizeBytes), uint64(e.LastModified), uint64(e.At))
	return nil
}

func (s *State) applyRode(e *SegmentRode) error {
	f := File{Ref: e.Ref, Where: Riding, In: uint64(s.slot), SizeBytes: e.SizeBytes, LastModified: e.LastModified, Released: -1}
	if err := s.checkNew(e.File, &f); err != nil {
		return err
	}
	if s.slot == 0 || int64(len(e.Body)) != e.SizeBytes || len(e.Batches) == 0 {
		return fmt.Errorf("log: segment %s of %d bytes with %d batches cannot ride in slot %d with %d bytes", e.Ref.ID, e.SizeBytes, len(e.Batches), s.slot, len(e.Body))
	}
	if err := s.append(&f, &e.SegmentCommitted); err != nil {
		return err
	}
	s.addFile(e.File, f)
	s.board(e.File, &f)
	s.note(tagSegmentRode, e.File, ulidKey(e.Ref.ID), uint64(f.Refs), uint64(f.SizeBytes), uint64(s.slot), uint64(e.At))
	return nil
}

func (s *State) applyLanded(e *FilesLanded) error {
	in := File{Ref: e.Ref, SizeBytes: e.SizeBytes, LastModified: e.LastModified, Refs: uint32(len(e.Landings)), Released: -1}
	if err := s.checkNew(e.File, &in); err != nil {
		return err
	}
	if plant.LeftOut(plant.LandedRefersToo) {
		in.Refs = 1
	}
	if len(e.Landings) == 0 {
		return fmt.Errorf("log: nothing lands in file %d", e.File)
	}
	for _, l := range e.Landings {
		f, ok := s.files.Get(l.File)
		if !ok || f.Where != Riding && !plant.LeftOut(plant.LandsOnce) || !l.fits(f, e.SizeBytes) {
			return fmt.Errorf("log: file %d cannot land at %d of file %d, which has %d bytes", l.File, l.Delta, e.File, e.SizeBytes)
		}
		s.land(l.File, &f)
		f.Where, f.In, f.Delta = Landed, e.File, l.Delta
		s.files.Set(l.File, f)
		s.note(tagFilesLanded, l.File, uint64(l.Delta))
	}
	s.addFile(e.File, in)
	s.note(tagFilesLanded, e.File, ulidKey(e.Ref.ID), uint64(in.Refs), uint64(in.SizeBytes), uint64(e.LastModified))
	return nil
}

// checkNew reports why f cannot become the file of that number.
func (s *State) checkNew(number uint64, f *File) error {
	_, known := s.byULID.Get(ulidKey(f.Ref.ID))
	if number != s.nextFile || known || f.SizeBytes < 0 {
		return fmt.Errorf("log: segment %s of %d bytes cannot be committed as file %d: the next is %d, committed before: %t",
			f.Ref.ID, f.SizeBytes, number, s.nextFile, known)
	}
	return nil
}

func (s *State) addFile(number uint64, f File) {
	s.nextFile++
	s.files.Set(number, f)
	s.byULID.Set(ulidKey(f.Ref.ID), number)
}

// append adds the batches of e, and counts the extents in f.
func (s *State) append(f *File, e *SegmentCommitted) error {
	for i := range e.Batches {
		merged, err := s.applyAppended(&e.Batches[i], e)
		if err != nil {
			return err
		}
		if !merged {
			f.Refs++
		}
	}
	return nil
}

// applyAppended adds one batch of e. merged: the last extent grew by it.
func (s *State) applyAppended(a *Appended, e *SegmentCommitted) (merged bool, err error) {
	p := s.partition(a.Key)
	if p == nil || p.End != a.Base || a.Count <= 0 || a.Base+int64(a.Count) < 0 || !inFile(a.Pos, a.Len, e.SizeBytes) {
		return false, fmt.Errorf("log: batch of %d records, %d bytes at %d of a file of %d, at offset %d of partition %s does not fit",
			a.Count, a.Len, a.Pos, e.SizeBytes, a.Base, a.Key)
	}
	merged = p.Extents.append(Extent{Base: a.Base, File: e.File, MaxTimestamp: a.MaxTimestamp, Pos: a.Pos, Len: a.Len, Count: uint32(a.Count)})
	p.End = a.Base + int64(a.Count)
	if a.ProducerID >= 0 {
		if a.BaseSequence < 0 {
			return false, fmt.Errorf("log: batch at offset %d of partition %s has sequence %d", a.Base, a.Key, a.BaseSequence)
		}
		p.producers.put(p.Producer(a.ProducerID).appended(a.ProducerID, a.Epoch, a.BaseSequence, a.Count, a.Base, e.At))
	}
	s.note(tagSegmentCommitted, uint64(a.Key), uint64(p.End), uint64(a.Pos)<<32|uint64(a.Len), uint64(a.MaxTimestamp),
		uint64(a.ProducerID), uint64(uint32(a.BaseSequence))<<16|uint64(uint16(a.Epoch)))
	return merged, nil
}

// inFile reports whether a batch's bytes are some and lie within a file of that size, at positions of 32 bits.
func inFile(pos, length uint32, sizeBytes int64) bool {
	end := int64(pos) + int64(length)
	return length > 0 && end <= sizeBytes && end <= math.MaxUint32
}

func (s *State) applyProducerIDs(e *ProducerIDsAllocated) error {
	if e.First != s.nextPID || e.Count <= 0 || e.First+int64(e.Count) < 0 {
		return fmt.Errorf("log: %d producer ids allocated from %d, the next is %d", e.Count, e.First, s.nextPID)
	}
	s.nextPID += int64(e.Count)
	s.note(tagProducerIDsAllocated, uint64(s.nextPID))
	return nil
}

func (s *State) applyTrimmed(e *Trimmed) error {
	p := s.partition(e.Key)
	if p == nil || e.Start <= p.Start || e.Start > p.End && !plant.LeftOut(plant.DeleteBelowEnd) {
		return fmt.Errorf("log: start of partition %s cannot move to %d", e.Key, e.Start)
	}
	p.Start = e.Start
	p.Extents.trim(e.Start, func(x Extent) { s.release(x.File, e.At) })
	s.note(tagTrimmed, uint64(e.Key), uint64(e.Start), uint64(p.Extents.Len()), uint64(e.At))
	return nil
}

func (s *State) applyExpired(e *ProducersExpired) error {
	p := s.partition(e.Key)
	if p == nil {
		return fmt.Errorf("log: partition %s, whose producers expired, is not there", e.Key)
	}
	for _, id := range e.IDs {
		if !p.producers.remove(id) {
			return fmt.Errorf("log: expired producer %d of partition %s is not there", id, e.Key)
		}
		s.note(tagProducersExpired, uint64(e.Key), uint64(id))
	}
	return nil
}
