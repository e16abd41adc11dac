package merge

import (
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/jobs"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

const (
	// every is how often small extents are looked for, give or take a half. A look goes through all that may be small.
	every = 5 * time.Second
	// takesMax bounds the reading and writing of one file.
	takesMax = time.Minute
	// FilesAtOnce bounds the files under way: with a bucket far away that is some 170 MB/s.
	FilesAtOnce = 4
	// skipFor is how long a partition is passed over that could not be read: the View may be behind, or its bytes are damaged.
	skipFor = time.Minute
)

// Job merges extents, for as long as the agent runs.
type Job struct {
	env     env.Env
	journal jobs.Journal
	store   objstore.Store
	pace    Pace
	atOnce  int // files
	log     *slog.Logger
	stop    *env.Stopper
	mu      sync.Mutex
	skipped map[base.PartitionKey]time.Time // until when
	offers  *jobs.Offers
	nothing idle
}

// idle says that nothing is due before a time as long as the View is that of a slot.
type idle struct {
	slot  base.Slot
	until base.Millis
}

// Stats counts merged files.
func (j *Job) Stats() jobs.OfferStats { return j.offers.Stats() }

// New makes the job, which may take about so many bytes of memory, or that of one file. A zero pace is DefaultPace.
func New(e env.Env, journal jobs.Journal, store objstore.Store, pace Pace, memoryBytes int64, log *slog.Logger) *Job {
	if pace == (Pace{}) {
		pace = DefaultPace
	}
	atOnce := int(min(FilesAtOnce, max(1, memoryBytes/(2*pace.File)))) // as it was read, and in one piece for the bucket
	if store.Info().OneDisk {
		atOnce = 1 // more at a time are not faster
	}
	stop := env.NewStopper(e)
	return &Job{env: e, journal: journal, store: store, pace: pace, atOnce: atOnce, log: log, stop: stop, skipped: map[base.PartitionKey]time.Time{},
		offers: jobs.NewOffers(e, journal, store, stop, log)}
}

// Start has it run.
func (j *Job) Start() { j.stop.Go("merge", j.run) }

// Stop ends the job by deadline.
func (j *Job) Stop(deadline time.Time) {
	j.stop.Stop()
	j.stop.Wait(deadline)
}

func (j *Job) run() {
	for j.stop.Sleep(every/2 + time.Duration(j.env.Uint64()%uint64(every))) {
		if !j.offers.Settle() {
			continue
		}
		v, now := j.journal.View(), j.journal.Now()
		if v.Slot == j.nothing.slot && now < j.nothing.until {
			continue
		}
		j.forgive()
		mine := jobs.Share(v, j.journal.Self(), now)
		files, next := Plan(v, now, j.pace, func(k base.PartitionKey) bool { return !mine(blockOf(k)) || j.skips(k) })
		j.nothing = idle{v.Slot, next}
		if len(j.skipped) > 0 {
			j.nothing = idle{} // of these nothing was asked
		}
		j.mergeAll(v, files)
	}
}

// mergeAll makes the planned files, some at a time, until one cannot be made.
func (j *Job) mergeAll(v meta.View, files [][]Stretch) {
	group, failed := env.NewGroup(j.env), atomic.Bool{}
	for n := range min(j.atOnce, len(files)) {
		group.Go("merge file", func() {
			for i := n; i < len(files) && !failed.Load() && !j.stop.Stopped(); i += j.atOnce {
				if err := j.merge(v, files[i]); err != nil && !j.stop.Stopped() {
					failed.Store(true)
					j.log.Warn("small extents were not merged", "partitions", len(files[i]), "error", err)
				}
			}
		})
	}
	group.Wait(time.Time{}) // each file has its time
}

// forgive lets partitions be tried again that were passed over long enough.
func (j *Job) forgive() {
	now := j.env.Now()
	maps.DeleteFunc(j.skipped, func(_ base.PartitionKey, until time.Time) bool { return !now.Before(until) })
}

// skips reports whether a partition is passed over.
func (j *Job) skips(k base.PartitionKey) bool {
	_, ok := j.skipped[k]
	return ok
}

// merge makes one file. A stretch that cannot be read is left out.
func (j *Job) merge(v meta.View, stretches []Stretch) error {
	ctx, cancel := j.env.WithTimeout(j.stop.Context(), takesMax)
	defer cancel()
	pieces := make([][]piece, len(stretches))
	var all []*piece
	for i := range stretches {
		pieces[i] = piecesOf(v.Log, &stretches[i])
		for n := range pieces[i] {
			all = append(all, &pieces[i][n])
		}
	}
	if err := readAll(ctx, j.env, j.store, all); err != nil {
		return err
	}
	ref := j.offers.Name(all[0].at.File.Store)
	f := file{builder: segment.NewBuilder(ref.Store)}
	for i := range stretches {
		j.add(&f, v, &stretches[i], pieces[i])
	}
	if len(f.stretches) == 0 {
		return nil
	}
	return j.offers.Make(ctx, ref, f.builder.Pieces(), func(modified base.Millis) log.Command {
		return &log.MergeExtents{File: ref, SizeBytes: int64(f.builder.SizeBytes()), LastModified: modified, Stretches: f.rows()}
	})
}

func (j *Job) add(f *file, v meta.View, s *Stretch, pieces []piece) {
	p, ok := v.Log.Partition(s.Key)
	if !ok {
		return
	}
	if err := f.add(s, p.Epoch, pieces); err != nil {
		j.passOver(s.Key)
		j.log.Warn("extents of a partition cannot be read: they are not merged, if they still are there", "partition", s.Key, "offset", s.Base, "error", err)
	}
}

func (j *Job) passOver(k base.PartitionKey) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.skipped[k] = j.env.Now().Add(skipFor)
}
