package log

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// RideBytesMax is the largest segment that may ride in a journal entry: with it the entry's PUT takes some 10 ms longer on
// S3, where a PUT of its own takes 50 ms.
const RideBytesMax = 128 << 10

// RidersLevel is the feature level that knows riders: no event of them is written while an agent lives that does not.
const RidersLevel uint16 = 2

// RidersKnown reports whether agents of that feature level know riders.
func RidersKnown(level uint16) bool { return level >= RidersLevel || plant.LeftOut(plant.RidersKnown) }

// LevelOf is the feature level that what may follow from a command needs.
func LevelOf(c Command) uint16 {
	switch c.Tag() {
	case tagRideSegment, tagLandFiles:
		if !plant.LeftOut(plant.RidersKnown) {
			return RidersLevel
		}
	case tagMergeExtents, tagRemoveFiles:
		if !plant.LeftOut(plant.MergesKnown) {
			return MergeLevel
		}
	}
	return 1
}

// Where says where a file's bytes are.
type Where uint8

const (
	Own    Where = iota // in an object of its own
	Riding              // in the journal entry of slot In
	Landed              // in file number In, which is an object of its own, all positions shifted by Delta
)

// File is one data file, also one whose bytes are somewhere else.
type File struct {
	Ref          base.FileRef
	Where        Where
	SizeBytes    int64
	LastModified base.Millis // by the bucket, at commit; of a file that never was an object the time of its entry
	Refs         uint32      // extents that lie in it, and files that landed in it
	Delta        uint32
	In           uint64
	Released     base.Millis // when Refs became 0 (-1: it is not); a file without an object of its own is forgotten then
}

// Rider is a file that rides in a journal entry, with its bytes.
type Rider struct {
	Ref  base.FileRef
	Body []byte
}

// Place says where an extent's bytes are: at Pos of a file of SizeBytes, which is an object of its own or, if Slot is not 0,
// rides in that journal entry.
type Place struct {
	File      base.FileRef
	SizeBytes int64
	Slot      base.Slot
	Pos       uint32
}

// Place looks the bytes of an extent up; false if its file is not there.
func (s *State) Place(x Extent) (Place, bool) {
	f, ok := s.files.Get(x.File)
	p := Place{File: f.Ref, SizeBytes: f.SizeBytes, Pos: x.Pos}
	switch f.Where {
	case Riding:
		p.Slot = base.Slot(f.In)
	case Landed:
		in, there := s.files.Get(f.In)
		p.File, p.SizeBytes, p.Pos = in.Ref, in.SizeBytes, x.Pos+f.Delta
		ok = ok && there
	}
	return p, ok
}

// File looks a data file up by its number.
func (s *State) File(number uint64) (File, bool) { return s.files.Get(number) }

// Files calls yield for every data file in order of number, until it returns false.
func (s *State) Files(yield func(number uint64, f File) bool) { s.files.Scan(yield) }

// FileByRef gives the number of a committed file.
func (s *State) FileByRef(ref base.FileRef) (uint64, bool) {
	n, ok := s.byULID.Get(ulidKey(ref.ID))
	if !ok {
		return 0, false
	}
	f, ok := s.files.Get(n)
	return n, ok && f.Ref == ref
}

// Riders calls yield for every file that rides, in the order of their entries, until it returns false.
func (s *State) Riders(yield func(number uint64, f File) bool) {
	s.riders.Scan(func(n uint64, _ struct{}) bool {
		f, _ := s.files.Get(n)
		return yield(n, f)
	})
}

// RiderCount is how many files ride, RidingBytes the size of all of them.
func (s *State) RiderCount() int    { return s.riders.Len() }
func (s *State) RidingBytes() int64 { return s.riding }

// RidingSince is the time of the entry in which the first of them rides; 0 if none does.
func (s *State) RidingSince() base.Millis {
	n, _, _ := s.riders.Min()
	f, _ := s.files.Get(n)
	return f.LastModified
}

// OldestRide is the first slot in which a file rides, NewestRide the last; 0 if none does.
func (s *State) OldestRide() base.Slot {
	n, _, _ := s.riders.Min()
	f, _ := s.files.Get(n)
	return base.Slot(f.In)
}

func (s *State) NewestRide() base.Slot {
	n, _, _ := s.riders.Max()
	f, _ := s.files.Get(n)
	return base.Slot(f.In)
}

// FirstNeeded is the first slot that has to stay in the journal, whatever snapshot there is, where s is the state of the journal up to
// slot end: something rides in it, or s does not know what is in it. Riders are added in new slots only: what rides in no slot
// before it now never will again.
func (s *State) FirstNeeded(end base.Slot) base.Slot {
	if n := s.OldestRide(); n > 0 {
		return n
	}
	return end + 1
}

// board notes a file that rides, land that it does no more.
func (s *State) board(number uint64, f *File) {
	s.riders.Set(number, struct{}{})
	s.riding += f.SizeBytes
}

func (s *State) land(number uint64, f *File) {
	s.riders.Delete(number)
	s.riding -= f.SizeBytes
}

// release takes one reference off a file.
func (s *State) release(file uint64, at base.Millis) {
	f, ok := s.files.Get(file)
	if !ok || f.Refs == 0 {
		return // check() reports it
	}
	f.Refs--
	switch {
	case f.Refs > 0:
	case f.Where == Own:
		f.Released = at
	default:
		s.forget(file, &f, at)
		return
	}
	s.files.Set(file, f)
}

// forget lets go of a file that is no object of its own: nothing is to be deleted in the bucket for it.
func (s *State) forget(file uint64, f *File, at base.Millis) {
	s.files.Delete(file)
	s.byULID.Delete(ulidKey(f.Ref.ID))
	if f.Where == Riding {
		s.land(file, f)
		return
	}
	s.release(f.In, at)
}

func ulidKey(u base.ULID) uint64 {
	var k uint64
	for _, b := range u[8:] {
		k = k<<8 | uint64(b)
	}
	return k
}
