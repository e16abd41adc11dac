package hedge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/objstore/hedge"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

const ms = time.Millisecond

// bodiesMax is what the second answers to reads may take here.
const bodiesMax = 10 << 20

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) objstore.Store { return hedge.New(env.Real(), memstore.New(time.Now), bodiesMax) })
}

// bed is a hedged bucket under a virtual clock whose answers are scripted.
type bed struct {
	*testing.T
	objstore.Store
	p      *sim.Proc
	hedged *hedge.Store
	script []reaction // of the next requests, in order; then they take 40 ms
	asked  []string   // operations, in order, with the time of each
	began  time.Time
}

// reaction is what becomes of one request.
type reaction struct {
	takes time.Duration
	err   objstore.ErrorKind
	fails bool
	done  bool // although it fails
}

func in(t *testing.T, f func(b *bed)) {
	t.Helper()
	if err := sim.NewWorld(1).RunFor(time.Hour, func(p *sim.Proc) {
		b := &bed{T: t, Store: memstore.New(p.Now), p: p}
		b.hedged = hedge.New(p, b, bodiesMax)
		f(b)
	}); err != nil {
		t.Fatal(err)
	}
}

func react[T any](ctx context.Context, b *bed, op, key string, work func() (T, error)) (T, error) {
	r := reaction{takes: 40 * ms}
	if len(b.script) > 0 {
		r, b.script = b.script[0], b.script[1:]
	}
	b.asked = append(b.asked, fmt.Sprintf("%s at %v", op, b.p.Now().Sub(b.began)))
	b.p.Sleep(r.takes)
	var none T
	switch {
	case !r.fails:
		return work()
	case r.done:
		_, _ = work()
	}
	return none, &objstore.Error{Kind: r.err, Op: op, Key: key, Cause: errors.New("scripted")}
}

func (b *bed) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return react(ctx, b, "create", key, func() (objstore.Meta, error) { return b.Store.PutIfAbsent(context.Background(), key, body) })
}

func (b *bed) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	return react(ctx, b, "put", key, func() (objstore.Meta, error) { return b.Store.Put(context.Background(), key, body...) })
}

func (b *bed) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	return react(ctx, b, "get", key, func() (objstore.Object, error) { return b.Store.GetRange(context.Background(), key, off, n) })
}

func (b *bed) Delete(ctx context.Context, keys ...string) error {
	_, err := react(ctx, b, "delete", keys[0], func() (struct{}, error) { return struct{}{}, b.Store.Delete(context.Background(), keys...) })
	return err
}

func (b *bed) List(ctx context.Context, prefix, after string, limit int) (objstore.Page, error) {
	return react(ctx, b, "list", prefix, func() (objstore.Page, error) { return b.Store.List(context.Background(), prefix, after, limit) })
}

