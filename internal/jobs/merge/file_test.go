package merge

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/crc32c"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/segment"
)

// TestPiecesAreChecked: what is not exactly the batches that the state says is not merged, and leaves nothing in the file.
func TestPiecesAreChecked(t *testing.T) {
	one := batch.Plain(batch.None).Build(batch.NewRecord{Value: []byte("value")})
	two := batch.Plain(batch.None).Build(batch.NewRecord{Value: []byte("value")}, batch.NewRecord{Value: []byte("another")})
	damaged := append(batch.Batch{}, one...)
	damaged[len(damaged)-1] ^= 1
	for name, c := range map[string]struct {
		bytes []byte
		count uint32
		want  string // of the error; empty: none
	}{
		"a batch":                 {one, 1, ""},
		"two":                     {append(append([]byte{}, one...), two...), 3, ""},
		"nothing":                 {nil, 1, "shorter"},
		"a batch too few":         {one, 3, "end at 8, the state says 10"},
		"a batch too many":        {append(append([]byte{}, one...), two...), 1, "end at 10, the state says 8"},
		"half a batch":            {two[:len(two)-3], 2, "ends within a batch"},
		"a bit flipped":           {damaged, 1, "bears checksum"},
		"bytes that are no batch": {make([]byte, 100), 1, "length"},
	} {
		f := file{builder: segment.NewBuilder(0)}
		s := Stretch{Topic: base.TopicID{1}, Key: base.KeyOf(1, 0), Stretch: log.Stretch{Base: 7, Extents: 1}}
		err := f.add(&s, 1, []piece{{Extent: log.Extent{Base: 7, Count: c.count, Len: uint32(len(c.bytes))}, bytes: c.bytes}})
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (len(f.stretches) > 0 || len(f.builder.Entries()) > 0):
			t.Errorf("%s: something of it is in the file", name)
		}
	}
}

// TestFronts: batches come into the file with the offset and epoch that the log has for them; those that bear them are taken as they lie.
func TestFronts(t *testing.T) {
	const offset, epoch = 7, 3
	foreseen := batch.Plain(batch.None).Build(batch.NewRecord{Value: []byte("value")})
	foreseen.Rebase(offset, epoch)
	other := append(batch.Batch{}, foreseen...)
	other.Rebase(offset+1, epoch)
	older := append(batch.Batch{}, foreseen...)
	older.Rebase(offset, epoch-1)
	next := append(batch.Batch{}, foreseen...)
	next.Rebase(offset+1, epoch)
	want := slices.Concat(foreseen, next)
	for name, c := range map[string]struct {
		batches []byte
		pieces  int // of the file: its head, the batches, its tail
	}{
		"foreseen":                   {slices.Concat(foreseen, next), 4},
		"the second's offset is not": {slices.Concat(foreseen, foreseen), 5},
		"the first's offset is not":  {slices.Concat(other, next), 5},
		"no offset is":               {slices.Concat(other, foreseen), 6},
		"the epoch is not":           {slices.Concat(older, older), 6},
	} {
		f := file{builder: segment.NewBuilder(0)}
		s := Stretch{Topic: base.TopicID{1}, Key: base.KeyOf(1, 0), Stretch: log.Stretch{Base: offset, Extents: 1}}
		given := bytes.Clone(c.batches)
		if err := f.add(&s, epoch, []piece{{Extent: log.Extent{Base: offset, Count: 2, Len: uint32(len(given))}, bytes: given}}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e := f.builder.Entries()[0]
		if n := len(f.builder.Pieces()); n != c.pieces {
			t.Errorf("%s: %d pieces, want %d", name, n, c.pieces)
		}
		if got := f.builder.Finish()[e.Pos:][:e.Len]; !bytes.Equal(got, want) || e.CRC != crc32c.Of(want) || !bytes.Equal(given, c.batches) {
			t.Errorf("%s: %x with checksum %08x, want %x with %08x", name, got, e.CRC, want, crc32c.Of(want))
		}
	}
}
