package broker

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/base/piece"
)

// zeros is a file without end. No real one: a world must not wait for a disk.
type zeros struct{ syscall.Conn }

func (zeros) ReadAt(b []byte, _ int64) (int, error) {
	clear(b)
	return len(b), nil
}

// A client has a minute for an answer, or as long as what of it lies in files takes at 256 KiB a second, if that is longer. One that does
// not take a piece of it within 20 s is gone.
func TestSlowClients(t *testing.T) {
	const mib, never = 1 << 20, 0
	inMemory := piece.List{piece.Of(make([]byte, 12*mib))}
	inFile := piece.List{piece.In(zeros{}, 0, 64*mib)}
	mixed := append(inMemory, inFile...)
	for name, test := range map[string]struct {
		out   piece.List
		rate  int           // bytes a second that the client takes
		until int           // bytes that it takes at all; 0: all of them
		gone  time.Duration // when it is given up; 0: never
	}{
		"in memory":           {inMemory, 256 << 10, 0, never},
		"in memory, too slow": {inMemory, 128 << 10, 0, 60 * time.Second},
		"in a file":           {inFile, 300 << 10, 0, never},
		"in a file, too slow": {inFile, 200 << 10, 0, 256 * time.Second},
		"in both":             {mixed, 320 << 10, 0, never},
		"stalled":             {inFile, 1 << 20, 10 * mib, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			sent, taken, took := answerTo(t, test.out, test.rate, test.until)
			if sent != (test.gone == never) || sent && taken != test.out.Len() {
				t.Errorf("sent: %t, of which %d bytes were taken, after %v", sent, taken, took)
			}
			if off := took - test.gone; test.gone != never && (off < -time.Second || off > time.Second) {
				t.Errorf("given up after %v, want %v", took, test.gone)
			}
		})
	}
}

// answerTo sends an answer to a client that takes so many bytes a second, and stops when it has `until`. The client goes on after the
// last byte was sent, until it has all.
func answerTo(t *testing.T, out piece.List, rate, until int) (sent bool, taken int, took time.Duration) {
	t.Helper()
	w := sim.NewWorld(1)
	err := w.RunFor(time.Hour, func(main *sim.Proc) {
		l, err := main.Listen(":9092")
		if err != nil {
			t.Fatal(err)
		}
		client := w.Proc("client")
		client.Go("take", func() {
			c, err := client.Dial("main:9092", time.Second)
			const step = 32 << 10
			for err == nil && (until == 0 || taken < until) {
				client.Sleep(step * time.Second / time.Duration(rate))
				if _, err = io.ReadFull(c, make([]byte, step)); err == nil {
					taken += step
				}
			}
		})
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		b := &Broker{env: main, config: Config{Watch: nobody{}}}
		began := main.Now()
		sent = newConn(b, nc).write(&query{b: b, arrived: began}, answer{raw: out})
		took = main.Now().Sub(began)
		main.Sleep(5 * time.Second) // for what the connection still holds
	})
	if err != nil {
		t.Fatal(err)
	}
	return sent, taken, took
}
