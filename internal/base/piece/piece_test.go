package piece

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// content is n bytes of which no two neighbours in a row of 251 are alike.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func fileOf(t testing.TB, b []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// tcp is both ends of a connection of the kernel's.
func tcp(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}

func mixed(f *os.File, b []byte) List {
	return List{Of(b[:10]), Of(nil), In(f, 10, 100_000), Of(b[100_010:100_020]), Of(b[100_020:400_000]), In(f, 400_000, 1), In(f, 400_001, len(b)-400_001)}
}

func TestWriteTo(t *testing.T) {
	b := content(3_000_000)
	f := fileOf(t, b)
	client, server := tcp(t)
	inMemory, other := net.Pipe()
	for name, c := range map[string][2]net.Conn{"TCP": {client, server}, "no TCP": {inMemory, other}} {
		for step, want := range map[int]int{1 << 30: 1, 256 << 10: 12, 99_999: 32} {
			t.Run(name, func(t *testing.T) {
				l, steps := mixed(f, b), 0
				done := make(chan error, 1)
				go func() { done <- l.WriteTo(c[1], step, func() { steps++ }) }()
				got := make([]byte, len(b))
				if _, err := io.ReadFull(c[0], got); err != nil {
					t.Fatal(err)
				}
				if err := <-done; err != nil || !bytes.Equal(got, b) || l.Len() != len(b) {
					t.Errorf("%v, equal: %v, Len %d", err, bytes.Equal(got, b), l.Len())
				}
				if steps != want {
					t.Errorf("steps of %d: ready was called %d times, want %d", step, steps, want)
				}
			})
		}
	}
}

// A piece of a file is not cut where a step ends, which would have the kernel called twice for it: it begins the next one.
func TestStepsBeginWithPieces(t *testing.T) {
	b := content(1_000_000)
	f := fileOf(t, b)
	var l List
	for at := 0; at < len(b); at += 100_000 {
		l = append(l, In(f, int64(at), 100_000))
	}
	client, server := tcp(t)
	var at []int // which bytes had been written when a step began
	written := counted{Conn: server}
	go func() { _, _ = io.Copy(io.Discard, client) }()
	if err := l.WriteTo(&written, 250_000, func() { at = append(at, written.n) }); err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 200_000, 400_000, 600_000, 800_000}; !slices.Equal(at, want) {
		t.Errorf("steps began at %d, want %d", at, want)
	}
}

// counted is a connection that counts what is written to it, and the most at once. The kernel does not know it: pieces of files go
// through memory.
type counted struct {
	net.Conn
	n, most int
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n += n
	c.most = max(c.most, n)
	return n, err
}

// What has to be copied out of files goes through little memory: many clients may be slow to take it.
func TestCopiesAreSmall(t *testing.T) {
	b := content(1_000_000)
	client, server := tcp(t)
	written := counted{Conn: server}
	go func() { _, _ = io.Copy(io.Discard, client) }()
	if err := (List{In(fileOf(t, b), 0, len(b))}).WriteTo(&written, 256<<10, func() {}); err != nil || written.n != len(b) {
		t.Fatalf("%d bytes, %v", written.n, err)
	}
	if written.most > 32<<10 {
		t.Errorf("%d bytes were copied at once", written.most)
	}
}

func TestCopy(t *testing.T) {
	b := content(500_000)
	f := fileOf(t, b)
	if got, err := mixed(f, b).Copy(); err != nil || !bytes.Equal(got, b) {
		t.Errorf("%v, equal: %v", err, bytes.Equal(got, b))
	}
	if _, err := (List{In(f, int64(len(b))-1, 2)}).Copy(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("beyond the end: %v", err)
	}
}

// What is owned does not change with what it was made of; files are left alone, or read.
func TestOwn(t *testing.T) {
	b := content(500_000)
	f := fileOf(t, b)
	for files, pieces := range map[bool]int{false: 5, true: 1} {
		memory := bytes.Clone(b)
		own, err := mixed(f, memory).Own(files)
		if in := own.InFiles(); in > 0 == files || mixed(f, b).InFiles() != 200_000 {
			t.Errorf("files %t: %d bytes lie in files, %d before", files, in, mixed(f, b).InFiles())
		}
		clear(memory)
		if got, copied := own.Copy(); err != nil || copied != nil || !bytes.Equal(got, b) || len(own) != pieces {
			t.Errorf("files %t: %v, %v, equal: %v, %d pieces", files, err, copied, bytes.Equal(got, b), len(own))
		}
	}
	cut := List{Of(b[:1]), In(f, int64(len(b))-1, 2)}
	if _, err := cut.Own(false); err != nil {
		t.Errorf("a file that is left alone: %v", err)
	}
	if _, err := cut.Own(true); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("beyond the end: %v", err)
	}
}

// A file that was cut short ends the answer with an error: the client was promised more.
func TestFileIsShorter(t *testing.T) {
	f := fileOf(t, content(100))
	client, server := tcp(t)
	go func() { _, _ = io.Copy(io.Discard, client) }()
	if err := (List{In(f, 0, 200)}).WriteTo(server, 1<<20, func() {}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

// A client that does not read is given up at the deadline, also while the kernel sends.
func TestDeadline(t *testing.T) {
	b := content(1 << 20)
	f := fileOf(t, b)
	_, server := tcp(t)
	var l List
	for range 64 { // more than the buffers of a connection take
		l = append(l, In(f, 0, len(b)))
	}
	limit := time.Now().Add(100 * time.Millisecond)
	err := l.WriteTo(server, 1<<30, func() { _ = server.SetWriteDeadline(limit) })
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
