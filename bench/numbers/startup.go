package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

func (b *bench) startup() error {
	var took []time.Duration
	for range b.runs {
		bucket, dir, err := b.fileBucket()
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
	bucket, dir, err := b.fileBucket()
	if err != nil {
		return err
	}
	shape, err := makeLarge(bucket)
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
	b.addStart("1,000,000 extents", took, 5000, shape)
	return os.RemoveAll(dir)
}

func (b *bench) timeStart(bucket string) (time.Duration, error) {
	a, took, err := b.start(bucket)
	if err != nil {
		return 0, err
	}
	a.kill()
	return took, nil
}

func (b *bench) addStart(on string, took []time.Duration, goalMs float64, note string) {
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Milliseconds()) }
	spread := fmt.Sprintf("median of %d, %.0f to %.0f ms", len(took), ms(took[0]), ms(took[len(took)-1]))
	if note != "" {
		spread += "; " + note
	}
	b.report.add(row{Section: "startup", What: "start to ready, " + on, Value: ms(took[len(took)/2]), Unit: "ms", Most: goalMs, Note: spread})
}
