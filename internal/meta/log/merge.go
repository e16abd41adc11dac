package log

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// MergeLevel is the feature level that knows merges, and the removal of files: no event of either is written while an agent lives
// that does not.
const MergeLevel uint16 = 3

// MergesKnown reports whether agents of that feature level know merges.
func MergesKnown(level uint16) bool { return level >= MergeLevel || plant.LeftOut(plant.MergesKnown) }

const (
	// MergeStretchesMax bounds the stretches of one merge: some 100 KiB of journal.
	MergeStretchesMax = 2500
	// ReleasedFor is how long nothing must be left of a file in any partition before it may go: a fetch by an older View takes a
	// minute at the most, and then looks for newer ones.
	ReleasedFor base.Millis = 10 * 60 * 1000
)

// Stretch names neighbours in a partition's list of extents, which are to be one: Extents of them, from the one that begins at Base on.
type Stretch struct {
	Base    int64
	Extents uint32 // 2 or more
}

// Sum sums up the extents of a stretch: what they are together, and a hash that tells them from any others.
type Sum struct {
	Whole Extent // without a file and a position
	Hash  uint64
}

// Sum sums a stretch up; false: there is no such stretch, or its extents do not fit one.
func (x *Extents) Sum(r Stretch) (Sum, bool) {
	w := x.Walk(r.Base)
	d := Sum{Whole: Extent{Base: r.Base, MaxTimestamp: math.MinInt64}, Hash: 14695981039346656037}
	var length, count uint64
	for n := range r.Extents {
		e, ok := w.Next()
		if !ok || n == 0 && e.Base != r.Base {
			return d, false
		}
		length, count = length+uint64(e.Len), count+uint64(e.Count)
		d.Whole.MaxTimestamp = max(d.Whole.MaxTimestamp, e.MaxTimestamp)
		for _, v := range [...]uint64{uint64(e.Base), e.File, uint64(e.MaxTimestamp), uint64(e.Pos)<<32 | uint64(e.Len), uint64(e.Count)} {
			d.Hash = (d.Hash ^ v) * 0xFF51AFD7ED558CCD
			d.Hash ^= d.Hash >> 32
		}
	}
	d.Whole.Len, d.Whole.Count = uint32(length), uint32(count)
	return d, r.Extents >= 2 && length <= math.MaxUint32 && count <= math.MaxUint32
}

// decideMerge leaves out, one by one, what is no longer as it was when it was read: partitions do not depend on each other, and a
// client that deletes records all the time must not keep others from being merged. With none left the file is not wanted.
func (s *State) decideMerge(c *MergeExtents, now base.Millis) ([]Event, *Reply) {
	if r := s.refuseFile(c.File, c.SizeBytes, c.LastModified, now); r != nil {
		return nil, r
	}
	if len(c.Stretches) > MergeStretchesMax {
		return nil, refuse(base.InvalidRequest, fmt.Sprintf("a merge of %d stretches, the most is %d", len(c.Stretches), MergeStretchesMax))
	}
	e, end := &ExtentsMerged{File: s.nextFile, Ref: c.File, SizeBytes: c.SizeBytes, LastModified: c.LastModified, At: now}, int64(0)
	for i := range c.Stretches {
		r := &c.Stretches[i]
		if i > 0 && c.Stretches[i-1].Compare(r) >= 0 {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("a stretch of partition %d of topic %s comes out of order", r.Partition, r.Topic))
		}
		key, sum, ok := s.isStill(r)
		if !ok {
			continue
		}
		if !inFile(r.Pos, sum.Whole.Len, c.SizeBytes) {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("%d bytes at %d do not fit a file of %d", sum.Whole.Len, r.Pos, c.SizeBytes))
		}
		if n := len(e.Stretches); n > 0 && e.Stretches[n-1].Key == key && sum.Whole.Base < end {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("two stretches of partition %d of topic %s overlap at offset %d", r.Partition, r.Topic, r.Base))
		}
		e.Stretches = append(e.Stretches, MergedStretch{Key: key, Stretch: r.Stretch, Pos: r.Pos})
		end = sum.Whole.End()
	}
	if len(e.Stretches) == 0 {
		return nil, refuse(base.InvalidRequest, fmt.Sprintf("none of %d stretches is as it was", len(c.Stretches)))
	}
	slices.SortFunc(e.Stretches, func(a, b MergedStretch) int { return a.compare(&b) })
	return []Event{e}, &Reply{}
}

// isStill sums a stretch up, if it is as it was when it was read.
func (s *State) isStill(r *MergeStretch) (key base.PartitionKey, sum Sum, ok bool) {
	_, p, ok := s.PartitionOf(r.Topic, r.Partition)
	if !ok {
		return 0, sum, false
	}
	sum, ok = p.Extents.Sum(r.Stretch)
	return p.Key, sum, ok && (sum.Hash == r.Hash || plant.LeftOut(plant.MergesExactly))
}