// learn makes n requests of each operation, of 40 ms each.
func (b *bed) learn(n int) {
	b.Helper()
	for i := range n {
		key := fmt.Sprintf("learnt/%d/%d", i, b.p.Now().UnixNano())
		_, err := b.hedged.PutIfAbsent(b.Context(), key, []byte("x"))
		if err == nil {
			_, err = b.hedged.Put(b.Context(), key, []byte("x"))
		}
		if err == nil {
			_, err = b.hedged.GetRange(b.Context(), key, 0, 1)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.asked = nil
}

// play creates "k" while the next requests react as scripted, and gives the outcome, and what was asked for.
func (b *bed) play(script ...reaction) (outcome, asked string) {
	b.Helper()
	b.script, b.began, b.asked = script, b.p.Now(), nil
	_, err := b.hedged.PutIfAbsent(b.Context(), "k", []byte("body"))
	outcome = "created"
	if err != nil {
		outcome = objstore.KindOf(err).String()
	}
	return fmt.Sprintf("%s after %v", outcome, b.p.Now().Sub(b.began)), strings.Join(b.asked, ", ")
}

func (b *bed) expect(what, got, want string) {
	b.Helper()
	if got != want {
		b.Errorf("%s: %s, want %s", what, got, want)
	}
}

func fails(takes time.Duration, kind objstore.ErrorKind) reaction {
	return reaction{takes: takes, fails: true, err: kind}
}

func lost(takes time.Duration) reaction {
	return reaction{takes: takes, fails: true, done: true, err: objstore.Ambiguous}
}

func takes(d time.Duration) reaction { return reaction{takes: d} }

// What comes of a conditional create and its hedge, which is sent after 60 ms: half as much again as usual.
func TestWhichAnswerCounts(t *testing.T) {
	const twice = "create at 0s, create at 60ms"
	for _, c := range []struct {
		name          string
		script        []reaction
		outcome, asks string
	}{
		{"in time", []reaction{takes(59 * ms)}, "created after 59ms", "create at 0s"},
		{"the hedge is faster", []reaction{takes(900 * ms), takes(20 * ms)}, "created after 80ms", twice},
		{"the hedge is slower", []reaction{takes(70 * ms), takes(200 * ms)}, "created after 70ms", twice},
		{"failed before it was late", []reaction{fails(10*ms, objstore.Other)}, "failed after 10ms", "create at 0s"},
		{"refused before it was late", []reaction{fails(10*ms, objstore.Exists)}, "exists after 10ms", "create at 0s"},
		{"the first may have happened, the hedge did", []reaction{lost(70 * ms), fails(30*ms, objstore.Exists)}, "exists after 90ms", twice},
		{"the first may have happened, the hedge is the one that did", []reaction{fails(70*ms, objstore.Ambiguous), takes(30 * ms)}, "created after 90ms", twice},
		{"nobody knows", []reaction{lost(70 * ms), fails(30*ms, objstore.Ambiguous)}, "ambiguous after 90ms", twice},
		{"the first may have happened, the hedge did not", []reaction{lost(70 * ms), fails(30*ms, objstore.Throttled)}, "ambiguous after 90ms", twice},
		{"the first did not happen, the hedge may have", []reaction{fails(70*ms, objstore.Other), lost(30 * ms)}, "ambiguous after 90ms", twice},
		{"taken, says the hedge, while the first says nothing", []reaction{takes(900 * ms), fails(20*ms, objstore.Exists)}, "exists after 80ms", twice},
		{"a person must act, say both", []reaction{fails(70*ms, objstore.Fatal), fails(30*ms, objstore.Other)}, "fatal after 90ms", twice},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, func(b *bed) {
				b.learn(40)
				outcome, asks := b.play(c.script...)
				b.expect("outcome", outcome, c.outcome)
				b.expect("requests", asks, c.asks)
			})
		})
	}
}

// A read that finds nothing is answered: its hedge is not waited for.
func TestReads(t *testing.T) {
	in(t, func(b *bed) {
		b.learn(40)
		b.script, b.began = []reaction{takes(900 * ms), takes(30 * ms)}, b.p.Now()
		if _, err := b.hedged.GetRange(b.Context(), "nowhere", 0, 1); !objstore.Is(err, objstore.NotFound) {
			t.Error(err)
		}
		b.expect("time", b.p.Now().Sub(b.began).String(), "90ms")
		b.expect("counts", fmt.Sprintf("%+v", b.hedged.Stats()), "{Requests:121 Sent:1 Won:1}")
	})
}

