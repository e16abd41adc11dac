package fsck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/objstore"
)

// Options of a run.
type Options struct {
	// Quick leaves out the bytes of data files: only that they are there and how long they are is checked.
	Quick bool
	// Repair deletes what provably nobody will need any more, if nothing is damaged that cannot be repaired so.
	Repair bool
	// W is journal.W, but for simulations; 0 is journal.W.
	W time.Duration
	// Progress, if set, is told now and then what is being done and how many steps of it were taken. It must be quick.
	Progress func(doing string, steps int)
}

const (
	// readsAtOnce and bytesAtOnce bound what is read in parallel.
	readsAtOnce = 16
	bytesAtOnce = 192 << 20
	// restarts is how often the journal may be truncated under the reader before it gives up: it happens every 10 min.
	restarts = 3
)

var errMoved = errors.New("the journal was truncated while it was read")

// checker is one run.
type checker struct {
	env     env.Env
	store   objstore.Store
	opts    Options
	report  *Report
	cluster journal.Cluster
	date    time.Time // the bucket's time, by the last listing
	state   *meta.State
	again   *second   // the reading that came to it; nil: it is that of the first
	keep    base.Slot // the first slot that no sweep may touch, by that state
	steps   int
}

// Run checks the bucket. store has to try again what may pass. What is wrong with the bucket stands in the report; an error
// says that the check, or the repair, could not be done: the store cannot be used, or the bucket needs a newer version. The
// report then holds what was found, and deleted, before.
func Run(ctx context.Context, e env.Env, store objstore.Store, opts Options) (Report, error) {
	if opts.W == 0 {
		opts.W = journal.W
	}
	for try := 1; ; try++ {
		k := &checker{env: e, store: final{store}, opts: opts, report: &Report{Problems: []Problem{}}, date: e.Now()}
		err := k.run(ctx)
		if !errors.Is(err, errMoved) || try == restarts {
			return *k.report, err
		}
	}
}

func (k *checker) step(doing string, n int) {
	k.steps += n
	if k.opts.Progress != nil {
		k.opts.Progress(doing, k.steps)
	}
}

func (k *checker) run(ctx context.Context) error {
	if err := k.foreign(ctx); err != nil {
		return err
	}
	if ok, err := k.readCluster(ctx); !ok || err != nil {
		return err
	}
	f := &folder{checker: k}
	for _, step := range []func(context.Context) error{f.list, f.readSnapshots, f.fold, f.readAgain, f.parts} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if k.state == nil {
		k.report.add(Damage, "", "no state can be read from the bucket: data files were not checked")
	} else if err := k.files(ctx); err != nil {
		return err
	}
	k.judge()
	if k.opts.Repair && k.report.Refused == "" {
		return f.repair(ctx)
	}
	return nil
}

// judge says whether what can be repaired may be: not beside damage that nobody has looked at yet. What is garbage by a state in
// doubt may be the last copy of something. That agents cannot start is damage too.
func (k *checker) judge() {
	r := k.report
	if left := r.Damage - r.mendable; left > 0 && r.Repairable > 0 {
		r.Refused = fmt.Sprintf("there are %d places of damage that no repair mends; look at these first", left)
	}
}

// readCluster reads cluster.json; false: without it nothing else can be checked.
func (k *checker) readCluster(ctx context.Context) (bool, error) {
	_, err := k.store.Head(ctx, clusterKey)
	if objstore.Is(err, objstore.NotFound) {
		return false, k.noCluster(ctx)
	}
	if err != nil {
		return false, err
	}
	k.cluster, err = journal.OpenCluster(ctx, k.env, k.store)
	switch {
	case err == nil:
		k.report.Cluster = k.cluster.ID
		return true, nil
	case beyond(err):
		return false, err
	case errors.Is(err, envelope.ErrDamaged), errors.Is(err, envelope.ErrForeign), errors.Is(err, envelope.ErrWrongKind):
		k.report.add(Damage, clusterKey, "%v", err)
		return false, nil
	}
	return false, err
}

func (k *checker) noCluster(ctx context.Context) error {
	for _, prefix := range []string{journalPrefix, snapshotPrefix} {
		page, err := k.store.List(ctx, prefix, "", 1)
		if err != nil {
			return err
		}
		if len(page.Entries) > 0 {
			k.report.add(Damage, clusterKey, "it is not there, but %s is: restore it from a copy", page.Entries[0].Key)
			return nil
		}
	}
	k.report.add(Note, clusterKey, "it is not there: no cluster was founded in this bucket")
	return nil
}

// young reports whether an object is so new that nothing may refer to it yet.
func (k *checker) young(o objstore.ListEntry, span time.Duration) bool {
	return o.LastModified.IsZero() || k.date.Sub(o.LastModified) < span
}

// parallel runs f for 0 … n−1, at most readsAtOnce at a time, and waits for all.
func (k *checker) parallel(n int, f func(i int)) {
	g := env.NewGroup(k.env)
	places := env.NewSemaphore(k.env, readsAtOnce)
	for i := range n {
		_ = places.Acquire(1, time.Time{}) // without a deadline it cannot fail
		g.Go("fsck read", func() {
			defer places.Release(1)
			f(i)
		})
	}
	g.Wait(time.Time{})
}

// get reads a whole object of at most limit bytes; one that is longer comes back longer than limit.
func (k *checker) get(ctx context.Context, key string, limit int) (objstore.Object, error) {
	o, err := k.store.GetRange(ctx, key, 0, int64(limit)+1)
	if objstore.Is(err, objstore.InvalidRange) {
		return objstore.Object{}, nil // an empty object
	}
	return o, err
}
