package merge

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Pace says what is brought together, and when.
type Pace struct {
	Small int64         // extents of fewer bytes are
	Whole int64         // until they have so many
	Bytes int64         // when so many bytes lie in such, and enough of each partition not to be small afterwards
	After time.Duration // when the first of them is so old
	File  int64         // bytes of a merged file, about
}

// DefaultPace is what agents keep; simulations take less. A run of 64 KiB is sent by the kernel nearly as fast as one of a MiB; of 256 MiB
// there are 256 KiB of each of 1,000 partitions.
var DefaultPace = Pace{Small: log.SmallBytes, Whole: 1 << 20, Bytes: 256 << 20, After: time.Minute, File: 16 << 20}

const (
	// Gain is how many times the bytes of its largest extent a stretch has at least. So a byte is written anew only when what it lies in
	// grows that much: two or three times mostly, until it lies in an extent that is not small.
	Gain = 8
	// enough is how many times as many bytes as a small extent stretches have on average, unless the oldest are old enough: what is small
	// afterwards would be written anew once more.
	enough = 2
	// extentsMax is how many extents a stretch has at most: tiny ones that lie far from each other are a read each.
	extentsMax = 1024
	// block is how many topics that follow each other, and partitions of each, one agent cares for, so that what it reads of a segment is a
	// range: a power of two.
	block = 64
	// filesMax bounds a plan, so that the View it is made of does not grow old: a GiB, or two where files are twice as large.
	filesMax = 64
)

// blockOf is the piece of work that a partition belongs to.
func blockOf(k base.PartitionKey) uint64 {
	return uint64(k.Topic()/block)<<32 | uint64(uint32(k.Index())/block)
}

// Stretch is one that is to be merged.
type Stretch struct {
	Topic base.TopicID
	Key   base.PartitionKey
	log.Stretch
	Sum log.Sum
}

// place is where a stretch begins.
type place struct {
	key    base.PartitionKey
	offset int64
}

func (s *Stretch) place() place { return place{s.Key, s.Base} }

// ask is what a plan is made for.
type ask struct {
	pace  Pace
	now   base.Millis                  // bucket time
	mine  func(base.PartitionKey) bool // partitions that this agent cares for
	skips func(place) bool             // stretches that are passed over
	below base.PartitionKey            // where the last plan ended that was full: the next one begins there; 0: at the end
}

// plan is what is to be merged, file by file.
type plan struct {
	files [][]Stretch
	next  base.Millis       // where nothing is due by that View, when it will be, if nothing else happens
	below base.PartitionKey // see ask; 0: it has all that is due
}

// planFor lists what is to be merged. Files come from the last partition to the first, and of each from the newest stretch to the oldest: when
// an old one is merged then, there is little behind it that has to be packed anew.
func planFor(v meta.View, a *ask) plan {
	if !log.MergesKnown(v.Admin.Level(log.MergeLevel)) {
		return plan{next: math.MaxInt64}
	}
	f := finder{log: v.Log, ask: a, rides: math.MaxUint64, oldest: math.MaxInt64}
	v.Log.Riders(func(n uint64, _ log.File) bool {
		f.rides = n
		return false
	})
	v.Log.Partitions(func(p *log.Partition) bool {
		if a.mine(p.Key) {
			f.partition(p)
		}
		return true
	})
	after := base.Millis(a.pace.After.Milliseconds())
	switch {
	case len(f.found) == 0:
		return plan{next: math.MaxInt64}
	case f.bytes < max(a.pace.Bytes, int64(len(f.found))*a.pace.Small*enough) && f.oldest+after > a.now:
		return plan{next: f.oldest + after}
	}
	return f.plan()
}

// finder looks for stretches.
type finder struct {
	log *log.State
	*ask
	rides  uint64       // number of the first file that rides: those before it do not
	small  []log.Extent // neighbours
	found  []found      // in order of partitions and offsets
	bytes  int64        // of those that were found
	oldest base.Millis  // when the first of their files was written
}

// found is a stretch that pays.
type found struct {
	part *log.Partition
	log.Stretch
}

// partition looks for the stretches of a partition.
func (f *finder) partition(p *log.Partition) {
	f.small = f.small[:0]
	bytes := int64(0)
	for w := p.Extents.Walk(p.Extents.Past(p.Start, Gain)); ; {
		e, ok := w.Next()
		if ok && f.isSmall(e) {
			if f.small, bytes = append(f.small, e), bytes+int64(e.Len); bytes < f.pace.Whole && len(f.small) < extentsMax {
				continue
			}
		}
		f.pick(p, f.small)
		if !ok {
			return
		}
		f.small, bytes = f.small[:0], 0
	}
}

// isSmall reports whether an extent is to be brought together with others. What rides lands before.
func (f *finder) isSmall(e log.Extent) bool {
	if int64(e.Len) >= f.pace.Small {
		return false
	}
	if e.File < f.rides {
		return true
	}
	file, ok := f.log.File(e.File)
	return ok && file.Where != log.Riding
}

// pick takes what pays of neighbours: the whole, or what does on either side of the largest.
func (f *finder) pick(p *log.Partition, es []log.Extent) {
	if len(es) < Gain {
		return
	}
	bytes, top := int64(0), 0
	for i := range es {
		bytes += int64(es[i].Len)
		if es[i].Len > es[top].Len {
			top = i
		}
	}
	switch {
	case bytes < Gain*int64(es[top].Len):
		f.pick(p, es[:top])
		f.pick(p, es[top+1:])
	case !f.skips(place{p.Key, es[0].Base}):
		first, _ := f.log.File(es[0].File)
		f.bytes, f.oldest = f.bytes+bytes, min(f.oldest, first.LastModified)
		f.found = append(f.found, found{p, log.Stretch{Base: es[0].Base, Extents: uint32(len(es))}})
	}
}

// plan deals out what was found, from below on downwards, and then what lies above.
func (f *finder) plan() (out plan) {
	at := sort.Search(len(f.found), func(i int) bool { return f.below != 0 && f.found[i].part.Key >= f.below })
	left := slices.Concat(f.found[at:], f.found[:at])
	for len(left) > 0 {
		if len(out.files) == filesMax {
			out.below = left[len(left)-1].part.Key + 1
			return out
		}
		var file []Stretch
		for bytes := int64(0); len(left) > 0 && len(file) < log.MergeStretchesMax && bytes < f.pace.File; left = left[:len(left)-1] {
			s := f.stretch(left[len(left)-1])
			file, bytes = append(file, s), bytes+int64(s.Sum.Whole.Len)
		}
		slices.SortFunc(file, func(a, b Stretch) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Base, b.Base)) })
		out.files = append(out.files, file)
	}
	return out
}

// stretch tells all of one that was found.
func (f *finder) stretch(x found) Stretch {
	t, _ := f.log.Topic(x.part.Key.Topic())
	sum, _ := x.part.Extents.Sum(x.Stretch) // its extents are few, and small: it cannot fail
	return Stretch{Topic: t.ID, Key: x.part.Key, Stretch: x.Stretch, Sum: sum}
}
