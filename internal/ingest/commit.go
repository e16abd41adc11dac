package ingest

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// upload is the outcome of a segment's PUT.
type upload struct{ done *env.Future[struct{}] }

func (u *upload) init(e env.Env) { u.done = env.NewFuture[struct{}](e) }

func (i *Ingest) uploadSegment(s *sealed) {
	file := s.layOut()
	size := file.SizeBytes()
	if i.mayRide(s, size) {
		s.commit.Body = s.copyOf(file)
		i.uploads.Release(1)
		s.upload.done.Set(struct{}{}, nil)
		return
	}
	began := i.env.Now()
	ctx, cancel := i.env.WithTimeout(i.ctx, uploadTimeout+time.Duration(size/uploadRate)*time.Second)
	defer cancel()
	stored, err := i.put(ctx, s, file)
	if err == nil {
		s.commit.LastModified = base.Millis(stored.Modified(began, i.env.Now(), int64(i.journal.Now())))
		i.counts.uploaded.Add(1)
		i.counts.uploadedBytes.Add(int64(size))
		i.counts.uploadMicros.Add(i.env.Now().Sub(began).Microseconds())
	}
	i.uploads.Release(1)
	s.upload.done.Set(struct{}{}, err)
}

// copyOf gives a file in memory of its own.
func (s *sealed) copyOf(file *segment.Builder) []byte {
	body := file.Finish()
	s.letGo(func() []byte { return body })
	return body
}

// put uploads a segment: its batches from where they lie, if nobody will look at them any more when that is done. Else it is a copy, as a
// request that was given up may still read it when the batches have their results, and their memory is used again.
func (i *Ingest) put(ctx context.Context, s *sealed, file *segment.Builder) (objstore.Meta, error) {
	key := segment.Key(s.ref)
	if i.inPieces {
		defer s.letGo(file.Finish)
		return i.store.Put(ctx, key, file.Pieces()...)
	}
	body := s.copyOf(file)
	stored, err := i.store.Put(ctx, key, body)
	if err == nil && i.config.Uploaded != nil {
		i.config.Uploaded(s.ref, body)
	}
	return stored, err
}

// committer commits sealed segments in their order.
func (i *Ingest) committer() {
	for {
		s, err := i.commits.Pop(time.Time{})
		if err != nil {
			return
		}
		if _, err := s.upload.done.Wait(time.Time{}); err != nil {
			i.uploadFailed(s, err)
			continue
		}
		i.commit(s)
	}
}

// commit proposes a segment. It does not wait for the verdict: control keeps the order of what it is given.
func (i *Ingest) commit(s *sealed) {
	i.dropFailed(s)
	if len(s.batches) == 0 {
		i.finished(s, &i.counts.failed)
		return
	}
	i.journal.Propose(s.commit).OnDone(func(v *meta.Verdict, err error) { i.committed(s, v, err) })
}

// committed hands out the verdict, in the goroutine of control's loop. The View holds the batches by now.
func (i *Ingest) committed(s *sealed, v *meta.Verdict, err error) {
	var verdicts []log.BatchReply
	if err == nil && v.Log != nil {
		verdicts = v.Log.Batches
	}
	i.settle(s.batches, verdicts)
	i.foresight.settle(s.batches, verdicts)
	if err == nil && v.Kind() == base.RequestTimedOut {
		i.counts.tooLate.Add(1)
	}
	for n, p := range s.batches {
		switch {
		case err != nil:
			p.answer(refused(clientKind(base.KindOf(err))))
		case v.Log == nil || v.Log.Kind != base.OK || n >= len(v.Log.Batches):
			p.answer(refused(clientKind(v.Kind())))
		default:
			b := v.Log.Batches[n]
			if b.Kind == base.OK {
				i.counts.batches.Add(1)
				i.counts.records.Add(int64(p.Info.Count))
				i.counts.bytes.Add(int64(s.commit.Batches[n].Len))
			}
			p.answer(Result{Kind: b.Kind, Base: b.Base, LogStart: b.Start})
		}
	}
	i.finished(s, &i.counts.committed)
}

// clientKind is what a producer is told when its segment as a whole was not committed: to try again.
func clientKind(k base.Kind) base.Kind {
	if k == base.Stopping {
		return base.NotLeaderOrFollower
	}
	return base.RequestTimedOut
}

