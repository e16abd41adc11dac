package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"os"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/crc32c"
	"github.com/millrace-io/millrace/internal/base/envelope"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file of the present format version anew")

const golden = "testdata/v1.seg"

func example() *Builder {
	b := NewBuilder(2)
	b.Add(base.TopicID{0xaa}, 0, Summed([]byte("first batch,")), Summed([]byte("second batch")))
	b.Add(base.TopicID{0xaa}, 7, Summed([]byte("of another partition")))
	b.Add(base.TopicID{0xbb}, 0, Summed([]byte("of another topic")))
	return b
}

func TestRoundTrip(t *testing.T) {
	b := example()
	file := b.Finish()
	if len(file) != b.SizeBytes() || cap(file) != len(file) {
		t.Fatalf("file has %d bytes, capacity %d, announced %d", len(file), cap(file), b.SizeBytes())
	}
	f, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if f.Store != 2 || len(f.Entries) != 3 {
		t.Fatalf("read back as %+v", f)
	}
	want := []string{"first batch,second batch", "of another partition", "of another topic"}
	for i, e := range f.Entries {
		if e != b.Entries()[i] || string(f.Chunk(e)) != want[i] {
			t.Errorf("chunk %d: %+v %q", i, e, f.Chunk(e))
		}
	}
}

// The pieces are the file, those of its chunks without a copy.
func TestPieces(t *testing.T) {
	b, long := example(), make([]byte, 10_000)
	part := Part{Bytes: long, Front: []byte("front"), CRC: crc32c.Of(append([]byte("front"), long[5:]...))}
	b.Add(base.TopicID{0xbb}, 1, part)
	pieces := b.Pieces()
	if !bytes.Equal(bytes.Join(pieces, nil), b.Finish()) {
		t.Fatal("the pieces are not the file")
	}
	if at := pieces[len(pieces)-2]; &at[0] != &long[5] || len(at) != len(long)-5 {
		t.Error("a piece is a copy")
	}
	b.Add(base.TopicID{0xcc}, 0, part) // the pieces stay what they are
	f, err := Parse(bytes.Join(pieces, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Entries) != 4 {
		t.Errorf("%d chunks in a file of 4", len(f.Entries))
	}
}

// A part's front takes the place of its first bytes, which stay as they are.
func TestFront(t *testing.T) {
	for _, size := range []int{5, 10_000} {
		b, raw := NewBuilder(2), make([]byte, size)
		rest := string(raw[5:])
		b.Add(base.TopicID{0xaa}, 0, Summed([]byte("first,")), Part{Bytes: raw, Front: []byte("front"), CRC: crc32c.Of([]byte("front" + rest))})
		b.Add(base.TopicID{0xaa}, 1, Part{Bytes: raw, Front: []byte("other"), CRC: crc32c.Of([]byte("other" + rest))})
		f, err := Parse(b.Finish())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"first,front" + rest, "other" + rest} {
			if got := string(f.Chunk(f.Entries[i])); got != want {
				t.Errorf("chunk %d of size %d is not what it should be", i, len(got))
			}
		}
		if string(raw) != string(make([]byte, size)) {
			t.Error("the part's bytes were changed")
		}
	}
}

