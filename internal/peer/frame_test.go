package peer

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"testing"
)

func encode(kind uint8, body []byte) []byte { return append(header(kind, len(body)), body...) }

func TestFrameTravels(t *testing.T) {
	for _, n := range []int{0, 1, 1 << 20, 1<<20 + 1, 3 << 20} {
		body := bytes.Repeat([]byte{7}, n)
		kind, got, err := readFrame(bytes.NewReader(encode(9, body)), maxFrameBytes)
		if err != nil || kind != 9 || !bytes.Equal(got, body) {
			t.Errorf("a frame of %d bytes: kind %d, %d bytes, %v", n, kind, len(got), err)
		}
	}
}

// A length that is promised and not kept costs no memory.
func TestLyingLengthCostsNothing(t *testing.T) {
	lie := binary.LittleEndian.AppendUint32(nil, maxFrameBytes)
	lie = append(lie, 1, 2, 3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := readFrame(bytes.NewReader(lie), maxFrameBytes); err == nil {
		t.Fatal("half a frame was taken for a whole one")
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Fatalf("%d bytes were allocated for 2", used)
	}
}

func TestFramesPastTheLimit(t *testing.T) {
	if _, _, err := readFrame(bytes.NewReader(encode(1, make([]byte, 256))), 256); err == nil {
		t.Error("a frame of 257 bytes passed a limit of 256")
	}
	if _, _, err := readFrame(bytes.NewReader(encode(1, make([]byte, 255))), 256); err != nil {
		t.Error(err)
	}
	if _, _, err := readFrame(bytes.NewReader(make([]byte, 5)), 256); err == nil {
		t.Error("a frame without a kind was read")
	}
}

func TestHelloOfOthers(t *testing.T) {
	good := hello{cluster: "c", from: 3}.frame()[frameHeader:]
	if h, err := decodeHello(good); err != nil || h.cluster != "c" || h.from != 3 {
		t.Fatalf("%+v %v", h, err)
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"another magic":   func(b []byte) []byte { b[0] = 'X'; return b },
		"another version": func(b []byte) []byte { b[4] = 9; return b },
		"cut short":       func(b []byte) []byte { return b[:len(b)-1] },
		"with more":       func(b []byte) []byte { return append(b, 0) },
		"empty":           func([]byte) []byte { return nil },
	} {
		if h, err := decodeHello(spoil(bytes.Clone(good))); err == nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if _, err := readHello(bytes.NewReader(encode(1, good))); err == nil {
		t.Error("a message was taken for a hello")
	}
}

// Whatever bytes come, reading ends, and what is read is what was sent.
func FuzzFrames(f *testing.F) {
	f.Add(append(encode(1, []byte("abc")), encode(255, nil)...))
	f.Add(hello{cluster: "c", from: 3}.frame())
	f.Add([]byte{48, 48, 0, 0, 48}) // ends where the body begins
	f.Add([]byte{255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		var again []byte
		for {
			kind, body, err := readFrame(r, 1<<16)
			if err != nil {
				if err == io.EOF && !bytes.Equal(again, b) {
					t.Fatalf("%x was read as %x", b, again)
				}
				break
			}
			again = append(again, encode(kind, body)...)
			if h, err := decodeHello(body); err == nil {
				if back, err := decodeHello(h.frame()[frameHeader:]); err != nil || back != h {
					t.Fatalf("hello %+v came back as %+v, %v", h, back, err)
				}
			}
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("%x was read as %x", b, again)
		}
	})
}
