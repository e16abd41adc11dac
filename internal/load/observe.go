package load

import (
	"context"
	"math"
	"sync"
	"time"
)

// observer takes what the workers have done step by step: for a series, and in larger steps for who watches.
type observer struct {
	run    *run
	series *series
	zero   time.Duration // from which the series counts its time
	last   time.Duration // until when it was taken
	shown  time.Duration // until when it was told
	unseen sample        // since then
}

// sample is what workers did in an interval.
type sample struct{ produced, consumed, backfilled gauge }

// observe fills a series and tells of the progress until stop is called. The window is open by then, unless a backlog is written.
func (r *run) observe(s *series) (stop func()) {
	now := r.clock.now()
	o := &observer{run: r, series: s, zero: now, last: now}
	if r.window != nil {
		o.zero, o.last = r.window.from(), max(now, r.window.from()-time.Duration(r.config.Warmup))
	}
	o.shown, o.unseen = o.last, newSample()
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		for sleepUntil(ctx, &r.clock, o.next()) {
			o.look(r.clock.now())
		}
		o.look(r.clock.now())
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// next gives the end of the step: a whole number of them from zero on, or the end of the window. None is shorter than half.
func (o *observer) next() time.Duration {
	step := o.series.step
	next := o.zero + step*time.Duration(math.Floor(float64(o.last-o.zero)/float64(step)+0.5)+1)
	if w := o.run.window; w != nil && o.last < w.end() && w.end() < next+step/2 {
		return w.end()
	}
	return next
}

// look takes what was done since it was called last.
func (o *observer) look(now time.Duration) {
	got := o.run.sample()
	if w := o.run.window; now > o.last && (w == nil || o.last < w.end()) {
		o.series.add(got.point(now-o.zero, now-o.last))
	}
	o.last = now
	o.unseen.add(got)
	if now-o.shown < showEvery-fineStep/2 {
		return
	}
	o.run.show(o.unseen, now, now-o.shown)
	o.shown, o.unseen = now, newSample()
}

// sample takes what the workers have done since it was called last.
func (r *run) sample() sample {
	return sample{take(producerMeters(r.producing())), take(readerMeters(r.copies)), take(r.backfills)}
}

func newSample() sample { return sample{newGauge(), newGauge(), newGauge()} }

func (s *sample) add(o sample) {
	s.produced.merge(o.produced)
	s.consumed.merge(o.consumed)
	s.backfilled.merge(o.backfilled)
}

func (s sample) point(at, over time.Duration) Point {
	return Point{at.Seconds(), over.Seconds(), s.produced.pace(over), s.consumed.pace(over), s.backfilled.pace(over), s.produced.tick(), s.consumed.tick()}
}

// producing are the producers at work now.
func (r *run) producing() []*producer {
	if r.window == nil {
		return r.fillers
	}
	return r.producers
}

// show tells of what was done in the time before now.
func (r *run) show(s sample, now, over time.Duration) {
	if r.watch.Progress == nil {
		return
	}
	p := r.phase(now - fineStep/2) // the one that ends now, not the one that begins
	point := s.point(0, over)
	p.Produced, p.Consumed, p.Backfilled, p.Ack, p.EndToEnd = point.Produced, point.Consumed, point.Backfilled, point.Ack, point.EndToEnd
	for _, producer := range r.producing() {
		_, failed, _ := producer.outcome()
		p.Failed += failed
	}
	r.watch.Progress(p)
}