// Second answers take no more memory than they may, the slow ones that nobody waits for any more included; writes take none.
func TestBodiesAreBounded(t *testing.T) {
	const size = 4 << 20 // bodiesMax has room for two
	in(t, func(b *bed) {
		if _, err := b.Store.Put(b.Context(), "large", make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		read := func(n int64, script ...reaction) (hedges int64) {
			b.Helper()
			before := b.hedged.Stats().Sent
			b.script = script
			if _, err := b.hedged.GetRange(b.Context(), "large", 0, n); err != nil {
				t.Fatal(err)
			}
			return b.hedged.Stats().Sent - before
		}
		for range 100 {
			read(size)
		}
		stalled, soon := takes(10*time.Second), takes(20*ms)
		for n, want := range []int64{1, 1, 0} {
			if got := read(size, stalled, soon); got != want {
				t.Errorf("read %d while as many answers that lost are under way: %d hedges, want %d", n+1, got, want)
			}
		}
		b.learn(40)
		b.script = []reaction{takes(100 * ms), soon}
		before := b.hedged.Stats().Sent
		if _, err := b.hedged.Put(b.Context(), "k", make([]byte, 1)); err != nil || b.hedged.Stats().Sent != before+1 {
			t.Errorf("a write: %v, %d hedges", err, b.hedged.Stats().Sent-before)
		}
		b.p.Sleep(10 * time.Second)
		for range 40 {
			read(size)
		}
		if got := read(size, stalled, soon); got != 1 {
			t.Errorf("after the others have ended: %d hedges", got)
		}
		for range 40 {
			read(-1)
		}
		if got := read(-1, takes(2*time.Second)); got != 0 {
			t.Errorf("a read of nobody knows how much: %d hedges", got)
		}
	})
}

// Deletions and listings are asked for once, however long they take.
func TestWhatIsNotHedged(t *testing.T) {
	in(t, func(b *bed) {
		b.learn(40)
		b.script = []reaction{takes(5 * time.Second), takes(5 * time.Second)}
		if _, err := b.hedged.List(b.Context(), "", "", 10); err != nil {
			t.Error(err)
		}
		if err := b.hedged.Delete(b.Context(), "k"); err != nil {
			t.Error(err)
		}
		if len(b.asked) != 2 {
			t.Errorf("asked %q", b.asked)
		}
	})
}

// Nothing is hedged as long as nobody knows what is slow: at first, and after a quiet minute.
func TestQuietAgentsHedgeNothing(t *testing.T) {
	in(t, func(b *bed) {
		late := func(what string, hedges int) {
			b.Helper()
			_, asks := b.play(takes(500*ms), takes(500*ms))
			if n := strings.Count(asks, "create"); n != 1+hedges {
				t.Errorf("%s: %s", what, asks)
			}
			_ = b.Store.Delete(b.Context(), "k")
		}
		late("at first", 0)
		b.learn(18)
		late("after 19 requests", 0)
		b.learn(40)
		late("after 60 requests", 1)
		b.p.Sleep(2 * time.Minute)
		late("after a quiet time", 0)
		for range 12 { // as an idle agent does
			b.learn(1)
			b.p.Sleep(5 * time.Second)
		}
		late("after an idle minute", 0)
	})
}

// When everything is slow at once, a few hedges are sent, and then one for every twenty requests; none to a store that
// asks for fewer.
func TestHedgesAreFew(t *testing.T) {
	in(t, func(b *bed) {
		b.learn(40)
		slow := func(n int) int64 {
			before := b.hedged.Stats().Sent
			for range n {
				b.script = []reaction{takes(2 * time.Second), takes(2 * time.Second)}
				if _, err := b.hedged.Put(b.Context(), "slow", nil); err != nil {
					t.Fatal(err)
				}
				b.script = nil
			}
			return b.hedged.Stats().Sent - before
		}
		if n := slow(20); n > 8 || n < 3 {
			t.Errorf("%d of 20 slow requests were hedged", n)
		}
		b.learn(100)
		total := b.hedged.Stats()
		if 20*total.Sent > total.Requests {
			t.Errorf("%d hedges of %d requests", total.Sent, total.Requests)
		}
		b.script = []reaction{fails(ms, objstore.Throttled)}
		if _, err := b.hedged.Put(b.Context(), "slow", nil); !objstore.Is(err, objstore.Throttled) {
			t.Fatal(err)
		}
		b.script = nil
		if n := slow(5); n > 0 {
			t.Errorf("%d hedges to a store that had just throttled", n)
		}
	})
}

// When the budget is used up by requests that are slow, one that stalls is hedged all the same, when it is twice as late; what that
// costs is earned by those that follow.
func TestAStallIsHedgedOnCredit(t *testing.T) {
	in(t, func(b *bed) {
		b.learn(128)
		for range 5 { // uses up what was saved
			b.script = []reaction{takes(70 * ms), takes(70 * ms)}
			if _, err := b.hedged.Put(b.Context(), "slow", nil); err != nil {
				t.Fatal(err)
			}
		}
		slow, _ := b.play(takes(100 * ms))
		b.expect("slow", slow, "created after 100ms")
		_ = b.Store.Delete(b.Context(), "k")
		stalled, asks := b.play(takes(time.Second), takes(40*ms))
		b.expect("stalled", stalled, "created after 160ms")
		b.expect("requests", asks, "create at 0s, create at 120ms")
		before := b.hedged.Stats()
		for range 20 {
			b.script = []reaction{takes(70 * ms)}
			if _, err := b.hedged.Put(b.Context(), "slow", nil); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.hedged.Stats().Sent - before.Sent; n > 1 {
			t.Errorf("%d hedges of the next 20, while credit is paid back", n)
		}
	})
}

// What counts as slow does not fall because slow requests lose to their hedges.
func TestWhatIsSlowStays(t *testing.T) {
	in(t, func(b *bed) {
		var sent int64
		for n := range 4000 {
			b.script = []reaction{takes(time.Duration(10+n*37%100) * ms)} // 10 to 109 ms, evenly
			_, err := b.hedged.Put(b.Context(), "k", nil)
			if err != nil {
				t.Fatal(err)
			}
			b.script = nil
			if n == 2000 {
				sent = b.hedged.Stats().Sent
			}
		}
		if n := b.hedged.Stats().Sent - sent; n < 50 || n > 110 {
			t.Errorf("%d of the last 2000 requests were hedged, want some 5 in 100", n)
		}
	})
}

// Requests of one size say nothing about those of another.
func TestSizesAreToldApart(t *testing.T) {
	in(t, func(b *bed) {
		b.learn(40)
		b.script = []reaction{takes(2 * time.Second)}
		if _, err := b.hedged.Put(b.Context(), "large", make([]byte, 8<<20)); err != nil {
			t.Fatal(err)
		}
		if n := b.hedged.Stats().Sent; n != 0 {
			t.Errorf("%d hedges of the first large request", n)
		}
	})
}

// A caller that gives up gets an answer as soon as the store gives one, and no hedge is sent for it.
func TestGivingUp(t *testing.T) {
	in(t, func(b *bed) {
		b.learn(40)
		ctx, cancel := b.p.WithTimeout(b.Context(), 30*ms)
		defer cancel()
		b.script = []reaction{fails(100*ms, objstore.Ambiguous)}
		if _, err := b.hedged.Put(ctx, "k", nil); !objstore.Is(err, objstore.Ambiguous) {
			t.Error(err)
		}
		if len(b.asked) != 1 {
			t.Errorf("asked %q", b.asked)
		}
	})
}

// A store that is one disk is asked once, in the caller's own goroutine.
func TestOneDiskIsAskedOnce(t *testing.T) {
	disk, err := filestore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := hedge.New(env.Real(), disk, bodiesMax)
	for range 100 {
		if _, err := s.Put(t.Context(), "k", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Stats().Requests; n != 0 {
		t.Errorf("%d requests were watched", n)
	}
}

// careful is a store that looks at no body once a call has returned.
type careful struct{ objstore.Store }

func (careful) Info() objstore.Info { return objstore.Info{BodyFree: true} }

// Where requests are sent twice, the loser may look at a body when the winner has returned.
func TestBodiesOfHedgedRequestsStayTaken(t *testing.T) {
	disk, err := filestore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		inner objstore.Store
		free  bool
	}{{careful{memstore.New(time.Now)}, false}, {disk, true}} {
		if got := hedge.New(env.Real(), c.inner, bodiesMax).Info().BodyFree; got != c.free {
			t.Errorf("%+v: bodies are free: %t, want %t", c.inner.Info(), got, c.free)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := hedge.New(env.Real(), memstore.New(time.Now), bodiesMax)
	if _, err := s.Put(b.Context(), "k", []byte("x")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.GetRange(b.Context(), "k", 0, 1); err != nil {
			b.Fatal(err)
		}
	}
}
