package garbage

import (
	"log/slog"
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
	// every is how often files that may go are looked for, give or take a half: it costs the bucket nothing.
	every = time.Minute
	// atOnce bounds what one look deletes: some 5 KiB of journal, and a second or two of a bucket that is asked 16 times at a time.
	atOnce = 1000
	// portionStep is how many times fewer files are tried after a failure, and more after a success.
	portionStep = 8
	// passFor is how long a file is passed over that could not be deleted.
	passFor = 10 * time.Minute
	// soon is when the next look follows one that found as many as it takes.
	soon = time.Second
	// takesMax bounds the deletions of one look: a bucket may take a second for each.
	takesMax = 3 * time.Minute
)

// Job deletes files of which nothing is left, for as long as the agent runs.
type Job struct {
	env      env.Env
	journal  jobs.Journal
	store    objstore.Store
	log      *slog.Logger
	stop     *env.Stopper
	proposed int                        // files of the last proposal
	verdict  *env.Future[*meta.Verdict] // of that; nil: it was noted
	more     bool                       // the last look found as many as it takes
	portion  int                        // so many files are tried at once
	passed   map[uint64]time.Time       // until when, by number
	removed  atomic.Int64
}

// Stats is what the job has done since the agent started.
type Stats struct {
	Removed int64 // files that were deleted, and that the state forgot then
}

// Stats gives the counts at this moment.
func (j *Job) Stats() Stats { return Stats{Removed: j.removed.Load()} }

// New makes the job.
func New(e env.Env, journal jobs.Journal, store objstore.Store, log *slog.Logger) *Job {
	return &Job{env: e, journal: journal, store: store, log: log, stop: env.NewStopper(e), portion: atOnce, passed: map[uint64]time.Time{}}
}

// Start has it run.
func (j *Job) Start() { j.stop.Go("garbage", j.run) }

// Stop ends the job by deadline.
func (j *Job) Stop(deadline time.Time) {
	j.stop.Stop()
	j.stop.Wait(deadline)
}

func (j *Job) run() {
	for j.stop.Sleep(j.pause()) {
		if !j.settle() {
			continue
		}
		j.more = false
		v, now := j.journal.View(), j.journal.Now()
		if !jobs.Mine(v, j.journal.Self(), now) {
			continue
		}
		plan := Plan(v, now, j.portion, j.passes)
		if len(plan) == 0 {
			continue
		}
		if err := j.remove(plan); err != nil && !j.stop.Stopped() {
			j.log.Warn("data files of which nothing is left could not be deleted: they will be tried again", "files", len(plan), "error", err)
		}
	}
}

// pause is how long until the next look.
func (j *Job) pause() time.Duration {
	if j.more {
		return soon
	}
	return every/2 + time.Duration(j.env.Uint64()%uint64(every))
}

// settle takes note of what came of the last proposal; false: that is not known yet, or it was refused, and what is left of it has
// time: another agent was faster, or Decide's clock is behind.
func (j *Job) settle() bool {
	if j.verdict == nil {
		return true
	}
	if !j.verdict.Done() {
		return false
	}
	v, err := j.verdict.Wait(time.Time{})
	j.verdict = nil
	if err != nil || v.Kind() != base.OK {
		j.more = false
		return false
	}
	j.removed.Add(int64(j.proposed))
	return true
}

// remove deletes the objects of the planned files, and proposes that the state forget them. It does not wait for the verdict: the next
// look does. After a failure fewer are tried, in the end one by one, so that one that cannot be deleted does not keep the others.
func (j *Job) remove(plan []File) error {
	keys, op := make([]string, len(plan)), &log.RemoveFiles{Files: make([]uint64, len(plan))}
	for i, f := range plan {
		keys[i], op.Files[i] = segment.Key(f.Ref), f.Number
	}
	ctx, cancel := j.env.WithTimeout(j.stop.Context(), takesMax)
	defer cancel()
	if err := j.store.Delete(ctx, keys...); err != nil {
		if len(plan) == 1 {
			j.passed[plan[0].Number] = j.env.Now().Add(passFor)
		}
		j.portion = max(1, len(plan)/portionStep)
		return err
	}
	j.log.Debug("data files of which nothing was left are deleted", "files", len(plan))
	j.more, j.proposed, j.verdict = len(plan) == j.portion, len(plan), j.journal.Propose(op)
	j.portion = min(j.portion*portionStep, atOnce)
	return nil
}

// passes reports whether a file is passed over.
func (j *Job) passes(number uint64) bool {
	until, ok := j.passed[number]
	if ok && !j.env.Now().Before(until) {
		delete(j.passed, number)
		return false
	}
	return ok
}