// Compare orders stretches by topic, partition and offset, as a command has them.
func (r *MergeStretch) Compare(b *MergeStretch) int {
	return cmp.Or(bytes.Compare(r.Topic[:], b.Topic[:]), cmp.Compare(r.Partition, b.Partition), cmp.Compare(r.Base, b.Base))
}

func (r *MergedStretch) compare(b *MergedStretch) int {
	return cmp.Or(cmp.Compare(r.Key, b.Key), cmp.Compare(r.Base, b.Base))
}

func (s *State) applyMerged(e *ExtentsMerged) error {
	f := File{Ref: e.Ref, SizeBytes: e.SizeBytes, LastModified: e.LastModified, Refs: uint32(len(e.Stretches)), Released: -1}
	if err := s.checkNew(e.File, &f); err != nil {
		return err
	}
	if len(e.Stretches) == 0 {
		return fmt.Errorf("log: nothing is merged in file %d", e.File)
	}
	for from, to := 0, 0; from < len(e.Stretches); from = to {
		for to = from + 1; to < len(e.Stretches) && e.Stretches[to].Key == e.Stretches[from].Key; to++ {
		}
		if to < len(e.Stretches) && e.Stretches[to].Key < e.Stretches[from].Key {
			return fmt.Errorf("log: a stretch of partition %s is merged out of order", e.Stretches[to].Key)
		}
		if err := s.applyStretches(e, e.Stretches[from:to]); err != nil {
			return err
		}
	}
	s.addFile(e.File, f)
	s.note(tagExtentsMerged, e.File, ulidKey(e.Ref.ID), uint64(f.Refs), uint64(f.SizeBytes), uint64(e.LastModified), uint64(e.At))
	return nil
}

// applyStretches merges those of one partition.
func (s *State) applyStretches(e *ExtentsMerged, stretches []MergedStretch) error {
	key := stretches[0].Key
	p := s.partition(key)
	if p == nil {
		return fmt.Errorf("log: partition %s, whose extents were merged, is not there", key)
	}
	by, end := make([]replacement, len(stretches)), int64(-1)
	for i := range stretches {
		r := &stretches[i]
		sum, ok := p.Extents.Sum(r.Stretch)
		if !ok || r.Base < end || !inFile(r.Pos, sum.Whole.Len, e.SizeBytes) {
			return fmt.Errorf("log: %d extents from offset %d of partition %s on cannot lie at %d of a file of %d", r.Extents, r.Base, key, r.Pos, e.SizeBytes)
		}
		sum.Whole.File, sum.Whole.Pos = e.File, r.Pos
		by[i], end = replacement{sum.Whole, int(r.Extents)}, sum.Whole.End()
		s.note(tagExtentsMerged, uint64(key), sum.Hash, uint64(r.Pos))
	}
	p.Extents.replace(by, func(x Extent) { s.release(x.File, e.At) })
	return nil
}

// decideRemove leaves out what is not to be removed, or is no longer there.
func (s *State) decideRemove(c *RemoveFiles, now base.Millis) ([]Event, *Reply) {
	e := &FilesRemoved{}
	for i, n := range c.Files {
		if i > 0 && n <= c.Files[i-1] {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("file %d is to be removed after file %d", n, c.Files[i-1]))
		}
		if f, ok := s.files.Get(n); ok && f.Removable(now) {
			e.Files = append(e.Files, n)
		}
	}
	if len(e.Files) == 0 {
		return nil, refuse(base.InvalidRequest, fmt.Sprintf("none of %d files is there and may go", len(c.Files)))
	}
	return []Event{e}, &Reply{}
}

// Removable reports whether the file's object may be deleted at bucket time now: nothing of it is left in any partition, for ReleasedFor.
// That never changes again.
func (f *File) Removable(now base.Millis) bool {
	if f.Where != Own {
		return false
	}
	return f.Refs == 0 && now > f.Released+ReleasedFor || plant.LeftOut(plant.ReleasedGo)
}

func (s *State) applyRemoved(e *FilesRemoved) error {
	if len(e.Files) == 0 {
		return fmt.Errorf("log: no files are removed")
	}
	for _, n := range e.Files {
		f, ok := s.files.Get(n)
		if !ok || f.Where != Own || f.Refs > 0 {
			return fmt.Errorf("log: file %d with %d references cannot have been removed", n, f.Refs)
		}
		s.files.Delete(n)
		s.byULID.Delete(ulidKey(f.Ref.ID))
		s.note(tagFilesRemoved, n)
	}
	return nil
}
