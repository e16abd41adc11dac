package log

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
)

// OrphanAfter (B) is when an uploaded file that no entry names may be taken for an orphan; a commit must come within
// half of it. The other half is for clocks and for entries under way.
const OrphanAfter base.Millis = 60 * 60 * 1000

// decideCommit judges each batch by itself: one refusal never fails its segment.
func (s *State) decideCommit(c *CommitSegment, now base.Millis) ([]Event, *Reply) {
	rides, modified := len(c.Body) > 0, c.LastModified
	if rides {
		if len(c.Body) > RideBytesMax || int64(len(c.Body)) != c.SizeBytes {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("segment %s is said to have %d bytes and is to ride with %d", c.File.ID, c.SizeBytes, len(c.Body)))
		}
		modified = now
	}
	if r := s.refuseFile(c.File, c.SizeBytes, modified, now); r != nil {
		return nil, r
	}
	j := newJudge(s, now, len(c.Batches))
	r := &Reply{Batches: make([]BatchReply, len(c.Batches))}
	for i := range c.Batches {
		r.Batches[i] = j.batch(&c.Batches[i], c.SizeBytes)
	}
	e := SegmentCommitted{File: s.nextFile, Ref: c.File, SizeBytes: c.SizeBytes, LastModified: modified, At: now, Batches: j.appended}
	switch {
	case !rides:
		return []Event{&e}, r
	case len(e.Batches) == 0:
		return nil, r // nothing of it is wanted, and there is no object to remember
	}
	return []Event{&SegmentRode{SegmentCommitted: e, Body: c.Body}}, r
}

// refuseFile holds a data file that is to join the log against what any must be: new, not empty, and uploaded lately.
func (s *State) refuseFile(file base.FileRef, sizeBytes int64, modified, now base.Millis) *Reply {
	if _, ok := s.byULID.Get(ulidKey(file.ID)); ok {
		return refuse(base.InvalidRequest, fmt.Sprintf("segment %s is committed already, or one with a like name is", file.ID))
	}
	if sizeBytes <= 0 {
		return refuse(base.InvalidRequest, fmt.Sprintf("segment %s is said to have %d bytes", file.ID, sizeBytes))
	}
	if now-OrphanAfter/2 > modified {
		return refuse(base.RequestTimedOut, fmt.Sprintf("segment %s was uploaded %d s before its commit, the most is %d s",
			file.ID, (now-modified)/1000, OrphanAfter/2000))
	}
	return nil
}
