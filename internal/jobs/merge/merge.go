package merge

import (
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
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
	// A stretch that could not be read is passed over for skipLeast: the View may have been behind, or the bucket does not answer. If its bytes
	// are gone or damaged it is passed over for twice as long each time, up to skipMost.
	skipLeast, skipMost = time.Minute, time.Hour
	// restFor is how long nothing is tried after a file that could not be made: the bucket does not answer, or is full.
	restFor = 30 * time.Second
)

// Job merges extents, for as long as the agent runs.
type Job struct {
	env     env.Env
	journal jobs.Journal
	store   objstore.Store
	pace    Pace
	atOnce  int   // files
	heldMax int64 // bytes of reads until their file is written; those of one stretch may be more
	log     *slog.Logger
	stop    *env.Stopper
	offers  *jobs.Offers
	nothing idle
	below   base.PartitionKey // see ask

	mu      sync.Mutex
	skipped map[place]skip
}

// skip says until when a stretch is passed over, and for how long it was.
type skip struct {
	until time.Time
	pause time.Duration
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
	stop := env.NewStopper(e)
	j := &Job{env: e, journal: journal, store: store, pace: pace, log: log, stop: stop, skipped: map[place]skip{},
		offers: jobs.NewOffers(e, journal, store, stop, log)}
	j.share(memoryBytes, store.Info().OneDisk)
	return j
}

// share says how many files are made at a time, and of what size. A file takes its size twice: as it was read, and in one piece for the bucket. To one
// disk it is written piece by piece, and several at a time are not faster; but one twice as large is: its reads are twice as long, and what a disk
// takes for them goes by their number more than by their bytes.
func (j *Job) share(memoryBytes int64, oneDisk bool) {
	j.heldMax = 2 * j.pace.File
	if !oneDisk {
		j.atOnce = int(min(FilesAtOnce, max(1, memoryBytes/(2*j.pace.File))))
		return
	}
	j.atOnce = 1
	j.heldMax = max(memoryBytes, readMax)
	j.pace.File = min(2*j.pace.File, max(j.pace.File, memoryBytes))
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
		j.forget()
		mine := jobs.Share(v, j.journal.Self(), now)
		p := planFor(v, &ask{pace: j.pace, now: now, below: j.below, skips: j.skips,
			mine: func(k base.PartitionKey) bool { return mine(blockOf(k)) }})
		j.nothing, j.below = idle{v.Slot, min(p.next, now+j.forgiven())}, p.below
		if !j.mergeAll(v, p.files) {
			j.stop.Sleep(restFor)
		}
	}
}

// mergeAll makes the planned files, some at a time, and reports whether all could be made. It ends with the first that could not.
func (j *Job) mergeAll(v meta.View, files [][]Stretch) bool {
	group, failed := env.NewGroup(j.env), atomic.Bool{}
	for n := range min(j.atOnce, len(files)) {
		group.Go("merge file", func() {
			for i := n; i < len(files) && !failed.Load() && !j.stop.Stopped(); i += j.atOnce {
				if err := j.merge(v, files[i]); err != nil && !j.stop.Stopped() {
					failed.Store(true)
					j.log.Warn("small extents were not merged", "stretches", len(files[i]), "error", err)
				}
			}
		})
	}
	group.Wait(time.Time{}) // each file has its time
	return !failed.Load()
}

// forget drops what is known of stretches that were not met again for long.
func (j *Job) forget() {
	now := j.env.Now()
	maps.DeleteFunc(j.skipped, func(_ place, s skip) bool { return now.Sub(s.until) > 2*skipMost })
}

// skips reports whether a stretch is passed over.
func (j *Job) skips(at place) bool {
	s, ok := j.skipped[at]
	return ok && j.env.Now().Before(s.until)
}

// forgiven is when the first of them is to be tried again, from now on.
func (j *Job) forgiven() base.Millis {
	now, first := j.env.Now(), skipMost
	for _, s := range j.skipped {
		if left := s.until.Sub(now); left > 0 {
			first = min(first, left)
		}
	}
	return base.Millis(first.Milliseconds())
}

// merge makes one file, or two where it would take too many reads or too much memory. A stretch that cannot be read is left out.
func (j *Job) merge(v meta.View, stretches []Stretch) error {
	gathered, pieces := newGathering(v.Log), make([][]piece, len(stretches))
	for i := range stretches {
		pieces[i] = gathered.pieces(&stretches[i])
	}
	reads := gathered.reads()
	if half := len(stretches) / 2; half > 0 && (len(reads) > readsMax || held(reads) > j.heldMax) {
		if err := j.merge(v, stretches[half:]); err != nil {
			return err
		}
		return j.merge(v, stretches[:half])
	}
	ctx, cancel := j.env.WithTimeout(j.stop.Context(), takesMax)
	defer cancel()
	lent := j.store.Info().BodyFree // else a Put may look at them after it has returned
	readAll(ctx, j.env, j.store, reads, lent)
	if lent {
		defer release(reads)
	}
	store := reads[0].file.Store
	f := file{builder: segment.NewBuilder(store)}
	for i := range stretches {
		j.add(&f, v, &stretches[i], pieces[i])
	}
	if len(f.stretches) == 0 {
		return nil
	}
	if plant.LeftOut(plant.MergesHold) {
		release(reads)
	}
	ref := j.offers.Name(store)
	return j.offers.Make(ctx, ref, f.builder.Pieces(), func(modified base.Millis) log.Command {
		return &log.MergeExtents{File: ref, SizeBytes: int64(f.builder.SizeBytes()), LastModified: modified, Stretches: f.sorted()}
	})
}

func (j *Job) add(f *file, v meta.View, s *Stretch, pieces []piece) {
	p, ok := v.Log.Partition(s.Key)
	if !ok {
		return
	}
	if err := f.add(s, p.Epoch, pieces); err != nil && !j.stop.Stopped() {
		pause := j.passOver(s.place(), err)
		j.log.Warn("extents of a partition cannot be read: they are not merged, if they still are there", "partition", s.Key, "offset", s.Base, "error", err, "again_in", pause)
	}
}

// passOver leaves a stretch out for a while, and tells for how long.
func (j *Job) passOver(at place, err error) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	pause := skipLeast
	if objstore.Is(err, objstore.NotFound) || base.KindOf(err) == base.CorruptMessage {
		pause = min(max(skipLeast, 2*j.skipped[at].pause), skipMost)
	}
	j.skipped[at] = skip{j.env.Now().Add(pause), pause}
	return pause
}