func (i *Ingest) finished(s *sealed, count *atomic.Int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	count.Add(1)
	i.rides.waiting -= s.rides
	for k, upTo := range i.failed {
		if upTo <= s.number {
			delete(i.failed, k)
		}
	}
	i.wake.Broadcast()
}

// uploadFailed fails a segment, and with it whatever is queued behind it of the same producers and partitions: their
// sequence numbers would leave gaps.
func (i *Ingest) uploadFailed(s *sealed, err error) {
	kind := base.RequestTimedOut
	if i.stop.Stopped() {
		kind = base.NotLeaderOrFollower
	} else {
		i.config.Log.Error("a segment could not be uploaded", "segment", s.ref.ID, "batches", len(s.batches), "error", err)
	}
	failed := append(slices.Clone(s.batches), i.takeBehind(s)...)
	i.settle(failed, nil) // first: what is sent again for the answer must not meet them
	i.foresight.settle(failed, nil)
	for _, p := range failed {
		p.answer(refused(kind))
	}
	i.finished(s, &i.counts.failed)
}

// takeBehind takes out of the open segment and of what is parked what lies behind s, and has the segments sealed since
// drop theirs.
func (i *Ingest) takeBehind(s *sealed) (taken []*pending) {
	i.mu.Lock()
	defer i.mu.Unlock()
	hit := map[producerKey]bool{}
	for _, p := range s.batches {
		if k, ok := p.producer(); ok && !hit[k] {
			hit[k] = true
			i.failed[k] = i.sealedNo
			for len(i.parked[k]) > 0 {
				i.open.add(i.parked[k][0].pending, i.env.Now())
				i.hold(k, i.tailOf(k, i.parked[k][0].pending), i.parked[k][0].pending)
				i.remove(k)
			}
		}
	}
	kept := make([]*pending, 0, len(i.open.batches))
	for _, p := range i.open.batches {
		if k, ok := p.producer(); ok && hit[k] {
			taken = append(taken, p)
			i.open.bytes -= len(p.Bytes)
		} else {
			kept = append(kept, p)
		}
	}
	i.open.batches = kept
	return taken
}

// dropFailed takes the batches out of s that lie behind a failed upload.
func (i *Ingest) dropFailed(s *sealed) {
	i.mu.Lock()
	var dropped []*pending
	if len(i.failed) > 0 {
		batches, described := s.batches[:0:0], s.commit.Batches[:0:0]
		for n, p := range s.batches {
			if k, ok := p.producer(); ok && s.number <= i.failed[k] {
				dropped = append(dropped, p)
				continue
			}
			batches, described = append(batches, p), append(described, s.commit.Batches[n])
		}
		s.batches, s.commit.Batches = batches, described
	}
	i.mu.Unlock()
	i.settle(dropped, nil)
	i.foresight.settle(dropped, nil)
	for _, p := range dropped {
		p.answer(refused(base.RequestTimedOut))
	}
}

type counters struct {
	committed, failed, uploaded, uploadedBytes, uploadMicros, rode, rodeBytes, parked, tooLate, batches, records, bytes atomic.Int64
}

// Stats is what ingest has done since the agent started.
type Stats struct {
	Batches, Records, Bytes                                       int64 // acknowledged
	Segments, SegmentsFailed, UploadedBytes, UploadMicros, Parked int64
	Rode, RodeBytes                                               int64 // segments that ride, not counted as uploaded
	TooLate                                                       int64 // segments whose commit came when they may be taken for orphans
	ParkedNow                                                     int
	OpenBytes                                                     int
}

// Stats gives the counts at this moment.
func (i *Ingest) Stats() Stats {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := &i.counts
	return Stats{Batches: c.batches.Load(), Records: c.records.Load(), Bytes: c.bytes.Load(), Segments: c.uploaded.Load(), SegmentsFailed: c.failed.Load(), UploadedBytes: c.uploadedBytes.Load(),
		UploadMicros: c.uploadMicros.Load(), Rode: c.rode.Load(), RodeBytes: c.rodeBytes.Load(), Parked: c.parked.Load(), TooLate: c.tooLate.Load(), ParkedNow: i.parkedNo, OpenBytes: i.open.bytes}
}
