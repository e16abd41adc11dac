package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
)

// racers is how many creates of one key run at once: enough for a store that checks first and writes later to be
// caught, few enough to cost nothing.
const racers = 8

// A probe is begun anew, on other objects, when a request failed in a way that may pass: a throttled create says nothing
// about the store, and must not keep an agent from starting. Some 15 s in all, like the other operations' retries.
const (
	attempts   = 8
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// Run probes store with some 16 requests on scratch objects under probe/<nonce>-, and removes them. nonce must be
// another one in each run, made of letters and digits. A store that is unsafe fails with an objstore.Error of kind
// Fatal that names the store and the reason; one that cannot be reached, with the error that it gave last.
func Run(ctx context.Context, e env.Env, store objstore.Store, nonce string) error {
	for attempt, pause := 1, firstPause; ; attempt, pause = attempt+1, min(2*pause, maxPause) {
		p := &prober{ctx: ctx, env: e, store: store, prefix: fmt.Sprintf("probe/%s-%d-", nonce, attempt)}
		err := p.run()
		// What cannot be removed does no harm, and the next operation will tell what is wrong.
		_ = store.Delete(ctx, p.key("create"), p.key("race"))
		if err == nil || !mayPass(err) || attempt == attempts || ctx.Err() != nil {
			return err
		}
		e.Sleep(pause)
	}
}

// mayPass reports whether a request that failed with err may succeed later.
func mayPass(err error) bool {
	switch objstore.KindOf(err) {
	case objstore.Other, objstore.Throttled, objstore.Ambiguous:
		return true
	}
	return false
}

type prober struct {
	ctx    context.Context
	env    env.Env
	store  objstore.Store
	prefix string
}

func (p *prober) key(name string) string { return p.prefix + name }

func (p *prober) run() error {
	for _, step := range []func() error{p.create, p.race, p.list, p.ranges} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// create proves that a second create is refused and changes nothing.
func (p *prober) create() error {
	key, first := p.key("create"), p.body(0)
	_, err := p.store.PutIfAbsent(p.ctx, key, first)
	switch {
	case objstore.Is(err, objstore.Exists): // what lies between has tried twice, or the key is not of this probe alone
		if err := p.wantBody(key, first, "after a create that was refused though the name is new"); err != nil {
			return err
		}
	case err != nil:
		return p.failed(err)
	}
	_, err = p.store.PutIfAbsent(p.ctx, key, p.body(1))
	switch {
	case err == nil:
		return p.unsafe(key, "it created an object that was there already: it ignores create-if-absent (If-None-Match: *)")
	case !refused(err):
		return p.failed(err)
	}
	return p.wantBody(key, first, "after a refused create")
}

// race proves that of concurrent creates one wins, and that the object is the winner's.
func (p *prober) race() error {
	key, outcomes := p.key("race"), p.compete(p.key("race"))
	winner, winners := 0, 0
	for i, err := range outcomes {
		switch {
		case err == nil:
			winner = i
			winners++
		case !refused(err) && !mayPass(err):
			return p.failed(err)
		}
	}
	if winners > 1 {
		return p.unsafe(key, fmt.Sprintf("%d of %d concurrent creates of one object succeeded: its create-if-absent is not atomic", winners, racers))
	}
	if winners == 1 {
		return p.wantBody(key, p.body(winner), "after a race to create it")
	}
	return p.wantUntold(key, outcomes)
}

// wantUntold judges a race whose winner was not told so: one of them must have won, whose answer was lost, or who met his
// own object when what lies between tried twice; or else those who know nothing took no part.
func (p *prober) wantUntold(key string, outcomes []error) error {
	o, err := p.store.GetRange(p.ctx, key, 0, -1)
	if err != nil && !objstore.Is(err, objstore.NotFound) {
		return p.failed(err)
	}
	for i, outcome := range outcomes {
		switch {
		case err != nil && mayPass(outcome):
			return p.failed(outcome)
		case err == nil && bytes.Equal(o.Body, p.body(i)):
			return nil
		}
	}
	return p.unsafe(key, fmt.Sprintf("all of %d concurrent creates of a new object were refused", racers))
}

// compete runs the race and gives each racer's outcome.
func (p *prober) compete(key string) []error {
	outcomes := make([]error, racers)
	var mu sync.Mutex
	group := env.NewGroup(p.env)
	for i := range outcomes {
		group.Go("probe", func() {
			_, err := p.store.PutIfAbsent(p.ctx, key, p.body(i))
			mu.Lock()
			defer mu.Unlock()
			outcomes[i] = err
		})
	}
	group.Wait(time.Time{})
	return outcomes
}

// list proves that what was written is listed, in order and from the right place on.
func (p *prober) list() error {
	got, err := p.listed()
	if err != nil {
		return p.failed(err)
	}
	if want := []string{p.key("create"), p.key("race")}; fmt.Sprint(got) != fmt.Sprint(want) {
		return p.unsafe(p.prefix, fmt.Sprintf("it lists %v where %v were written: its listings are not strongly consistent", got, want))
	}
	// Whether there is More does not matter: some stores say so when the next key, of another agent's probe, lies beyond
	// the prefix; the next page is empty then.
	page, err := p.store.List(p.ctx, p.prefix, p.key("create"), 1)
	if err != nil {
		return p.failed(err)
	}
	if got, want := keysOf(page), []string{p.key("race")}; fmt.Sprint(got) != fmt.Sprint(want) {
		return p.unsafe(p.prefix, fmt.Sprintf("it lists %v after %q, want %v: it ignores start-after", got, p.key("create"), want))
	}
	return nil
}

// listed gives all keys, page by page: a store may end a page early.
func (p *prober) listed() (keys []string, err error) {
	for after := ""; ; {
		page, err := p.store.List(p.ctx, p.prefix, after, objstore.ListLimitMax)
		if err != nil {
			return nil, err
		}
		keys = append(keys, keysOf(page)...)
		if !page.More || len(page.Entries) == 0 {
			return keys, nil
		}
		after = keys[len(keys)-1]
	}
}

// ranges proves that a part of an object can be read.
func (p *prober) ranges() error {
	key, body := p.key("create"), p.body(0)
	o, err := p.store.GetRange(p.ctx, key, 3, 5)
	if err != nil {
		return p.failed(err)
	}
	if !bytes.Equal(o.Body, body[3:8]) || o.SizeBytes != int64(len(body)) {
		return p.unsafe(key, "it does not give the range of bytes that was asked for")
	}
	return nil
}

func (p *prober) wantBody(key string, want []byte, when string) error {
	o, err := p.store.GetRange(p.ctx, key, 0, -1)
	switch {
	case objstore.Is(err, objstore.NotFound):
		return p.unsafe(key, "an object that was written is not there "+when+": it has no read-after-write")
	case err != nil:
		return p.failed(err)
	case !bytes.Equal(o.Body, want):
		return p.unsafe(key, "an object does not hold what its creator wrote "+when)
	}
	return nil
}

// body is what racer i writes: unlike all others.
func (p *prober) body(i int) []byte { return fmt.Appendf(nil, "millrace probe %s %d", p.prefix, i) }

func keysOf(page objstore.Page) []string {
	var keys []string
	for _, entry := range page.Entries {
		keys = append(keys, entry.Key)
	}
	return keys
}

// refused reports whether a create was refused as it should be: exists, or 409 in the middle of another's.
func refused(err error) bool {
	return objstore.Is(err, objstore.Exists) || objstore.Is(err, objstore.Ambiguous)
}

func (p *prober) unsafe(key, reason string) error {
	text := fmt.Sprintf("the store %s is not safe for Millrace: %s; use a store with atomic conditional writes and strong consistency", p.store.Info().URL, reason)
	return &objstore.Error{Kind: objstore.Fatal, Op: "probe", Key: key, Cause: errors.New(text)}
}

func (p *prober) failed(err error) error {
	return fmt.Errorf("the store %s could not be probed: %w", p.store.Info().URL, err)
}
