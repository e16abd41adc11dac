package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/open"
)

// The large state: partitions × extents, in files of so many batches.
const (
	largePartitions   = 1000
	largeFiles        = 10_000
	batchesPerFile    = 100
	commitsPerEntry   = 100
	largeTailEntries  = 100
	largeTailCommits  = 10
	largeExtentsTotal = largeFiles * batchesPerFile
)

// writer folds commands into a state and writes them into a journal, as an agent would.
type writer struct {
	ctx     context.Context
	journal *journal.Log
	state   *meta.State
	rules   meta.Rules
	topic   base.TopicID
	self    base.Incarnation
	number  uint64
	file    uint64
}

// makeLarge fills the bucket: a journal, a snapshot of the state after it, and a short tail.
func makeLarge(url string) (shape string, err error) {
	e := env.Real()
	ctx := context.Background()
	store, err := open.Open(ctx, e, url+"?fsync=off")
	if err != nil {
		return "", err
	}
	w, err := newWriter(ctx, e, store)
	if err != nil {
		return "", err
	}
	for range largeFiles / commitsPerEntry {
		if err := w.append(w.commits(commitsPerEntry)...); err != nil {
			return "", err
		}
	}
	parts, err := w.snapshot()
	if err != nil {
		return "", err
	}
	for range largeTailEntries - 1 {
		if err := w.append(w.commits(largeTailCommits)...); err != nil {
			return "", err
		}
	}
	if err := w.append(&admin.Deregister{}); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d partitions, %d files, %d snapshot parts, tail of %d entries", largePartitions, largeFiles, parts, largeTailEntries), nil
}

func newWriter(ctx context.Context, e env.Env, store objstore.Store) (*writer, error) {
	cluster, err := journal.OpenCluster(ctx, e, store)
	if err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, journal: journal.Open(e, store, cluster, journal.W), state: meta.New(), rules: meta.NewRules(nil, nil), topic: base.TopicID{1}}
	register := &admin.Register{Profile: admin.Profile{Kafka: "localhost:9092", Group: "default", Level: meta.FeatureLevel}}
	if err := w.append(register); err != nil {
		return nil, err
	}
	w.self = w.state.Admin.Agents()[0].Incarnation
	return w, w.append(&log.CreateTopic{Name: "large", ID: w.topic, Partitions: largePartitions})
}

// append decides ops and writes them as one entry.
func (w *writer) append(ops ...meta.Op) error {
	slot, _ := w.journal.Position()
	now, _ := w.journal.Now()
	before := journal.Draft{DigestSlot: w.state.Slot, Digest: w.state.Digest(), Writer: w.self, Level: meta.FeatureLevel}
	w.state = w.state.Fork()
	w.state.Begin(slot+1, now)
	var p meta.Payload
	for _, op := range ops {
		c := meta.Command{Op: op}
		if w.self != 0 {
			c.From, c.Number, c.Watermark = w.self, w.number+1, w.number
			w.number++
		}
		if err := decide(w.state, c, w.rules, &p); err != nil {
			return err
		}
	}
	before.Time, before.Payload = w.state.Time, p.Bytes()
	_, status, err := w.journal.Append(w.ctx, before)
	if err == nil && status != journal.Won {
		err = fmt.Errorf("slot %d: %v", slot+1, status)
	}
	return err
}

// decide decides c, applies its outcome and adds it to p. A refusal is an error.
func decide(s *meta.State, c meta.Command, rules meta.Rules, p *meta.Payload) error {
	o, isNew := meta.Decide(s, c, s.Time, rules)
	if k := o.Verdict.Kind(); !isNew || k != base.OK {
		return fmt.Errorf("command %d was refused: %v %s", c.Number, k, o.Verdict.Text())
	}
	p.Add(o)
	return s.Apply(&o)
}

// commits gives n commits of files that fill the partitions in turn.
func (w *writer) commits(n int) []meta.Op {
	ops := make([]meta.Op, n)
	for i := range ops {
		first := int(w.file) * batchesPerFile % largePartitions
		ops[i] = commitOf(w.topic, w.file, w.state.Time, batchesPerFile, func(k int) (int32, int64, int32) { return int32(first + k), -1, 0 })
		w.file++
	}
	return ops
}

// commitOf gives the commit of a file with a batch of 5 records for each of n partitions; of tells partition, producer
// (-1: none) and sequence of the k-th.
func commitOf(topic base.TopicID, file uint64, at base.Millis, n int, of func(k int) (int32, int64, int32)) *log.CommitSegment {
	var id base.ULID
	binary.BigEndian.PutUint64(id[8:], (file+1)*0x9E3779B97F4A7C15)
	c := &log.CommitSegment{File: base.FileRef{ID: id}, SizeBytes: int64(n) * 1000, LastModified: at, Batches: make([]log.Batch, n)}
	for k := range c.Batches {
		partition, producer, sequence := of(k)
		c.Batches[k] = log.Batch{Topic: topic, Partition: partition, Pos: uint32(k) * 1000, Len: 1000, Count: 5,
			MaxTimestamp: int64(at), ProducerID: producer, BaseSequence: sequence}
	}
	return c
}

// snapshot writes the snapshot of the state, and counts its parts.
func (w *writer) snapshot() (int, error) {
	slot, chain := w.journal.Position()
	point := journal.Point{Slot: slot, Chain: chain, Time: w.state.Time, Digest: w.state.Digest()}
	m, err := w.journal.Snapshots().Write(w.ctx, point, nil, bodies(w.state))
	return len(m.Parts), err
}

func bodies(s *meta.State) iter.Seq[journal.PartSource] {
	return func(yield func(journal.PartSource) bool) {
		for _, p := range s.Parts(nil) {
			if !yield(journal.PartSource{Key: p.Key, Body: p.Encode()}) {
				return
			}
		}
	}
}
