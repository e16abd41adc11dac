package sim_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
)

// pair connects two new processes, a (who dialled) and b.
func pair(t *testing.T, w *sim.World, main *sim.Proc) (a, b *sim.Proc, ca, cb net.Conn) {
	t.Helper()
	a, b = w.Proc("a"), w.Proc("b")
	accepted := env.NewFuture[net.Conn](main)
	l, err := b.Listen("b:0")
	if err != nil {
		t.Fatal(err)
	}
	main.Go("accept", func() { accepted.Set(l.Accept()) })
	if ca, err = a.Dial(l.Addr().String(), time.Second); err != nil {
		t.Fatal(err)
	}
	if cb, err = accepted.Wait(time.Time{}); err != nil {
		t.Fatal(err)
	}
	return a, b, ca, cb
}

// everySeed runs f in some worlds.
func everySeed(t *testing.T, f func(w *sim.World, main *sim.Proc)) {
	t.Helper()
	for seed := range uint64(30) {
		run(t, seed, f)
	}
}

func TestConnCarriesBytesInOrderAndBounded(t *testing.T) {
	everySeed(t, func(w *sim.World, main *sim.Proc) {
		_, _, ca, cb := pair(t, w, main)
		want := make([]byte, 300_000)
		for i := range want {
			want[i] = byte(i * i >> 3)
		}
		var wrote time.Duration
		main.Go("writer", func() {
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 1+int(main.Uint64()%20_000))
				if _, err := ca.Write(rest[:n]); err != nil {
					t.Errorf("write: %v", err)
				}
				rest = rest[n:]
			}
			wrote = w.Elapsed()
			ca.Close()
		})
		main.Sleep(time.Hour)
		if wrote != 0 {
			t.Error("300 kB were written though nobody reads")
		}
		if got, err := io.ReadAll(cb); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if _, err := cb.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to one who has closed: %v", err)
		}
		if _, err := ca.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a closed connection: %v", err)
		}
	})
}

func TestConnDeadlines(t *testing.T) {
	everySeed(t, func(w *sim.World, main *sim.Proc) {
		_, _, ca, cb := pair(t, w, main)
		timesOut := func(what string, err error) {
			var ne net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
				t.Errorf("%s: %v", what, err)
			}
		}
		start := w.Elapsed()
		_ = ca.SetReadDeadline(main.Now().Add(time.Second))
		_, err := ca.Read(make([]byte, 1))
		timesOut("read", err)
		if d := w.Elapsed() - start; d != time.Second {
			t.Errorf("the read took %v", d)
		}
		_ = ca.SetReadDeadline(time.Time{})
		main.Go("interrupter", func() {
			main.Sleep(time.Minute)
			_ = ca.SetReadDeadline(main.Now().Add(-time.Second))
		})
		_, err = ca.Read(make([]byte, 1))
		timesOut("a read whose deadline is moved meanwhile", err)
		_ = cb.SetWriteDeadline(main.Now().Add(time.Second))
		n, err := cb.Write(make([]byte, 1<<20))
		timesOut("write", err)
		if n == 0 || n == 1<<20 {
			t.Errorf("wrote %d bytes", n)
		}
	})
}

func TestDialRefusals(t *testing.T) {
	run(t, 1, func(w *sim.World, main *sim.Proc) {
		b := w.Proc("b")
		if _, err := main.Dial("b:9092", 0); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
		var dns *net.DNSError
		if _, err := main.Dial("nowhere:9092", 0); !errors.As(err, &dns) {
			t.Errorf("no such host: %v", err)
		}
		if _, err := b.Listen("main:1"); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("listen on another's host: %v", err)
		}
		l, _ := b.Listen(":9092")
		if _, err := b.Listen("0.0.0.0:9092"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("listen twice: %v", err)
		}
		c, err := main.Dial("b:9092", 0)
		if err != nil {
			t.Errorf("dial: %v", err)
		}
		l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept of a closed listener: %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a connection that was never accepted lives on")
		}
		w.Cut(main, b)
		start := w.Elapsed()
		var ne net.Error
		if _, err := main.Dial("b:9092", 3*time.Second); !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("dial into a cut network: %v", err)
		}
		if d := w.Elapsed() - start; d != 3*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestKillBreaksConnections(t *testing.T) {
	ends := map[string]int{}
	everySeed(t, func(w *sim.World, main *sim.Proc) {
		_, b, ca, _ := pair(t, w, main)
		b.Kill()
		_, err := ca.Read(make([]byte, 1))
		switch {
		case errors.Is(err, io.EOF):
			ends["end"]++
		case errors.Is(err, syscall.ECONNRESET):
			ends["reset"]++
		default:
			t.Errorf("read from a killed process: %v", err)
		}
		if _, err := main.Dial("b:40000", time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial to a killed process: %v", err)
		}
	})
	if ends["end"] == 0 || ends["reset"] == 0 {
		t.Errorf("how connections ended: %v", ends)
	}
}

func TestCutHoldsBackAndHealDelivers(t *testing.T) {
	everySeed(t, func(w *sim.World, main *sim.Proc) {
		a, b, ca, cb := pair(t, w, main)
		w.Cut(a, b)
		_, _ = ca.Write([]byte("hello"))
		_ = cb.SetReadDeadline(main.Now().Add(5 * time.Second))
		if n, err := cb.Read(make([]byte, 5)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("through a cut came %d bytes, %v", n, err)
		}
		w.Heal(a, b)
		_ = cb.SetReadDeadline(time.Time{})
		got := make([]byte, 5)
		if _, err := io.ReadFull(cb, got); err != nil || string(got) != "hello" {
			t.Errorf("after the cut came %q, %v", got, err)
		}
	})
}

func TestLongCutBreaksConnections(t *testing.T) {
	everySeed(t, func(w *sim.World, main *sim.Proc) {
		a, b, ca, cb := pair(t, w, main)
		w.Cut(a, b)
		_, _ = ca.Write([]byte("lost"))
		if _, err := ca.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the writer was told %v", err)
		}
		if d := w.Elapsed(); d < 10*time.Second || d > 31*time.Second {
			t.Errorf("it was told after %v", d)
		}
		_ = cb.SetReadDeadline(main.Now().Add(time.Hour))
		if _, err := cb.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("while the network is cut the other side was told %v", err)
		}
		w.Heal(a, b)
		_ = cb.SetReadDeadline(time.Time{})
		if _, err := cb.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the cut the other side was told %v", err)
		}
	})
}
