package land

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/jobs"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
)

const (
	// every is how often riders are looked for, give or take a half: it costs nothing. With DefaultPace that is twice as many
	// bytes as may ride.
	every = time.Second
	// takesMax bounds the reading and writing of one container.
	takesMax = time.Minute
	// skipFor is how long a rider that cannot be read is passed over: the View may be behind, or the bytes are damaged.
	skipFor = time.Minute
)

// Source is where the bytes of riders come from.
type Source struct {
	// Cached gives those of a file if they are at hand, else nil.
	Cached func(ref base.FileRef, sizeBytes int64) []byte
	// Riders reads what rides in a journal entry.
	Riders func(ctx context.Context, slot base.Slot) ([]log.Rider, error)
}

// Job lands riders, for as long as the agent runs.
type Job struct {
	env     env.Env
	journal jobs.Journal
	source  Source
	pace    Pace
	log     *slog.Logger
	stop    *env.Stopper
	skipped map[uint64]time.Time // until when, by number of the file
	offers  *jobs.Offers         // containers: one at a time
}

// Stats counts containers.
func (j *Job) Stats() jobs.OfferStats { return j.offers.Stats() }

// New makes the job. A zero pace is DefaultPace.
func New(e env.Env, journal jobs.Journal, store objstore.Store, source Source, pace Pace, log *slog.Logger) *Job {
	if pace == (Pace{}) {
		pace = DefaultPace
	}
	stop := env.NewStopper(e)
	return &Job{env: e, journal: journal, source: source, pace: pace, log: log, stop: stop, skipped: map[uint64]time.Time{},
		offers: jobs.NewOffers(e, journal, store, stop, log)}
}

// Start has it run.
func (j *Job) Start() { j.stop.Go("land", j.run) }

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
		if !jobs.Mine(v, j.journal.Self(), now) {
			continue
		}
		plan := Plan(v, now, j.pace, j.skips)
		if len(plan) == 0 {
			continue
		}
		if err := j.land(plan); err != nil && !j.stop.Stopped() {
			j.log.Warn("what rides in the journal did not land", "files", len(plan), "error", err)
		}
	}
}

// skips reports whether a rider is passed over.
func (j *Job) skips(number uint64) bool {
	until, ok := j.skipped[number]
	if ok && !j.env.Now().Before(until) {
		delete(j.skipped, number)
		return false
	}
	return ok
}

// land makes a container of the planned riders.
func (j *Job) land(plan []Rider) error {
	ctx, cancel := j.env.WithTimeout(j.stop.Context(), takesMax)
	defer cancel()
	c := newContainer(plan[0].Ref.Store)
	if err := j.gather(ctx, c, plan); err != nil || len(c.landings) == 0 {
		return err
	}
	file, body := j.offers.Name(plan[0].Ref.Store), c.builder.Finish()
	return j.offers.Make(ctx, file, [][]byte{body}, func(modified base.Millis) log.Command {
		return &log.LandFiles{File: file, SizeBytes: int64(len(body)), LastModified: modified, Landings: c.landings}
	})
}

// gather puts riders into a container. One that is gone or damaged is left out; a bucket that does not answer is an error,
// and the next look begins with another entry.
func (j *Job) gather(ctx context.Context, c *container, plan []Rider) error {
	var slot base.Slot // read last
	var riders []log.Rider
	for i := range plan {
		r := &plan[i]
		if body := j.source.Cached(r.Ref, r.SizeBytes); body != nil && c.add(r, body) == nil {
			continue
		}
		err := error(nil)
		if at := base.Slot(r.In); at != slot {
			riders, err = j.source.Riders(ctx, at)
			slot = at
		}
		if err == nil {
			err = c.addOf(riders, r)
		} else if !objstore.Is(err, objstore.NotFound) && base.KindOf(err) != base.CorruptMessage {
			j.passOver(plan, r.In)
			return err
		}
		if err != nil {
			j.skipped[r.Number] = j.env.Now().Add(skipFor)
			j.log.Warn("a segment that rides in the journal cannot be read: it stays there, if it still is", "slot", r.In, "segment", r.Ref.ID, "error", err)
		}
	}
	return nil
}

// passOver leaves out for a while what rides in an entry that the bucket does not give: it may be this one alone, and what rides in the
// others is to land.
func (j *Job) passOver(plan []Rider, slot uint64) {
	for i := range plan {
		if plan[i].In == slot {
			j.skipped[plan[i].Number] = j.env.Now().Add(skipFor)
		}
	}
}

var errNotThere = errors.New("it is not in the entry")

// addOf takes in one of the riders of an entry. Its bytes are copied: the entry may hold much else.
func (c *container) addOf(riders []log.Rider, r *Rider) error {
	for _, one := range riders {
		if one.Ref == r.Ref {
			return c.add(r, bytes.Clone(one.Body))
		}
	}
	return errNotThere
}
