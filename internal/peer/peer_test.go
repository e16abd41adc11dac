package peer_test

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/peer"
)

// end is one agent of a test: its Node, and what it was told.
type end struct {
	*peer.Node
	p    *sim.Proc
	self base.Incarnation
	log  []string
	last peer.LinkID // that came up
	got  int         // bytes of messages
	full bool        // takes no more
}

func (e *end) PeerUp(link peer.LinkID, from base.Incarnation) {
	e.last = link
	e.log = append(e.log, fmt.Sprintf("up %d", from))
}

func (e *end) PeerGone(who base.Incarnation) { e.PeerDown(0, who) }

func (e *end) PeerDown(link peer.LinkID, from base.Incarnation) {
	word := "down"
	if link == 0 {
		word = "unreachable"
	}
	e.log = append(e.log, fmt.Sprintf("%s %d", word, from))
}

func (e *end) PeerMessage(_ peer.LinkID, _ base.Incarnation, kind uint8, body []byte) bool {
	e.got += len(body)
	if len(body) < 100 {
		e.log = append(e.log, fmt.Sprintf("%d %s", kind, body))
	}
	return !e.full
}

func (e *end) told() string { return strings.Join(e.log, ", ") }

// listen starts an agent of that incarnation in a process of its own.
func listen(w *sim.World, name, cluster string, self base.Incarnation) *end {
	e := &end{p: w.Proc(name), self: self}
	n, err := peer.Listen(e.p, ":9094", cluster, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		panic(err)
	}
	e.Node = n
	n.Start(e, func() base.Incarnation { return e.self })
	return e
}

// world runs f with two agents, 1 and 2.
func world(t *testing.T, f func(w *sim.World, main *sim.Proc, a, b *end)) {
	t.Helper()
	for seed := range uint64(5) {
		w := sim.NewWorld(seed)
		err := w.RunFor(time.Hour, func(main *sim.Proc) {
			f(w, main, listen(w, "a", "c", 1), listen(w, "b", "c", 2))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func expect(t *testing.T, e *end, want string) {
	t.Helper()
	if got := e.told(); got != want {
		t.Errorf("agent %d was told\n%s, want\n%s", e.self, got, want)
	}
}

func TestMessagesInOrder(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		a.Open(2, "b:9094")
		a.Open(2, "b:9094") // once is enough
		main.Sleep(time.Second)
		for i := range 3 {
			a.Send(a.last, uint8(i+1), []byte{'x', byte('0' + i)})
		}
		b.Send(b.last, 9, nil)
		main.Sleep(10 * time.Second) // keep-alives hold an idle link up
		a.Open(2, "b:9094")
		expect(t, a, "up 2, 9 , up 2")
		expect(t, b, "up 1, 1 x0, 2 x1, 3 x2")
	})
}

// Who is of another cluster, has no incarnation, or is not the one sought gets no link.
func TestRefusedHandshakes(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		other := listen(w, "other", "another cluster", 3)
		a.Open(3, "other:9094")
		a.Open(7, "b:9094")
		a.Open(4, "nobody:9094")
		b.self = 0
		main.Sleep(10 * time.Second)
		slices.Sort(a.log)
		expect(t, a, "unreachable 3, unreachable 4, unreachable 7")
		expect(t, b, "")
		expect(t, other, "")
	})
}

// An agent that has no incarnation at the moment says of nobody that he cannot be reached.
func TestWithoutIdentityNobodyIsUnreachable(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		a.self = 0
		a.Open(2, "b:9094")
		main.Sleep(10 * time.Second)
		expect(t, a, "")
		a.self = 5
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		expect(t, a, "up 2")
		expect(t, b, "up 5")
	})
}

