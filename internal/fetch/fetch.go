package fetch

import (
	"log/slog"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/meta"
)

// Bounds.
const (
	// readTimeout bounds the reading of one Fetch once there is enough to read: clients give up after 30 s.
	readTimeout = 25 * time.Second
	// barrierTimeout bounds the barrier before a denial.
	barrierTimeout = 10 * time.Second
	// MaxBytesDefault is Kafka's fetch.max.bytes.
	MaxBytesDefault = 55 << 20
)

// Journal is what fetch asks of control.
type Journal interface {
	View() meta.View
	Barrier(deadline time.Time) (meta.View, error)
	Subscribe(f func(control.Change))
	Interest(n int)
	Active()
}

// Config is what an agent sets.
type Config struct {
	MaxBytes int32          // the most that one Fetch answers with, but for a first batch that is larger; 0: MaxBytesDefault
	Memory   *env.Semaphore // budget for records on their way to clients, in bytes: for those that are in memory
	Sessions int            // the most fetch sessions; 0: 1000, as Kafka's max.incremental.fetch.session.cache.slots
	Log      *slog.Logger
}

// Fetch serves readers. Its methods are safe for concurrent use.
type Fetch struct {
	env      env.Env
	journal  Journal
	cache    *cache.Cache
	config   Config
	stop     *env.Stopper
	sessions *sessions
	stats    counters
	alarm    *alarm

	mu      sync.Mutex
	waiters waiters
}

// New makes a Fetch. It is to be made before the journal starts.
func New(e env.Env, journal Journal, c *cache.Cache, config Config) *Fetch {
	if config.MaxBytes <= 0 {
		config.MaxBytes = MaxBytesDefault
	}
	if config.Sessions <= 0 {
		config.Sessions = sessionsDefault
	}
	f := &Fetch{env: e, journal: journal, cache: c, config: config, stop: env.NewStopper(e), sessions: newSessions(e, config.Sessions), alarm: newAlarm(e, config.Log)}
	f.waiters.byKey = map[base.PartitionKey]*node{}
	journal.Subscribe(f.changed)
	f.stop.OnStop(func() { f.changed(control.Change{Everything: true}) })
	return f
}

// Stop has everybody who waits answered with what there is.
func (f *Fetch) Stop() { f.stop.Stop() }

// Read answers a Fetch as soon as there are q.MinBytes to read, something to deny, or as much as the limits allow, and
// at deadline with what there is. Reading it from the bucket takes its time beyond that.
func (f *Fetch) Read(q Request, deadline time.Time) Response {
	s, kind := f.sessions.begin(&q)
	if kind != base.OK {
		return Response{Kind: kind}
	}
	v, plan, limits := f.await(&q, s.wants, f.limits(&q), deadline)
	r := reading{f: f, view: v, wants: s.wants, byID: q.ByID, limits: limits, until: f.env.Now().Add(readTimeout)}
	r.fill(&plan)
	response := f.sessions.finish(&q, s, r.out)
	if response.Kind != base.OK {
		r.release()
		return response
	}
	if r.reserved > 0 || len(r.views) > 0 || len(r.copies.shared) > 0 {
		response.Release = r.release
	}
	if len(r.views) > 0 {
		response.Spoiled = r.spoiled
	}
	if r.bytes > 0 {
		f.stats.bytes.Add(r.bytes)
		f.stats.records.Add(r.records)
		f.stats.batches.Add(r.batches)
		f.stats.asTheyLay.Add(r.asTheyLay)
		f.journal.Active()
	}
	return response
}

// limits are those of an answer: reserve lets it have no more than a fourth of the budget. Where files are open, what is sent out of them
// takes next to nothing of that, unless the cache is pressed: then there is to be memory for all, so that it can be detached.
func (f *Fetch) limits(q *Request) Limits {
	n := int64(min(max(q.MaxBytes, 0), f.config.MaxBytes))
	l := Limits{Bytes: n, Memory: n, Files: f.cache.OpensFiles() && !f.cache.Pressed()}
	if m := f.config.Memory; m != nil {
		l.Memory = min(n, max(answerMin, m.Size()/4))
	}
	if !l.Files {
		l.Bytes = l.Memory
	}
	return l
}

// within has an answer take no more memory than there is for it now: so it is rarely planned anew.
func (f *Fetch) within(l Limits) Limits {
	if m := f.config.Memory; m != nil {
		if most := share(m.Free(), m.Size()); most < l.Memory {
			l.lower(most)
		}
	}
	return l
}

// await plans, and waits until there is enough to answer. It gives the limits that were planned with as well.
func (f *Fetch) await(q *Request, wants []Want, most Limits, deadline time.Time) (meta.View, Plan, Limits) {
	enough := min(int64(q.MinBytes), most.Bytes)
	var plan Plan
	var w *waiter
	var changed []int32 // parts of an empty plan, since it was made
	for all, over := true, !f.env.Now().Before(deadline); ; {
		v, limits := f.journal.View(), f.within(most)
		if all || !plan.isEmpty() {
			plan = MakePlan(v.Log, wants, limits, q.ByID)
		} else {
			plan.renew(v.Log, wants, changed, limits, q.ByID)
		}
		if plan.Denies && !plant.LeftOut(plant.BarrierBeforeNo) {
			v, plan = f.confirm(wants, limits, q.ByID)
		}
		if over || plan.Denies || plan.Full || plan.Bytes >= enough || len(wants) == 0 || f.stop.Stopped() {
			return v, plan, limits
		}
		if w == nil {
			// What is published from here on wakes; what was before is seen by one more look.
			w = f.enlist(plan.Parts)
			f.journal.Interest(1)
			defer f.leave(w)
			if f.journal.View() != v {
				continue
			}
		}
		woken := false
		changed, all, woken = w.wait(deadline)
		over = !woken
	}
}

// confirm plans by a View that holds all that was in the journal at the call. Without one nothing is denied for good.
func (f *Fetch) confirm(wants []Want, limits Limits, byID bool) (meta.View, Plan) {
	v, err := f.journal.Barrier(f.env.Now().Add(barrierTimeout))
	if err == nil {
		return v, MakePlan(v.Log, wants, limits, byID)
	}
	v = f.journal.View()
	plan := MakePlan(v.Log, wants, limits, byID)
	for i := range plan.Parts {
		p := &plan.Parts[i]
		switch {
		case p.Kind == base.OffsetOutOfRange:
			p.Kind = base.OffsetNotAvailable
		case p.Kind != base.OK || p.DivergingEpoch >= 0:
			p.Kind, p.DivergingEpoch = base.NotLeaderOrFollower, -1
		}
	}
	return v, plan
}
