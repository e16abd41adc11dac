package log

import (
	"fmt"
	"math"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
)

// decideLand leaves out, one by one, what rides no more: a rider's bytes move by themselves, and clients that delete records
// all the time must not keep others from landing. With none left the file is not wanted.
func (s *State) decideLand(c *LandFiles, now base.Millis) ([]Event, *Reply) {
	if r := s.refuseFile(c.File, c.SizeBytes, c.LastModified, now); r != nil {
		return nil, r
	}
	e := &FilesLanded{File: s.nextFile, Ref: c.File, SizeBytes: c.SizeBytes, LastModified: c.LastModified}
	for i, l := range c.Landings {
		if i > 0 && l.File <= c.Landings[i-1].File {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("file %d is to land after file %d", l.File, c.Landings[i-1].File))
		}
		f, ok := s.files.Get(l.File)
		if !ok || f.Where != Riding && !plant.LeftOut(plant.LandsOnce) {
			continue
		}
		if !l.fits(f, c.SizeBytes) {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("file %d of %d bytes does not fit at %d of %d bytes", l.File, f.SizeBytes, l.Delta, c.SizeBytes))
		}
		e.Landings = append(e.Landings, l)
	}
	if len(e.Landings) == 0 {
		return nil, refuse(base.InvalidRequest, fmt.Sprintf("none of %d files rides any more", len(c.Landings)))
	}
	return []Event{e}, &Reply{}
}

// fits reports whether f lies within a file of that size once it has landed. The file it lands in ends with an index that holds
// that of f, so it ends after f's own end, too.
func (l Landing) fits(f File, sizeBytes int64) bool {
	end := int64(l.Delta) + f.SizeBytes
	return end <= sizeBytes && end <= math.MaxUint32
}
