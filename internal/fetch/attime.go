package fetch

import (
	"bytes"
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
		err := s.batches(x, from, func(b batch.Batch, offset int64) (stop bool, err error) {
			if b.MaxTimestamp() < t {
				return false, nil
			}
			found, ok, err = batch.FindByTimestamp(rebased(b, offset), t, s.p.Start)
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
	err = s.batches(x, max(x.Base, s.p.Start), func(b batch.Batch, offset int64) (bool, error) {
		if ok && b.MaxTimestamp() <= best.Timestamp {
			return false, nil
		}
		here, any, err := s.highestIn(rebased(b, offset))
		if any && (!ok || here.Timestamp > best.Timestamp) {
			best, ok = here, true
		}
		return ok && best.Timestamp == x.MaxTimestamp, err
	})
	return best, ok, err
}

// highestIn looks into one batch. The log may begin in the middle of it.
func (s *search) highestIn(b batch.Batch) (best batch.Found, ok bool, err error) {
	if b.BaseOffset() >= s.p.Start {
		return batch.MaxTimestampRecord(b)
	}
	it, err := batch.Iterate(b, batch.MaxBlockBytes)
	if err != nil {
		return best, false, err
	}
	for it.Next() {
		if it.Offset() >= s.p.Start && (!ok || it.Timestamp() > best.Timestamp) {
			best, ok = batch.Found{Offset: it.Offset(), Timestamp: it.Timestamp()}, true
		}
	}
	return best, ok, it.Err()
}

// rebased gives a copy of a batch that bears its offset: the bytes in the cache are shared.
func rebased(b batch.Batch, offset int64) batch.Batch {
	b = bytes.Clone(b)
	b.Rebase(offset, b.LeaderEpoch())
	return b
}

// batches calls f for the batches of x from the one that holds offset from on, each with its offset, until f has it
// stop.
func (s *search) batches(x log.Extent, from int64, f func(b batch.Batch, offset int64) (stop bool, err error)) error {
	r := reading{f: s.f, view: s.v, until: s.deadline}
	read := r.read(x, max(from, x.Base), timeReadBytes)
	for read.Offset < x.End() {
		v, run, err := s.f.cache.Next(read, true, s.deadline)
		if err != nil {
			return err
		}
		stop, err := eachOf(&v, &run, f)
		v.Release()
		if stop || err != nil {
			return err
		}
		read.Offset = run.End()
	}
	return nil
}

func eachOf(v *cache.View, run *cache.Run, f func(batch.Batch, int64) (bool, error)) (stop bool, err error) {
	for i := 0; i < run.Len() && !stop && err == nil; i++ {
		offset, pos, size := run.At(i)
		var b []byte
		if b, err = v.Bytes(pos, size); err == nil {
			stop, err = f(batch.Batch(b), offset)
		}
	}
	return stop, err
}
