package land

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
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
	// every is how often riders are looked for, give or take a half: it costs nothing. With DefaultPace that is twice as many
	// bytes as may ride.
	every = time.Second
	// takesMax bounds the reading and writing of one container.
	takesMax = time.Minute
	// skipFor is how long a rider that cannot be read is passed over: the View may be behind, or the bytes are damaged.
	skipFor = time.Minute
)

// Journal is what land asks of control.
type Journal interface {
	View() meta.View
	Propose(op meta.Op) *env.Future[*meta.Verdict]
	Now() base.Millis
	Self() base.Incarnation
}

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
	journal Journal
	store   objstore.Store
	source  Source
	pace    Pace
	log     *slog.Logger
	stop    *env.Stopper
	skipped map[uint64]time.Time // until when, by number of the file
	pending *pending             // nil: no container waits for its verdict
	files   atomic.Int64
	landed  atomic.Int64
	refused atomic.Int64
}

// pending is the last container, which was proposed.
type pending struct {
	file    base.FileRef
	verdict *env.Future[*meta.Verdict]
}

// Stats is what the job has done since the agent started.
type Stats struct {
	Containers int64 // uploaded
	Landed     int64 // of these, those that were accepted
	Refused    int64 // of these, those that were refused, and deleted
}

// Stats gives the counts at this moment.
func (j *Job) Stats() Stats {
	return Stats{Containers: j.files.Load(), Landed: j.landed.Load(), Refused: j.refused.Load()}
}

// New makes the job. A zero pace is DefaultPace.
func New(e env.Env, journal Journal, store objstore.Store, source Source, pace Pace, log *slog.Logger) *Job {
	if pace == (Pace{}) {
		pace = DefaultPace
	}
	return &Job{env: e, journal: journal, store: store, source: source, pace: pace, log: log, stop: env.NewStopper(e), skipped: map[uint64]time.Time{}}
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
		if !j.settle() {
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

// land writes a container of the planned riders and proposes it. It does not wait for the verdict: the next look does.
func (j *Job) land(plan []Rider) error {
	ctx, cancel := j.env.WithTimeout(j.stop.Context(), takesMax)
	defer cancel()
	c := newContainer(plan[0].Ref.Store)
	if err := j.gather(ctx, c, plan); err != nil || len(c.landings) == 0 {
		return err
	}
	op := &log.LandFiles{Landings: c.landings, File: base.FileRef{Store: plan[0].Ref.Store, ID: base.MakeULID(j.journal.Now(), j.env.Uint64(), j.env.Uint64())}}
	body := c.builder.Finish()
	op.SizeBytes = int64(len(body))
	began := j.env.Now()
	stored, err := j.upload(ctx, segment.Key(op.File), body)
	if err != nil {
		return err
	}
	j.files.Add(1)
	op.LastModified = base.Millis(stored.Modified(began, j.env.Now(), int64(j.journal.Now())))
	j.pending = &pending{op.File, j.journal.Propose(op)}
	return nil
}

// settle takes note of what became of the last container; false: that is not known yet. One that was refused is deleted again: the
// verdict stands in the journal, and the command happens once, so no entry will ever name the file. Where it is not known what became of
// the command the file stays: it may have landed, or is an orphan for fsck.
func (j *Job) settle() bool {
	p := j.pending
	switch {
	case p == nil:
		return true
	case !p.verdict.Done():
		if plant.LeftOut(plant.RefusedGo) {
			j.drop(p.file, "not waited for")
		}
		return false
	}
	j.pending = nil
	v, err := p.verdict.Wait(time.Time{})
	if err != nil || v.Log == nil { // no verdict of the journal: it says what was not decided
		return true
	}
	if v.Log.Kind == base.OK {
		j.landed.Add(1)
		return true
	}
	if _, there := j.journal.View().Log.FileByRef(p.file); !there {
		j.drop(p.file, v.Log.Text)
	}
	return true
}

func (j *Job) drop(file base.FileRef, why string) {
	ctx, cancel := j.env.WithTimeout(j.stop.Context(), takesMax)
	defer cancel()
	if err := j.store.Delete(ctx, segment.Key(file)); err != nil {
		j.log.Warn("a data file that nothing refers to stays: millrace fsck --repair deletes it", "segment", file.ID, "error", err)
		return
	}
	j.refused.Add(1)
	j.log.Info("what was to land had landed already, or was deleted meanwhile", "segment", file.ID, "verdict", why)
}

func (j *Job) upload(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	if plant.LeftOut(plant.LandsInUploads) {
		j.stop.Go("upload too late", func() {
			j.stop.Sleep(every)
			_, _ = j.store.Put(j.stop.Context(), key, body)
		})
		return objstore.Meta{}, nil
	}
	return j.store.Put(ctx, key, body)
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
