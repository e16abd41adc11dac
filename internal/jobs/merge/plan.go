package merge

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Pace says what is brought together, and when.
type Pace struct {
	Small uint32        // extents of fewer bytes are
	Whole int64         // until they have so many
	Bytes int64         // when so many bytes lie in such
	After time.Duration // when the first of them is so old
	File  int64         // bytes of a merged file, about
}

// DefaultPace is what agents keep; simulations take less. A run of 64 KiB is sent by the kernel nearly as fast as one of a MiB; of 256 MiB
// there are 256 KiB of each of 1,000 partitions.
var DefaultPace = Pace{Small: 64 << 10, Whole: 1 << 20, Bytes: 256 << 20, After: 30 * time.Second, File: 16 << 20}

const (
	// Gain is how many times the bytes of its largest extent a stretch has at least. So a byte is written anew only when what it lies in
	// grows that much: three or four times at the most until it lies in an extent that is not small.
	Gain = 8
	// block is how many partitions that follow each other one agent cares for, so that what it reads of a segment is a range.
	block = 64
	// filesMax bounds a plan, so that the View it is made of does not grow old: a GiB.
	filesMax = 64
)

// blockOf is the piece of work that a partition belongs to.
func blockOf(k base.PartitionKey) uint64 { return uint64(k) / block }

// Stretch is one that is to be merged.
type Stretch struct {
	Topic base.TopicID
	Key   base.PartitionKey
	log.Stretch
	Sum log.Sum
}

// Plan lists what is to be merged at bucket time now, file by file, in order of partitions; of each partition the first stretch that pays.
// Where nothing is due by that View, next is when it will be, if nothing else happens. Partitions that skip tells are passed over.
func Plan(v meta.View, now base.Millis, pace Pace, skip func(base.PartitionKey) bool) (files [][]Stretch, next base.Millis) {
	if !log.MergesKnown(v.Admin.Level(log.MergeLevel)) {
		return nil, math.MaxInt64
	}
	f := finder{log: v.Log, pace: pace, rides: math.MaxUint64, oldest: math.MaxInt64}
	v.Log.Riders(func(n uint64, _ log.File) bool {
		f.rides = n
		return false
	})
	v.Log.Partitions(func(p *log.Partition) bool {
		if !skip(p.Key) {
			f.partition(p)
		}
		return true
	})
	after := base.Millis(pace.After.Milliseconds())
	switch {
	case len(f.found) == 0:
		return nil, math.MaxInt64
	case f.bytes < pace.Bytes && f.oldest+after > now:
		return nil, f.oldest + after
	}
	return f.files(), now
}

// finder looks for stretches.
type finder struct {
	log    *log.State
	pace   Pace
	rides  uint64 // number of the first file that rides: those before it do not
	topic  *log.Topic
	small  []log.Extent // neighbours
	found  []found
	bytes  int64       // of those that were found
	oldest base.Millis // when the first of their files was written
}

// found is a stretch that pays.
type found struct {
	part *log.Partition
	log.Stretch
}

// partition looks for the first stretch of a partition.
func (f *finder) partition(p *log.Partition) {
	f.small = f.small[:0]
	bytes := int64(0)
	for w := p.Extents.Walk(p.Extents.Past(p.Start, f.pace.Small)); ; {
		e, ok := w.Next()
		if ok && f.isSmall(e) {
			if f.small, bytes = append(f.small, e), bytes+int64(e.Len); bytes < f.pace.Whole {
				continue
			}
		}
		if f.pick(p, f.small) || !ok {
			return
		}
		f.small, bytes = f.small[:0], 0
	}
}

// isSmall reports whether an extent is to be brought together with others. What rides lands before.
func (f *finder) isSmall(e log.Extent) bool {
	if e.Len >= f.pace.Small {
		return false
	}
	if e.File < f.rides {
		return true
	}
	file, ok := f.log.File(e.File)
	return ok && file.Where != log.Riding
}

// pick takes a stretch out of neighbours that pays: the whole, or one on a side of the largest.
func (f *finder) pick(p *log.Partition, es []log.Extent) bool {
	if len(es) < Gain {
		return false
	}
	bytes, top := int64(0), 0
	for i := range es {
		bytes += int64(es[i].Len)
		if es[i].Len > es[top].Len {
			top = i
		}
	}
	if bytes < Gain*int64(es[top].Len) {
		return f.pick(p, es[:top]) || f.pick(p, es[top+1:])
	}
	first, _ := f.log.File(es[0].File)
	f.bytes, f.oldest = f.bytes+bytes, min(f.oldest, first.LastModified)
	f.found = append(f.found, found{p, log.Stretch{Base: es[0].Base, Extents: uint32(len(es))}})
	return true
}

// files deals out what was found.
func (f *finder) files() (files [][]Stretch) {
	for from := 0; from < len(f.found) && len(files) < filesMax; {
		var file []Stretch
		for bytes := int64(0); from < len(f.found) && len(file) < log.MergeStretchesMax && bytes < f.pace.File; from++ {
			s := f.stretch(f.found[from])
			file, bytes = append(file, s), bytes+int64(s.Sum.Whole.Len)
		}
		files = append(files, file)
	}
	return files
}

// stretch tells all of one that was found.
func (f *finder) stretch(x found) Stretch {
	if f.topic == nil || f.topic.Number != x.part.Key.Topic() {
		f.topic, _ = f.log.Topic(x.part.Key.Topic())
	}
	sum, _ := x.part.Extents.Sum(x.Stretch) // its extents are few, and small: it cannot fail
	return Stretch{Topic: f.topic.ID, Key: x.part.Key, Stretch: x.Stretch, Sum: sum}
}

// byTopic sorts stretches as a command has them.
func byTopic(a, b log.MergeStretch) int {
	return cmp.Or(slices.Compare(a.Topic[:], b.Topic[:]), cmp.Compare(a.Partition, b.Partition))
}