// A link that was greeted by the incarnation before does not come up.
func TestNoLinkOfAnOldIncarnation(t *testing.T) {
	ups := 0
	for seed := range uint64(40) {
		w := sim.NewWorld(seed)
		err := w.RunFor(time.Hour, func(main *sim.Proc) {
			a, b := listen(w, "a", "c", 1), listen(w, "b", "c", 2)
			a.Open(2, "b:9094")
			main.Sleep(w.Between(0, 3*time.Millisecond))
			a.self = 3
			a.Reset()
			main.Sleep(5 * time.Second)
			// Whether it came up before or not: what was made by agent 1 is gone.
			if n := len(b.log); n > 0 && b.log[n-1] == "up 1" {
				t.Errorf("seed %d: %s", seed, b.told())
			}
			if strings.Contains(b.told(), "up 1") {
				ups++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if ups == 0 {
		t.Error("no link was ever up before the change: the test shows less than it should")
	}
}

// A process that stands still is found out by its silence, though its connections stay open.
func TestSilence(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		b.p.Pause(time.Minute)
		main.Sleep(3 * time.Second)
		expect(t, a, "up 2")
		main.Sleep(3 * time.Second)
		expect(t, a, "up 2, down 2")
		if a.Send(a.last, 1, nil) {
			t.Error("a broken link takes messages")
		}
		a.Open(2, "b:9094")
		main.Sleep(6 * time.Second)
		expect(t, a, "up 2, down 2, unreachable 2")
	})
}

// A dead process is known at once.
func TestDeath(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		b.p.Kill()
		main.Sleep(10 * time.Millisecond)
		expect(t, a, "up 2, down 2")
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		expect(t, a, "up 2, down 2, unreachable 2")
	})
}

// Of two links to one agent the second one serves when the first breaks.
func TestSecondLinkTakesOver(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		a.Open(2, "b:9094")
		b.Open(1, "a:9094")
		main.Sleep(time.Second)
		expect(t, a, "up 2, up 2")
		first := min(a.last, 3-a.last)
		for range 3 * 1024 { // the first link's queue overflows: nobody runs meanwhile
			a.Send(first, 1, []byte("message"))
		}
		main.Sleep(time.Second)
		ups := strings.Count(b.told(), "up 1")
		a.log = nil
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		expect(t, a, "up 2")
		if n := strings.Count(b.told(), "up 1"); n != ups {
			t.Errorf("a third link was made, of %d", n)
		}
		if a.last == first {
			t.Error("the broken link was given for a working one")
		}
		n := len(b.log)
		a.Send(a.last, 4, []byte("still here"))
		main.Sleep(time.Second)
		if len(b.log) != n+1 {
			t.Error("the second link carries nothing")
		}
	})
}

// The queue of a link is bounded by number and by bytes; past that the link is closed.
func TestQueueFull(t *testing.T) {
	for name, size := range map[string]int{"frames": 1, "bytes": 1 << 20} {
		world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
			a.Open(2, "b:9094")
			main.Sleep(time.Second)
			body, sent := make([]byte, size), 0
			for sent < 3000 && a.Send(a.last, 1, body) {
				sent++
			}
			if most := map[string]int{"frames": 1024, "bytes": 32}[name]; sent != most {
				t.Errorf("%s: %d messages were queued, want %d", name, sent, most)
			}
			main.Sleep(time.Second)
			expect(t, a, "up 2, down 2")
		})
	}
}

// What is sent in time gets through whole, however long.
func TestLongMessages(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		if a.Send(a.last, 1, make([]byte, peer.MaxBodyBytes+1)) {
			t.Error("a message past the bound was taken")
		}
		for range 3 {
			a.Send(a.last, 1, make([]byte, 5<<20+1))
		}
		main.Sleep(time.Minute)
		if b.got != 3*(5<<20+1) {
			t.Errorf("%d bytes came", b.got)
		}
	})
}

// A handler that takes no more has the link closed.
func TestHandlerThatIsFull(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		b.full = true
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		a.Send(a.last, 1, []byte("x"))
		main.Sleep(time.Second)
		expect(t, b, "up 1, 1 x, down 1")
		expect(t, a, "up 2, down 2")
	})
}

// Stop ends every link and every goroutine, also one that dials.
func TestStop(t *testing.T) {
	world(t, func(w *sim.World, main *sim.Proc, a, b *end) {
		a.Open(2, "b:9094")
		main.Sleep(time.Second)
		w.Cut(a.p, w.Proc("far"))
		a.Open(9, "far:9094")
		done := false
		a.p.Go("stop", func() { a.Stop(a.p.Now().Add(10 * time.Second)); done = true })
		main.Sleep(9 * time.Second)
		if !done {
			t.Error("Stop waits for something that does not end")
		}
		expect(t, b, "up 1, down 1")
	})
}