func TestIndexFromRangesAlone(t *testing.T) {
	file := example().Finish()
	f, err := ParseFooter(file[len(file)-FooterSize:], uint64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := ParseIndex(file[f.IndexPos:f.IndexPos+uint64(f.IndexLen)], f)
	if err != nil || len(entries) != 3 || entries[1].Partition != 7 {
		t.Fatalf("%+v, %v", entries, err)
	}
}

func TestGolden(t *testing.T) {
	file := example().Finish()
	if *rewrite {
		if err := os.WriteFile(golden, file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, want) {
		t.Fatalf("the format has changed without a new version:\n%x\nwas\n%x", file, want)
	}
	if _, err := Parse(want); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	file := example().Finish()
	for i := range file {
		c := bytes.Clone(file)
		c[i] ^= 1 << (i % 8)
		if _, err := Parse(c); !errors.Is(err, envelope.ErrDamaged) && !errors.Is(err, envelope.ErrForeign) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for n := range file {
		if _, err := Parse(file[:n]); !errors.Is(err, envelope.ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// TestIndexThatLies holds files whose outer checksum is right: a writer with a fault, or an attacker.
func TestIndexThatLies(t *testing.T) {
	good := example().Finish()
	f, err := ParseFooter(good, uint64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	index, footer := int(f.IndexPos), len(good)-FooterSize
	tests := []struct {
		name string
		edit func(b []byte)
	}{
		{"position past the end", func(b []byte) { binary.LittleEndian.PutUint64(b[index+20:], 1<<40) }},
		{"overlapping chunks", func(b []byte) { binary.LittleEndian.PutUint64(b[index+EntrySize+20:], DataStart) }},
		{"length of a chunk", func(b []byte) { binary.LittleEndian.PutUint32(b[index+28:], 1<<31) }},
		{"negative partition", func(b []byte) { binary.LittleEndian.PutUint32(b[index+16:], 1<<31) }},
		{"checksum of a chunk", func(b []byte) { b[index+32] ^= 1 }},
		{"number of entries", func(b []byte) { binary.LittleEndian.PutUint32(b[footer+8:], 1<<31) }},
		{"position of the index", func(b []byte) { binary.LittleEndian.PutUint64(b[footer:], 1<<63) }},
		{"no entries", func(b []byte) {
			binary.LittleEndian.PutUint64(b[footer:], uint64(footer))
			binary.LittleEndian.PutUint32(b[footer+8:], 0)
		}},
	}
	for _, test := range tests {
		c := bytes.Clone(good[:len(good)-envelope.TrailerSize])
		test.edit(c)
		binary.LittleEndian.PutUint32(c[len(c)-4:], crc32c.Of(c[index:len(c)-4]))
		if _, err := Parse(envelope.Seal(c)); !errors.Is(err, envelope.ErrDamaged) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestAddRefusesWhatTheIndexCannotHold(t *testing.T) {
	for name, add := range map[string]func(b *Builder){
		"empty chunk":        func(b *Builder) { b.Add(base.TopicID{}, 0) },
		"negative partition": func(b *Builder) { b.Add(base.TopicID{}, -1, Summed([]byte("x"))) },
		"empty file":         func(b *Builder) { b.Finish() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			add(NewBuilder(0))
		}()
	}
}

// TestKey pins where files lie: buckets hold them under these keys.
func TestKey(t *testing.T) {
	id, err := base.ParseULID("01ARZ3NDEKTSV4RRFFQ69G5FAV")
	if err != nil {
		t.Fatal(err)
	}
	if key := Key(base.FileRef{ID: id}); key != "data/5b/01ARZ3NDEKTSV4RRFFQ69G5FAV" {
		t.Fatalf("the file is now looked for at %s", key)
	}
}

func FuzzParse(f *testing.F) {
	good := example().Finish()
	f.Add(good[envelope.HeaderSize : len(good)-envelope.TrailerSize])
	f.Fuzz(func(t *testing.T, body []byte) {
		// The checksums would stop nearly every input at the door: give each right ones.
		file := append(envelope.Begin(nil, envelope.Segment), body...)
		if n := len(file); n >= DataStart+FooterSize-envelope.TrailerSize {
			if pos := binary.LittleEndian.Uint64(file[n-16:]); pos <= uint64(n-4) {
				binary.LittleEndian.PutUint32(file[n-4:], crc32c.Of(file[pos:n-4]))
			}
		}
		parsed, err := Parse(envelope.Seal(file))
		if err != nil {
			return
		}
		b := NewBuilder(parsed.Store)
		for _, e := range parsed.Entries {
			b.Add(e.Topic, e.Partition, parsed.Part(e))
		}
		again := b.Finish()
		copy(again[envelope.HeaderSize:DataStart], body) // the bytes after the store id are for later versions
		if again = envelope.Seal(again[:len(again)-4]); !bytes.Equal(again, parsed.bytes) {
			t.Fatalf("parsed what Finish does not write")
		}
	})
}

func BenchmarkFinish(b *testing.B) {
	batch := Summed(make([]byte, 16<<10))
	b.SetBytes(8 << 20)
	b.ReportAllocs()
	for b.Loop() {
		s := NewBuilder(0)
		for p := range int32(512) {
			s.Add(base.TopicID{1}, p, batch)
		}
		s.Finish()
	}
}

func BenchmarkParse(b *testing.B) {
	s := NewBuilder(0)
	for p := range int32(512) {
		s.Add(base.TopicID{1}, p, Summed(make([]byte, 16<<10)))
	}
	file := s.Finish()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(file); err != nil {
			b.Fatal(err)
		}
	}
}
