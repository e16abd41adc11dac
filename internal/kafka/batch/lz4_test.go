package batch

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pierrec/lz4/v4"

	"github.com/millrace-io/millrace/internal/base"
)

var lz4Sizes = []lz4.BlockSize{lz4.Block64Kb, lz4.Block256Kb, lz4.Block1Mb, lz4.Block4Mb}

// lz4Of compresses plain with a writer of these options.
func lz4Of(t *testing.T, plain []byte, options ...lz4.Option) []byte {
	t.Helper()
	var out bytes.Buffer
	w := lz4.NewWriter(&out)
	if err := w.Apply(options...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCommonLZ4Frames: each of lz4Heads is what lz4's own writer begins a frame with, and its blocks are read.
func TestCommonLZ4Frames(t *testing.T) {
	built := Plain(LZ4).Build(sample(3000)...)
	plain := Plain(None).Build(sample(3000)...).Body()
	for i, h := range lz4Heads {
		body := lz4Of(t, plain, lz4.BlockSizeOption(lz4Sizes[i%4]), lz4.ChecksumOption(i >= 4))
		if got := string(body[:lz4HeadBytes]); got != h.bytes {
			t.Fatalf("head %d is %x, of lz4 %x", i, h.bytes, got)
		}
		if f := (lz4Frame{}); !f.begin(body) || f.maxBlock != int(lz4Sizes[i%4]) || f.checksum != (i >= 4) {
			t.Fatalf("head %d is not taken for what it is: %+v", i, f.lz4Head)
		}
		b := withBody(built, body)
		if out, err := decompress(b, 1<<30); err != nil || !bytes.Equal(out, plain) {
			t.Fatalf("head %d: %v, %d bytes of %d", i, err, len(out), len(plain))
		}
	}
}

// TestUncommonLZ4Frames are read as well, by the library.
func TestUncommonLZ4Frames(t *testing.T) {
	built := Plain(LZ4).Build(sample(3000)...)
	plain := Plain(None).Build(sample(3000)...).Body()
	for name, option := range map[string]lz4.Option{
		"block checksums": lz4.BlockChecksumOption(true), "content size": lz4.SizeOption(uint64(len(plain))),
	} {
		body := lz4Of(t, plain, option)
		if f := (lz4Frame{}); f.begin(body) {
			t.Fatalf("%s: taken for a common frame", name)
		}
		if _, info, err := Validate(withBody(built, body), rules()); err != nil || info.Count != 3000 {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// TestContentChecksumOfLZ4IsNotRead, as Kafka's broker does not; the CRC of the batch covers the same bytes.
func TestContentChecksumOfLZ4IsNotRead(t *testing.T) {
	body := lz4Of(t, Plain(None).Build(sample(5)...).Body(), lz4.ChecksumOption(true))
	body[len(body)-1]++
	if _, info, err := Validate(withBody(Plain(LZ4).Build(sample(5)...), body), rules()); err != nil || info.Count != 5 {
		t.Fatal(err)
	}
}

func TestBrokenLZ4Frames(t *testing.T) {
	plain := Plain(None).Build(sample(5)...).Body()
	whole := lz4Of(t, plain, lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(true))
	block := func(size uint32, body []byte) []byte {
		return append(append(binary.LittleEndian.AppendUint32(bytes.Clone(whole[:lz4HeadBytes]), size), body...), 0, 0, 0, 0, 0, 0, 0, 0)
	}
	for name, body := range map[string][]byte{
		"no frame":                       {},
		"half a head":                    whole[:5],
		"head alone":                     whole[:lz4HeadBytes],
		"half a block length":            whole[:lz4HeadBytes+2],
		"half a block":                   whole[:lz4HeadBytes+20],
		"no end mark":                    whole[:len(whole)-8],
		"no content checksum":            whole[:len(whole)-4],
		"half a content checksum":        whole[:len(whole)-2],
		"bytes after it":                 append(bytes.Clone(whole), 0),
		"a second frame":                 append(bytes.Clone(whole), whole...),
		"a block above the frame's size": block(lz4Stored|(64<<10+1), make([]byte, 64<<10+1)),
		"a block that is no lz4":         block(4, []byte{0xff, 0xff, 0xff, 0xff}),
		"a match before the start":       block(5, []byte{0x10, 'a', 9, 0, 0}),
	} {
		if _, _, err := Validate(withBody(Plain(LZ4).Build(sample(5)...), body), rules()); base.KindOf(err) != base.InvalidRecord {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSmallLZ4BlocksTakeLittleMemory, though their frames allow for 4 MiB.
func TestSmallLZ4BlocksTakeLittleMemory(t *testing.T) {
	f := lz4Frame{}
	body := lz4Of(t, make([]byte, 1000), lz4.BlockSizeOption(lz4.Block4Mb))
	if !f.begin(body) {
		t.Fatal("not begun")
	}
	if block, err := f.next(); err != nil || len(block) != 1000 || cap(f.block) > lz4MaxRatio*len(body) {
		t.Fatalf("%d bytes in memory for %d, %v", len(block), cap(f.block), err)
	}
}
