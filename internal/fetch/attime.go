package fetch

import (
	"errors"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// timeReadBytes are read at once where a record is looked for by its time.
const timeReadBytes = 1 << 20

// AtTime gives the first record, in offset order, whose timestamp is at least timestamp (milliseconds), or, with max,
// the first that bears the partition's highest (KIP-734). Offset and timestamp are -1 if there is none.
func (f *Fetch) AtTime(v meta.View, topic base.TopicID, partition int32, timestamp int64, max bool, deadline time.Time) (offset, at int64, err error) {
	offset, at, err = f.atTime(v, topic, partition, timestamp, max, deadline)
	if f.alarm.mayHaveMoved(err) {
		if v, err = f.journal.Barrier(deadline); err != nil {
			return -1, -1, err
		}
		offset, at, err = f.atTime(v, topic, partition, timestamp, max, deadline)
	}
	if _, ok := errors.AsType[*cache.FileError](err); ok {
		f.alarm.raise(err, "topic", nameOf(v, topic), "partition", partition, "timestamp", timestamp)
	}
	return offset, at, err
}

func (f *Fetch) atTime(v meta.View, topic base.TopicID, partition int32, timestamp int64, max bool, deadline time.Time) (offset, at int64, err error) {
	_, p, ok := v.Log.PartitionOf(topic, partition)
	if !ok {
		return -1, -1, base.Errorf(base.UnknownTopicOrPartition, "there is no partition %d of topic %s", partition, topic)
	}
	s := search{f: f, v: v, p: p, deadline: deadline}
	var found batch.Found
	if max {
		found, ok, err = s.highest()
	} else {
		found, ok, err = s.first(timestamp)
	}
	if err != nil || !ok {
		return -1, -1, err
	}
	return found.Offset, found.Timestamp, nil
}

// search looks for a record by its time.
type search struct {
	f        *Fetch
	v        meta.View
	p        *log.Partition
	deadline time.Time
}

// first gives the first record that reaches t.
func (s *search) first(t int64) (batch.Found, bool, error) {
	for from := s.p.Start; ; {
		x, ok := s.p.Extents.AtTime(t, from)
		if !ok {
			return batch.Found{}, false, nil
		}
		var found batch.Found
		ok = false
		reaches := func(header batch.Batch) bool { return header.MaxTimestamp() >= t }
		err := s.batches(x, from, reaches, func(b batch.Batch) (stop bool, err error) {
			found, ok, err = batch.FindByTimestamp(b, t, s.p.Start)
			return ok, err
		})
		if err != nil || ok {
			return found, ok, err
		}
		from = x.End() // what the extent's timestamp is about lies below the log start
	}
}

// highest gives the first record with the highest timestamp of all.
func (s *search) highest() (best batch.Found, ok bool, err error) {
	x, ok := s.p.Extents.MaxTimestamp()
	if !ok {
		return best, false, nil
	}
	best, ok, err = s.highestOf(x)
	if err != nil || ok && best.Timestamp == x.MaxTimestamp {
		return best, ok, err
	}
	// The record lies below the log start: look at all extents that may hold a higher one than was found.
	ok = false
	s.p.Extents.From(s.p.Start, func(x log.Extent) bool {
		if ok && x.MaxTimestamp <= best.Timestamp {
			return true
		}
		var here batch.Found
		var any bool
		if here, any, err = s.highestOf(x); any && (!ok || here.Timestamp > best.Timestamp) {
			best, ok = here, true
		}
		return err == nil
	})
	return best, ok, err
}

// highestOf gives the first record with the highest timestamp of those in x that are in the log.
func (s *search) highestOf(x log.Extent) (best batch.Found, ok bool, err error) {
	exceeds := func(header batch.Batch) bool { return !ok || header.MaxTimestamp() > best.Timestamp }
	err = s.batches(x, max(x.Base, s.p.Start), exceeds, func(b batch.Batch) (bool, error) {
		here, any, err := batch.MaxTimestampFrom(b, s.p.Start)
		if any && (!ok || here.Timestamp > best.Timestamp) {
			best, ok = here, true
		}
		return ok && best.Timestamp == x.MaxTimestamp, err
	})
	return best, ok, err
}

// batches calls f for the batches of x that may hold what is looked for by their header, from the one that holds offset from on,
// until f has it stop. f gets a copy, which bears its offsets: the bytes in the cache are shared.
//
// Memory for the copies is reserved before anything is held, as for an answer: the less is free, the smaller a share of that, so that a
// search does not keep answers waiting. A batch that is larger is read all the same, one at a time.
func (s *search) batches(x log.Extent, from int64, may func(header batch.Batch) bool, f func(batch.Batch) (stop bool, err error)) error {
	if m := s.f.config.Memory; m != nil {
		n := shareOf(m, int64(x.Len))
		if err := m.Acquire(n, s.deadline); err != nil {
			return err
		}
		defer m.Release(n)
	}
	r := reading{f: s.f, view: s.v, until: s.deadline}
	read := r.read(x, max(from, x.Base), timeReadBytes)
	for read.Offset < x.End() {
		v, run, err := s.f.cache.Next(read, true, s.deadline)
		if err != nil {
			return err
		}
		stop, err := eachOf(&v, &run, may, f)
		v.Release()
		if stop || err != nil {
			return err
		}
		read.Offset = run.End()
	}
	return nil
}

func eachOf(v *cache.View, run *cache.Run, may func(batch.Batch) bool, f func(batch.Batch) (bool, error)) (stop bool, err error) {
	for i := range run.Len() {
		offset, pos, size := run.At(i)
		header, err := v.Bytes(pos, batch.HeaderSize)
		if err != nil {
			return false, err
		}
		if !may(header) {
			continue
		}
		b := make(batch.Batch, size)
		if err := v.Fill(b, pos); err != nil {
			return false, err
		}
		b.Rebase(offset, b.LeaderEpoch())
		if stop, err = f(b); stop || err != nil {
			return stop, err
		}
	}
	return false, nil
}
