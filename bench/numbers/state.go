package main

import (
	"fmt"
	"runtime"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// world is a state of topics and files, made by deciding and applying commands.
type world struct {
	s     *log.State
	topic base.TopicID
	now   base.Millis
	file  uint64
}

func newWorld(partitions int32) (*world, error) {
	w := &world{s: log.New(), topic: base.TopicID{1}, now: 1_700_000_000_000}
	return w, w.do(&log.CreateTopic{Name: "t", ID: w.topic, Partitions: partitions})
}

func (w *world) do(c log.Command) error {
	events, reply := log.Decide(w.s, c, w.now, config.Broker{})
	if reply.Kind != base.OK {
		return fmt.Errorf("refused: %v %s", reply.Kind, reply.Text)
	}
	for i := range reply.Batches {
		if k := reply.Batches[i].Kind; k != base.OK {
			return fmt.Errorf("batch %d refused: %v", i, k)
		}
	}
	for _, e := range events {
		if err := w.s.Apply(e); err != nil {
			return err
		}
	}
	return nil
}

// segment commits a file with a batch for each of n partitions from first on, in an entry of its own.
func (w *world) segment(first, n int, producer int64, round int) error {
	w.s = w.s.Fork()
	w.file++
	return w.do(rig.CommitOf(w.topic, w.file, w.now, n, func(k int) (int32, int64, int32) { return int32(first + k), producer, int32(5 * round) }))
}

// trim deletes all records of n partitions, so that only what outlives them is left.
func (w *world) trim(n int) error {
	for i := range n {
		if err := w.do(&log.DeleteRecords{ID: w.topic, Index: int32(i), Offset: -1}); err != nil {
			return err
		}
	}
	return nil
}

func heapBytes() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func (b *bench) state() error {
	for _, f := range []func() error{b.extents, b.manyExtents, b.producers, b.files} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) extents() error {
	const partitions, each, step = 100_000, 50, 5000
	before := heapBytes()
	w, err := newWorld(partitions)
	if err != nil {
		return err
	}
	for range each {
		for first := 0; first < partitions; first += step {
			if err := w.segment(first, step, -1, 0); err != nil {
				return err
			}
		}
	}
	whole := heapBytes() - before
	b.report.Add(rig.Row{Section: "state", What: "100,000 partitions × 50 extents, all of it", Value: whole / 1e6, Unit: "MB", Most: 240})
	b.report.Add(rig.Row{Section: "state", What: "one extent, with its share of all around it", Value: whole / (partitions * each), Unit: "B", Most: 48})
	runtime.KeepAlive(w)
	return nil
}

// manyExtents is what an extent takes where a partition has many: nearly all of them are packed.
func (b *bench) manyExtents() error {
	const partitions, each = 1000, 2000
	before := heapBytes()
	w, err := newWorld(partitions)
	if err != nil {
		return err
	}
	for range each {
		w.now += 80
		if err := w.segment(0, partitions, -1, 0); err != nil {
			return err
		}
	}
	b.report.Add(rig.Row{Section: "state", What: "one extent where there are many, with its share of all around it", Value: (heapBytes() - before) / (partitions * each), Unit: "B", Most: 20,
		Note: "2,000 extents in each of 1,000 partitions, a segment of all of them every 80 ms"})
	runtime.KeepAlive(w)
	return nil
}

func (b *bench) producers() error {
	const partitions, each, rounds = 2000, 10, 10 // rounds fill the window of ten batches
	w, err := newWorld(partitions)
	if err != nil {
		return err
	}
	empty := heapBytes()
	for producer := range each {
		for round := range rounds {
			if err := w.segment(0, partitions, int64(producer), round); err != nil {
				return err
			}
		}
	}
	if err := w.trim(partitions); err != nil {
		return err
	}
	b.report.Add(rig.Row{Section: "state", What: "one producer of one partition", Value: (heapBytes() - empty) / (partitions * each), Unit: "B", Most: 120,
		Note: "10 producers in each of 2,000 partitions, windows full"})
	runtime.KeepAlive(w)
	return nil
}

func (b *bench) files() error {
	const files = 200_000
	w, err := newWorld(1)
	if err != nil {
		return err
	}
	empty := heapBytes()
	for range files {
		if err := w.segment(0, 1, -1, 0); err != nil {
			return err
		}
	}
	if err := w.trim(1); err != nil {
		return err
	}
	b.report.Add(rig.Row{Section: "state", What: "one file", Value: (heapBytes() - empty) / files, Unit: "B", Most: 200, Note: "200,000 files of one batch"})
	runtime.KeepAlive(w)
	return nil
}
