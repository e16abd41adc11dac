package rig

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/open"
)

// State says how large a state is written without an agent.
type State struct {
	Topics, Partitions    int // partitions of each topic
	Files, BatchesPerFile int // in the snapshot; the batches go round all partitions, and each is an extent
	TailEntries           int // after the snapshot, of tailCommits files each; one of them, which is always there, ends the writer
}

// Entries are this large.
const (
	commitsPerEntry = 100
	topicsPerEntry  = 100
	tailCommits     = 10
)

// Written says what was written.
type Written struct {
	Extents       int
	SnapshotParts int
	SnapshotBytes int64
	SnapshotTook  time.Duration // encoding, writing without fsync, reading nothing back
	// Of the snapshot that would follow one more entry of tailCommits files.
	NextBytes int64
	NextTook  time.Duration // encoding alone
}

// writer folds commands into a state and writes them into a journal, as an agent would.
type writer struct {
	ctx     context.Context
	shape   State
	journal *journal.Log
	state   *meta.State
	rules   meta.Rules
	self    base.Incarnation
	number  uint64
	file    uint64
}

// WriteState fills the bucket: a journal, a snapshot of the state after it, and a tail. No data files are written.
func WriteState(url string, shape State) (Written, error) {
	w, err := newWriter(url, shape)
	if err != nil {
		return Written{}, err
	}
	for int(w.file) < shape.Files {
		if err := w.append(w.commits(min(commitsPerEntry, shape.Files-int(w.file)))...); err != nil {
			return Written{}, err
		}
	}
	out := Written{Extents: shape.Files * shape.BatchesPerFile}
	if err := w.snapshot(&out); err != nil {
		return out, err
	}
	snapped := w.state
	for i := range shape.TailEntries - 1 {
		if err := w.append(w.commits(tailCommits)...); err != nil {
			return out, err
		}
		if i == 0 {
			w.next(&out, snapped)
		}
	}
	return out, w.append(&admin.Deregister{})
}

func newWriter(url string, shape State) (*writer, error) {
	e := env.Real()
	ctx := context.Background()
	store, err := open.Open(ctx, e, url+"?fsync=off")
	if err != nil {
		return nil, err
	}
	cluster, err := journal.OpenCluster(ctx, e, store)
	if err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, shape: shape, journal: journal.Open(e, store, cluster, journal.W), state: meta.New(), rules: meta.NewRules(nil, nil)}
	register := &admin.Register{Profile: admin.Profile{Kafka: "localhost:9092", Group: "default", Level: meta.FeatureLevel}}
	if err := w.append(register); err != nil {
		return nil, err
	}
	w.self = w.state.Admin.Agents()[0].Incarnation
	return w, w.createTopics()
}

func (w *writer) createTopics() error {
	var ops []meta.Op
	for i := range w.shape.Topics {
		ops = append(ops, &log.CreateTopic{Name: TopicName(i), ID: TopicID(i), Partitions: int32(w.shape.Partitions)})
		if len(ops) == topicsPerEntry || i == w.shape.Topics-1 {
			if err := w.append(ops...); err != nil {
				return err
			}
			ops = nil
		}
	}
	return nil
}

// TopicName is the name of a State's i-th topic.
func TopicName(i int) string { return fmt.Sprintf("state-%05d", i) }

// TopicID is its id.
func TopicID(i int) (id base.TopicID) {
	binary.BigEndian.PutUint32(id[:], uint32(i+1))
	return id
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
		if err := Decide(w.state, c, w.rules, &p); err != nil {
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

// Decide decides c, applies its outcome and adds it to p. A refusal is an error.
func Decide(s *meta.State, c meta.Command, rules meta.Rules, p *meta.Payload) error {
	o, isNew := meta.Decide(s, c, s.Time, rules)
	if k := o.Verdict.Kind(); !isNew || k != base.OK {
		return fmt.Errorf("command %d was refused: %v %s", c.Number, k, o.Verdict.Text())
	}
	p.Add(o)
	return s.Apply(&o)
}

// commits gives n commits of files that fill the partitions in turn.
func (w *writer) commits(n int) []meta.Op {
	all := w.shape.Topics * w.shape.Partitions
	ops := make([]meta.Op, n)
	for i := range ops {
		first := int(w.file) * w.shape.BatchesPerFile
		commit := CommitOf(base.TopicID{}, w.file, w.state.Time, w.shape.BatchesPerFile, func(k int) (int32, int64, int32) { return 0, -1, 0 })
		for k := range commit.Batches {
			place := (first + k) % all
			commit.Batches[k].Topic, commit.Batches[k].Partition = TopicID(place/w.shape.Partitions), int32(place%w.shape.Partitions)
		}
		ops[i] = commit
		w.file++
	}
	return ops
}

// CommitOf gives the commit of a file with a batch of 5 records for each of n partitions; of tells partition, producer
// (-1: none) and sequence of the k-th.
func CommitOf(topic base.TopicID, file uint64, at base.Millis, n int, of func(k int) (int32, int64, int32)) *log.CommitSegment {
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

// snapshot writes the snapshot of the state, and measures it.
func (w *writer) snapshot(out *Written) error {
	slot, chain := w.journal.Position()
	point := journal.Point{Slot: slot, Chain: chain, Time: w.state.Time, Digest: w.state.Digest()}
	began := time.Now()
	m, err := w.journal.Snapshots().Write(w.ctx, point, nil, bodies(w.state, &out.SnapshotBytes))
	out.SnapshotTook, out.SnapshotParts = time.Since(began), len(m.Parts)
	return err
}

// next measures what of a snapshot the entries since an earlier one change.
func (w *writer) next(out *Written, since *meta.State) {
	began := time.Now()
	for _, p := range w.state.Parts(since) {
		if p.Changed {
			out.NextBytes += int64(len(p.Encode()))
		}
	}
	out.NextTook = time.Since(began)
}

func bodies(s *meta.State, size *int64) iter.Seq[journal.PartSource] {
	return func(yield func(journal.PartSource) bool) {
		for _, p := range s.Parts(nil) {
			body := p.Encode()
			*size += int64(len(body))
			if !yield(journal.PartSource{Key: p.Key, Body: body}) {
				return
			}
		}
	}
}
