package load

import (
	"context"
	"errors"
	"fmt"
)

// Check is what became of the records, of the whole run and not of the window alone.
type Check struct {
	// Acknowledged is what producers were told is safe, the backlog included; Failed what was refused or given up.
	Acknowledged uint64 `json:"acknowledged"`
	Failed       uint64 `json:"failed"`
	// Received is what consumers got: once each, for as many consumers as read the same.
	Received uint64 `json:"received"`
	// Lost were acknowledged and did not come; Duplicates came again; Disordered came after a later one of their producer and
	// partition; Corrupt do not hold what was sent; Foreign are of somebody else.
	Lost       uint64 `json:"lost"`
	Duplicates uint64 `json:"duplicates"`
	Disordered uint64 `json:"out_of_order"`
	Corrupt    uint64 `json:"corrupt"`
	Foreign    uint64 `json:"foreign"`
	// BacklogReadings is how often the backlog was read, the last one perhaps not to its end.
	BacklogReadings int `json:"backlog_readings,omitempty"`
	// ByOffsets says that nobody read: the numbers are how far the topic grew.
	ByOffsets bool `json:"by_offsets,omitempty"`
}

// check compares what was acknowledged with what came out.
func (r *run) check(ctx context.Context) (*Check, error) {
	c := &Check{}
	for _, p := range append(append([]*producer{}, r.producers...), r.fillers...) {
		acked, failed, _ := p.outcome()
		c.Acknowledged += acked.count
		c.Failed += failed
	}
	for _, together := range r.copies {
		p := r.judgeCopy(together)
		c.add(p)
	}
	for _, p := range r.passes {
		c.add(p)
	}
	c.BacklogReadings = len(r.passes)
	var err error
	if r.config.Load == Produce {
		err = r.checkGrowth(ctx, c)
	}
	return c, errors.Join(err, r.trouble())
}

func (c *Check) add(p passed) {
	c.Received += p.received
	c.Lost += p.lost
	c.Duplicates += p.duplicates
	c.Disordered += p.disordered
	c.Corrupt += p.corrupt
	c.Foreign += p.foreign
}

// judgeCopy checks those who read everything together. They have come to rest.
func (r *run) judgeCopy(together []*reader) passed {
	p := passed{whole: true}
	var books []*book
	for _, reader := range together {
		p.add(reader.book.counts)
		books = append(books, reader.book)
	}
	p.lost = lost(acknowledged(r.producers), 0, books)
	return p
}

// checkGrowth counts by offsets what nobody read. A topic that others write to says nothing.
func (r *run) checkGrowth(ctx context.Context, c *Check) error {
	if !r.ours {
		return nil
	}
	ends, err := r.finalEnds(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	c.ByOffsets, c.Received = true, uint64(r.begins.records(ends))
	if c.Received < c.Acknowledged {
		c.Lost = c.Acknowledged - c.Received
	} else if more := c.Received - c.Acknowledged; more > c.Failed {
		c.Duplicates = more - c.Failed
	}
	return nil
}

// trouble gives what clients told of, if anything.
func (r *run) trouble() error {
	for _, p := range append(append([]*producer{}, r.producers...), r.fillers...) {
		if _, failed, failure := p.outcome(); failed > 0 {
			return fmt.Errorf("%d records of a producer were not taken: %w", failed, failure)
		}
	}
	for _, together := range r.copies {
		for _, reader := range together {
			if err := reader.trouble(); err != nil {
				return fmt.Errorf("a consumer failed: %w", err)
			}
		}
	}
	return nil
}

// Verdict gives an error if the cluster broke a promise: a record that was acknowledged got lost or changed, or came twice or
// out of order though its producer was idempotent. With acks=0 nothing is promised.
func (r *Result) Verdict() error {
	c := r.Check
	switch {
	case c == nil:
		return nil
	case c.Corrupt > 0:
		return fmt.Errorf("%d records came out changed", c.Corrupt)
	case c.Lost > 0 && r.Config.Acks != "0":
		return fmt.Errorf("%d acknowledged records were lost", c.Lost)
	case c.Duplicates > 0 && r.Config.Idempotence:
		return fmt.Errorf("%d records of idempotent producers came twice", c.Duplicates)
	case c.Disordered > 0 && r.Config.Idempotence:
		return fmt.Errorf("%d records of idempotent producers came out of order", c.Disordered)
	}
	return nil
}
