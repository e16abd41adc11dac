package load

import "time"

// Point is what one interval of the run brought.
type Point struct {
	// At is when it ended, in seconds since the window began; negative while the load warmed up. Where the backlog was written
	// it counts from the beginning of that.
	At float64 `json:"at_seconds"`
	// Seconds is how long it was.
	Seconds    float64 `json:"seconds"`
	Produced   Pace    `json:"produced"`
	Consumed   Pace    `json:"consumed"`
	Backfilled Pace    `json:"backfilled"`
	Ack        Tick    `json:"ack"`
	EndToEnd   Tick    `json:"end_to_end"`
}

// Add takes the interval that follows into p: throughput and medians by their mean, the rest by the worst.
func (p *Point) Add(next Point) {
	share := next.Seconds / (p.Seconds + next.Seconds)
	p.Produced.add(next.Produced, share)
	p.Consumed.add(next.Consumed, share)
	p.Backfilled.add(next.Backfilled, share)
	p.Ack.add(next.Ack, share)
	p.EndToEnd.add(next.EndToEnd, share)
	p.At, p.Seconds = next.At, p.Seconds+next.Seconds
}

// add makes next a share of p, 0 to 1.
func (p *Pace) add(next Pace, share float64) {
	p.RecordsPerSec += share * (next.RecordsPerSec - p.RecordsPerSec)
	p.MBPerSec += share * (next.MBPerSec - p.MBPerSec)
}

func (t *Tick) add(next Tick, share float64) {
	switch {
	case next.Max == 0: // nothing was measured
	case t.Max == 0:
		*t = next
	default:
		*t = Tick{t.P50 + share*(next.P50-t.P50), max(t.P99, next.P99), max(t.Max, next.Max)}
	}
}

const (
	// fineStep is how long a Point of a short run is, coarseStep that of a long one.
	fineStep, coarseStep = 100 * time.Millisecond, time.Second
	// fineUnder is how long a run may be that is short.
	fineUnder = 30 * time.Second
	// finePoints are what a run has at most that nobody knew to be long, such as the reading of a backlog.
	finePoints = 600
)

// series is a run's points, one after another.
type series struct {
	step   time.Duration // of the points to come
	points []Point
}

// newSeries makes that of a run that will take so long; 0 if that is not known.
func newSeries(length time.Duration) *series {
	if length < fineUnder {
		return &series{step: fineStep, points: []Point{}}
	}
	return &series{step: coarseStep, points: []Point{}}
}

func (s *series) add(p Point) {
	if s.points = append(s.points, p); s.step == fineStep && len(s.points) == finePoints {
		s.coarsen()
	}
}

// coarsen merges fine points into coarse ones.
func (s *series) coarsen() {
	const each = int(coarseStep / fineStep)
	s.step = coarseStep
	var coarse []Point
	for i, p := range s.points {
		if i%each == 0 {
			coarse = append(coarse, p)
		} else {
			coarse[len(coarse)-1].Add(p)
		}
	}
	s.points = coarse
}

// close ends the series at a moment after which nothing was done any more. What is too short to tell a pace by belongs to the
// point before.
func (s *series) close(at time.Duration) {
	end := at.Seconds()
	for n := len(s.points); n > 1 && s.points[n-1].At-s.points[n-1].Seconds >= end; n-- {
		s.points = s.points[:n-1]
	}
	n := len(s.points)
	if n == 0 {
		return
	}
	last := &s.points[n-1]
	if begin := last.At - last.Seconds; begin < end && end < last.At {
		last.shorten(end - begin)
	}
	if n > 1 && last.Seconds < s.step.Seconds()/2 {
		s.points[n-2].Add(*last)
		s.points = s.points[:n-1]
	}
}

// shorten says that what was done took so many seconds only, from p's beginning on.
func (p *Point) shorten(seconds float64) {
	times := p.Seconds / seconds
	for _, pace := range []*Pace{&p.Produced, &p.Consumed, &p.Backfilled} {
		pace.RecordsPerSec *= times
		pace.MBPerSec *= times
	}
	p.At, p.Seconds = p.At-p.Seconds+seconds, seconds
}
