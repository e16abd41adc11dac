package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/millrace-io/millrace/bench/rig"
)

// large is the state that a start is measured on.
var large = rig.State{Topics: 1, Partitions: 1000, Files: 10_000, BatchesPerFile: 100, TailEntries: 100}

func (b *bench) startup() error {
	var took []time.Duration
	for range b.runs {
		bucket, dir, err := b.rig.FileBucket()
		if err != nil {
			return err
		}
		t, err := b.timeStart(bucket)
		if err != nil {
			return err
		}
		took = append(took, t)
		_ = os.RemoveAll(dir)
	}
	b.addStart("empty file bucket", took, 300, "")
	bucket, dir, err := b.rig.FileBucket()
	if err != nil {
		return err
	}
	written, err := rig.WriteState(bucket, large)
	if err != nil {
		return fmt.Errorf("making a large state: %w", err)
	}
	took = nil
	for range b.runs {
		t, err := b.timeStart(bucket)
		if err != nil {
			return err
		}
		took = append(took, t)
	}
	b.addStart("1,000,000 extents", took, 5000, fmt.Sprintf("%d partitions, %d files, %d snapshot parts, tail of %d entries",
		large.Partitions, large.Files, written.SnapshotParts, large.TailEntries))
	return os.RemoveAll(dir)
}

func (b *bench) timeStart(bucket string) (time.Duration, error) {
	a, took, err := b.rig.Start(bucket)
	if err != nil {
		return 0, err
	}
	a.Kill()
	return took, nil
}

func (b *bench) addStart(on string, took []time.Duration, goalMs float64, note string) {
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Milliseconds()) }
	spread := fmt.Sprintf("median of %d, %.0f to %.0f ms", len(took), ms(took[0]), ms(took[len(took)-1]))
	if note != "" {
		spread += "; " + note
	}
	b.report.Add(rig.Row{Section: "startup", What: "start to ready, " + on, Value: ms(took[len(took)/2]), Unit: "ms", Most: goalMs, Note: spread})
}
