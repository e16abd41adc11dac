package cache

// What is looked at for the first time mostly comes from the disk. The kernel reads a little ahead of each read, and each request to the disk is
// dear: so it is told of all that an answer wants of a stretch of a file, and of what lies between, before the first of it is looked at. Others who
// read the rest, such as members of the same group, find it there.
const (
	// expectMost is how long such a stretch may be, in bytes: more of it takes no less CPU.
	expectMost = 4 << 20
	// expectLeast: what is shorter the kernel brings with one read.
	expectLeast = 128 << 10
	// expectDense: at least so many-th a part of a stretch is wanted. A reader of few partitions among very many does not have all brought.
	expectDense = 4
)

// expect tells the file of v that what is wanted from at on is read soon, if that is not known. s may be nil.
func (s *Strip) expect(v *View, at int64) {
	if s == nil || s.expected.holds(at) {
		return
	}
	s.expected = stretch{from: at, to: s.dense(at)}
	if s.expected.to-at > expectLeast {
		v.first.open.Expect(at, s.expected.to)
	}
}

// dense gives where the longest stretch from at on ends of which enough is wanted; at itself if nothing is.
func (s *Strip) dense(at int64) (end int64) {
	if end = at; !s.find(at) {
		return end
	}
	wanted, last := int64(0), at
	for _, r := range s.ranges[s.next:] {
		from := max(r.from, at)
		if from < last || from-at >= expectMost { // the order goes round, or far on
			break
		}
		wanted += r.to - from
		if last = r.to; wanted*expectDense >= last-at {
			end = last
		}
	}
	return min(end, at+expectMost)
}
