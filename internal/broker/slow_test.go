package broker

import (
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/base/piece"
)

// emptyFile is a file of n bytes.
func emptyFile(t *testing.T, n int64) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Truncate(n); err != nil {
		t.Fatal(err)
	}
	return f
}

// A client has a minute for what an answer holds of memory, and for what lies in files as long as that takes at 256 KiB a second. One
// that takes nothing for 20 s is gone.
func TestSlowClients(t *testing.T) {
	const mib, never = 1 << 20, 0
	inMemory := piece.List{piece.Of(make([]byte, 12*mib))}
	inFile := piece.List{piece.In(emptyFile(t, 64*mib), 0, 64*mib)}
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
		"stalled":             {inFile, 1 << 20, 10 * mib, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			sent, took := answerTo(t, test.out, test.rate, test.until)
			if sent != (test.gone == never) {
				t.Errorf("sent: %t, after %v", sent, took)
			}
			if off := took - test.gone; test.gone != never && (off < -time.Second || off > time.Second) {
				t.Errorf("given up after %v, want %v", took, test.gone)
			}
		})
	}
}

// answerTo sends an answer to a client that takes so many bytes a second, and stops when it has `until`.
func answerTo(t *testing.T, out piece.List, rate, until int) (sent bool, took time.Duration) {
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
			for got := 0; err == nil && (until == 0 || got < until); got += step {
				client.Sleep(step * time.Second / time.Duration(rate))
				_, err = io.ReadFull(c, make([]byte, step))
			}
		})
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		b := &Broker{env: main, log: slog.New(slog.DiscardHandler), config: Config{Watch: nobody{}}}
		began := main.Now()
		sent = newConn(b, nc).write(&query{b: b, api: &api{}, arrived: began}, answer{raw: out})
		took = main.Now().Sub(began)
	})
	if err != nil {
		t.Fatal(err)
	}
	return sent, took
}
