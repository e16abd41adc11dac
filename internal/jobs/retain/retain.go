package retain

import (
	"log/slog"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/jobs"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

const (
	// every is how often retention is looked for, give or take a half. Kafka looks every five minutes
	// (log.retention.check.interval.ms); here a look costs the bucket nothing.
	every = 40 * time.Second
	// producersEvery is how many looks pass between two for old producers, of which there are many more: about ten
	// minutes, as in Kafka (producer.id.expiration.check.interval.ms).
	producersEvery = 15
	// atOnce bounds what one look proposes: some 50 KiB of journal. The rest comes with the next.
	atOnce = 1000
)

// Journal is what retain asks of control.
type Journal interface {
	jobs.Journal
	Rules() meta.Rules
}

// Job looks for what retention lets go, for as long as the agent runs.
type Job struct {
	env     env.Env
	journal Journal
	log     *slog.Logger
	stop    *env.Stopper
	pending []*env.Future[*meta.Verdict] // of the last look
}

// Start starts the job.
func Start(e env.Env, journal Journal, log *slog.Logger) *Job {
	j := &Job{env: e, journal: journal, log: log, stop: env.NewStopper(e)}
	j.stop.Go("retain", j.run)
	return j
}

// Stop ends the job by deadline.
func (j *Job) Stop(deadline time.Time) {
	j.stop.Stop()
	j.stop.Wait(deadline)
}

func (j *Job) run() {
	for looks := 1; j.stop.Sleep(every/2 + time.Duration(j.env.Uint64()%uint64(every))); looks++ {
		v, now := j.journal.View(), j.journal.Now()
		if j.isPending() || !jobs.Mine(v, j.journal.Self(), now) {
			continue
		}
		rules := j.journal.Rules()
		plan := Records(v, now, rules.Broker, atOnce)
		if looks%producersEvery == 0 {
			after := base.Millis(rules.Broker.Values().ProducerIDExpirationMs)
			plan = append(plan, Producers(v, now, after, atOnce)...)
		}
		j.propose(plan)
	}
}

// propose brings a plan before the journal. The next look waits until all of it is decided, so as not to propose the
// same again.
func (j *Job) propose(plan []log.Command) {
	if len(plan) > 0 {
		j.log.Debug("retention", "proposals", len(plan))
	}
	j.pending = j.pending[:0]
	for _, op := range plan {
		j.pending = append(j.pending, j.journal.Propose(op))
	}
}

func (j *Job) isPending() bool {
	return slices.ContainsFunc(j.pending, func(f *env.Future[*meta.Verdict]) bool { return !f.Done() })
}
