package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// passed is what one reading of the backlog found.
type passed struct {
	counts
	whole bool // it came to the end, so that what is missing is lost
	lost  uint64
}

// fill writes the backlog.
func (r *run) fill(ctx context.Context) (err error) {
	if r.backlog.from, err = r.ends(ctx); err != nil {
		return err
	}
	if r.fillers, err = r.newProducers(ctx, r.config.Producers, newWindow(0, forever), false); err != nil {
		return err
	}
	began, stop := r.clock.now(), r.observe(r.filling)
	each := r.config.BacklogBytes/int64(r.config.RecordBytes)/int64(len(r.fillers)) + 1
	errs := make(chan error, len(r.fillers))
	for _, p := range r.fillers {
		go func() { errs <- p.fill(ctx, each) }()
	}
	for range r.fillers {
		if e := <-errs; e != nil && err == nil {
			err = e
		}
	}
	ended := r.clock.now()
	stop()
	if err != nil {
		return err
	}
	r.filling.close(ended - began)
	r.filled = flowOf(total(producerMeters(r.fillers)).flow, ended-began)
	r.backlog.to, err = r.ends(ctx)
	return err
}

// age lets the backlog lie for as long as it is to.
func (r *run) age(ctx context.Context) {
	if r.watch.Filled != nil {
		r.watch.Filled()
	}
	age, began := time.Duration(r.config.BacklogAge), r.clock.now()
	for at := showEvery; at <= age && sleepUntil(ctx, &r.clock, began+at); at += showEvery {
		if r.watch.Progress != nil {
			r.watch.Progress(Progress{Phase: Lying, Elapsed: at, Length: age})
		}
	}
	sleepUntil(ctx, &r.clock, began+age)
}

// catchUp reads the backlog, as often as it is to be, and measures that.
func (r *run) catchUp(ctx context.Context) (*Result, error) {
	r.window = newWindow(r.clock.now(), forever)
	r.makeBackfills()
	r.series = newSeries(0)
	stop := r.observe(r.series)
	reading, stopReading := context.WithCancel(ctx)
	stalled := r.watchForStall(reading, stopReading)
	measured := r.opened()
	err := r.backfillEnough(reading)
	measured()
	r.window.cut(max(lastOf(r.backfills), r.window.from()+1))
	r.interrupted = ctx.Err() != nil
	stopReading()
	if <-stalled {
		err = fmt.Errorf("nothing more was read for %v; is the cluster up?", stallTimeout)
	}
	stop()
	r.series.close(r.window.end() - r.window.from())
	return r.result(ctx, err)
}

// watchForStall calls stop when nothing has been read for too long, and then says so; ctx ends the watch.
func (r *run) watchForStall(ctx context.Context, stop func()) <-chan bool {
	stalled := make(chan bool, 1)
	go func() {
		began := r.clock.now()
		for sleepUntil(ctx, &r.clock, r.clock.now()+time.Second) {
			if r.clock.now()-max(began, lastOf(r.backfills)) > stallTimeout {
				stalled <- true
				stop()
				return
			}
		}
		stalled <- false
	}()
	return stalled
}

func (r *run) makeBackfills() {
	r.backfills = make([]*meter, r.config.Consumers)
	for i := range r.backfills {
		r.backfills[i] = newMeter(r.window, false)
	}
}

// backfillEnough reads the backlog as often and as long as was asked for, always to its end.
func (r *run) backfillEnough(ctx context.Context) (err error) {
	began := r.clock.now()
	for n := 0; err == nil && ctx.Err() == nil && (n < r.config.Readings || r.clock.now()-began < time.Duration(r.config.ReadFor)); n++ {
		err = r.backfill(ctx)
	}
	return err
}

// backfillAgain reads the backlog again and again until ctx ends.
func (r *run) backfillAgain(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.backfill(ctx); err != nil {
			return err
		}
	}
	return nil
}

// backfill reads the backlog, with consumers that are new, and checks it.
func (r *run) backfill(ctx context.Context) error {
	var readers []*reader
	for i, share := range r.backlog.from.deal(r.config.Consumers, false) {
		reader, err := r.newReader(share, r.backlog.to, r.backfills[i])
		if err != nil {
			return err
		}
		defer reader.client.Close()
		readers = append(readers, reader)
	}
	whole := true
	var mu sync.Mutex
	var reading sync.WaitGroup
	for _, reader := range readers {
		reading.Go(func() {
			done := reader.consume(ctx)
			mu.Lock()
			defer mu.Unlock()
			whole = whole && done
		})
	}
	reading.Wait()
	r.passes = append(r.passes, r.judge(readers, whole))
	if whole && r.watch.Read != nil {
		r.watch.Read()
	}
	return nil
}

func (r *run) judge(readers []*reader, whole bool) passed {
	p := passed{whole: whole}
	var books []*book
	for _, reader := range readers {
		p.add(reader.book.counts)
		books = append(books, reader.book)
	}
	if whole {
		p.lost = lost(acknowledged(r.fillers), r.config.Producers, books)
	}
	return p
}

func acknowledged(producers []*producer) []*bitset {
	all := make([]*bitset, len(producers))
	for i, p := range producers {
		all[i], _, _ = p.outcome()
	}
	return all
}
