//go:build plant

package sim

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
)

// seamPlants sit where the product meets the bucket, or one room the other: the product has no switch for them. Those in the
// journal are for agents up to ingest only, as whole agents have no seam within.
var seamPlants = []Plant{
	{Name: "a batch is acknowledged before its segment is in the bucket", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.put = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			s.inBackground(func() { _, _ = s.Store.Put(context.Background(), key, body) })
			return objstore.Meta{}, nil
		}
	})}, Finds: []string{CheckLostWrite}},
	{Name: "a batch is acknowledged before its entry is in the bucket", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.create = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			if !strings.HasPrefix(key, "journal/") {
				return s.Store.PutIfAbsent(ctx, key, body)
			}
			m, err := s.Store.Head(ctx, "cluster.json")
			if err == nil {
				s.inBackground(func() { _, _ = s.Store.PutIfAbsent(context.Background(), key, body) })
			}
			return objstore.Meta{Date: m.Date}, err
		}
	})}, Finds: forked},
	{Name: "a 412 is ignored", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.create = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			m, err := s.Store.PutIfAbsent(ctx, key, body)
			if objstore.Is(err, objstore.Exists) && strings.HasPrefix(key, "journal/") {
				return s.Store.Head(ctx, key)
			}
			return m, err
		}
	})}, Finds: forked},
	{Name: "the entry is overwritten where it should be created", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.create = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			if strings.HasPrefix(key, "journal/") {
				return s.Store.Put(ctx, key, body)
			}
			return s.Store.PutIfAbsent(ctx, key, body)
		}
	})}, Finds: forked},
	{Name: "an ambiguous create is taken for a success", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.create = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			m, err := s.Store.PutIfAbsent(ctx, key, body)
			if objstore.Is(err, objstore.Ambiguous) && strings.HasPrefix(key, "journal/") {
				return s.Store.Head(ctx, "cluster.json")
			}
			return m, err
		}
	})}, Finds: forked},
	{Name: "a barrier answers from the view at hand", Seams: Seams{Journal: journalOf(func(j *brokenJournal) {
		j.barrier = func(time.Time) (meta.View, error) { return j.View(), nil }
	})}, Finds: []string{CheckStaleBarrier, CheckLostCommit}},
	{Name: "sequence numbers are forgotten", Seams: Seams{Journal: journalOf(func(j *brokenJournal) {
		j.propose = func(op meta.Op) *env.Future[*meta.Verdict] {
			if c, ok := op.(*log.CommitSegment); ok {
				d := *c
				d.Batches = slices.Clone(c.Batches)
				for i := range d.Batches {
					d.Batches[i].ProducerID, d.Batches[i].Epoch, d.Batches[i].BaseSequence = batch.NoProducerID, 0, 0
				}
				op = &d
			}
			return j.Journal.Propose(op)
		}
	})}, Finds: []string{CheckDuplicate, CheckNonmonotonicSend, CheckInconsistentOffsets}},
	{Name: "an unknown outcome is answered as if it were done", Seams: Seams{Journal: journalOf(func(j *brokenJournal) {
		j.propose = func(op meta.Op) *env.Future[*meta.Verdict] {
			c, ok := op.(*log.CommitSegment)
			if !ok {
				return j.Journal.Propose(op)
			}
			guess, answer := guessed(j.View(), c), env.NewFuture[*meta.Verdict](j.p)
			j.p.Go("impatient", func() {
				v, err := j.Journal.Propose(op).Wait(j.p.Now().Add(2 * time.Second))
				if err != nil {
					v = guess
				}
				answer.Set(v, nil)
			})
			return answer
		}
	})}, Finds: []string{CheckLostWrite, CheckInconsistentOffsets}},
	{Name: "a segment is committed under another's name", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.put = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			if s.last == nil || s.p.Uint64()%20 != 0 {
				s.last = bytes.Clone(body)
			}
			return s.Store.Put(ctx, key, s.last)
		}
	})}, Finds: []string{CheckLostWrite, CheckDuplicate, CheckInconsistentOffsets}},
	{Name: "a data file is deleted while the log refers to it", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.put = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			m, err := s.Store.Put(ctx, key, body)
			if err == nil && s.p.Uint64()%20 == 0 {
				s.inBackground(func() {
					s.p.Sleep(10 * time.Second)
					_ = s.Store.Delete(context.Background(), key)
				})
			}
			return m, err
		}
	})}, Finds: []string{CheckLostWrite, CheckFsck}},
	{Name: "a read is answered from a cache that knows no writes", Seams: Seams{Store: storeOf(func(s *brokenStore) {
		s.get = func(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
			if !strings.HasPrefix(key, "journal/") || s.p.Uint64()%10 != 0 {
				return s.Store.GetRange(ctx, key, off, n)
			}
			m, err := s.Store.Head(ctx, "cluster.json")
			if err == nil {
				err = &objstore.Error{Kind: objstore.NotFound, Op: "get", Key: key, Date: m.Date, Cause: context.Canceled}
			}
			return objstore.Object{}, err
		}
	})}, Finds: forked},
}

// brokenStore is a bucket with some operations replaced.
type brokenStore struct {
	objstore.Store
	p      *sim.Proc
	put    func(ctx context.Context, key string, body []byte) (objstore.Meta, error)
	create func(ctx context.Context, key string, body []byte) (objstore.Meta, error)
	get    func(ctx context.Context, key string, off, n int64) (objstore.Object, error)
	last   []byte
}

func storeOf(spoil func(*brokenStore)) func(*sim.Proc, objstore.Store) objstore.Store {
	return func(p *sim.Proc, s objstore.Store) objstore.Store {
		b := &brokenStore{Store: s, p: p, create: s.PutIfAbsent, get: s.GetRange}
		b.put = func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
			return s.Put(ctx, key, body)
		}
		spoil(b)
		return b
	}
}

// inBackground does what should have been waited for; it dies with the process.
func (s *brokenStore) inBackground(f func()) {
	s.p.Go("too late", func() {
		s.p.Sleep(500 * time.Millisecond)
		f()
	})
}

func (s *brokenStore) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	return s.put(ctx, key, slices.Concat(body...))
}

func (s *brokenStore) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return s.create(ctx, key, body)
}

func (s *brokenStore) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	return s.get(ctx, key, off, n)
}

// brokenJournal is control as ingest and the clients see it, with some methods replaced.
type brokenJournal struct {
	ingest.Journal
	p       *sim.Proc
	propose func(meta.Op) *env.Future[*meta.Verdict]
	barrier func(time.Time) (meta.View, error)
}

func journalOf(spoil func(*brokenJournal)) func(*sim.Proc, ingest.Journal) ingest.Journal {
	return func(p *sim.Proc, j ingest.Journal) ingest.Journal {
		b := &brokenJournal{Journal: j, p: p, propose: j.Propose, barrier: j.Barrier}
		spoil(b)
		return b
	}
}

func (j *brokenJournal) Propose(op meta.Op) *env.Future[*meta.Verdict] { return j.propose(op) }

func (j *brokenJournal) Barrier(deadline time.Time) (meta.View, error) { return j.barrier(deadline) }

// guessed gives the verdict on a commit as it would be, were nothing else under way.
func guessed(v meta.View, c *log.CommitSegment) *meta.Verdict {
	r := &log.Reply{Batches: make([]log.BatchReply, len(c.Batches))}
	for i, b := range c.Batches {
		_, p, ok := v.Log.PartitionOf(b.Topic, b.Partition)
		if ok {
			r.Batches[i] = log.BatchReply{Base: p.End, Start: p.Start}
		}
	}
	return &meta.Verdict{Log: r}
}
