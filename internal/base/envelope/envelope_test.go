package envelope

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// reseal gives a copy of obj changed by edit and with a right checksum again.
func reseal(obj []byte, edit func([]byte)) []byte {
	c := bytes.Clone(obj[:len(obj)-TrailerSize])
	edit(c)
	return Seal(c)
}

func TestRoundTrip(t *testing.T) {
	for k := Cluster; k <= Segment; k++ {
		obj := Append(k, []byte("body"))
		body, version, err := Open(obj, k)
		if err != nil || string(body) != "body" || version != 1 {
			t.Fatalf("%s: got %q, version %d, %v", k, body, version, err)
		}
		if v, err := CheckHeader(obj[:HeaderSize], k); v != 1 || err != nil {
			t.Fatalf("%s: header: %d, %v", k, v, err)
		}
	}
}

func TestGolden(t *testing.T) {
	const golden = "4d52454e0100020000000000" + "6162" + "13fba387"
	if got := hex.EncodeToString(Append(Entry, []byte("ab"))); got != golden {
		t.Fatalf("an entry object is now\n%s, was\n%s: old buckets could not be read", got, golden)
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	good := Append(Entry, []byte("body"))
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		b[i] ^= 1
		return b
	}
	tests := []struct {
		name string
		obj  []byte
		want error
	}{
		{"empty", nil, ErrDamaged},
		{"cut short", good[:len(good)-1], ErrDamaged},
		{"shorter than an envelope", good[:10], ErrDamaged},
		{"body bit", flip(13), ErrDamaged},
		{"version bit", flip(versionAt), ErrDamaged},
		{"checksum bit", flip(len(good) - 1), ErrDamaged},
		{"foreign", []byte(`{"some":"json of another program"}`), ErrForeign},
		{"short foreign", []byte("hello"), ErrForeign},
		{"other kind", Append(Part, []byte("body")), ErrWrongKind},
		{"kind byte differs from magic", reseal(good, func(b []byte) { b[kindAt] = byte(Part) }), ErrWrongKind},
		{"newer", reseal(good, func(b []byte) { b[versionAt] = 7 }), ErrNewer},
		{"reserved byte used", reseal(good, func(b []byte) { b[reservedAt] = 1 }), ErrNewer},
		{"version zero", reseal(good, func(b []byte) { b[versionAt] = 0 }), ErrDamaged},
		{"encrypted", reseal(good, func(b []byte) { binary.LittleEndian.PutUint32(b[keyAt:], 9) }), ErrUnknownKey},
	}
	for _, test := range tests {
		_, _, err := Open(test.obj, Entry)
		if !errors.Is(err, test.want) || base.KindOf(err) != base.StorageError {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(Append(Segment, []byte("body")), byte(Segment))
	f.Add([]byte("MRSG"), byte(Part))
	f.Fuzz(func(t *testing.T, obj []byte, k byte) {
		kind := Cluster + Kind(k)%Segment
		body, _, err := Open(obj, kind)
		if err == nil && !bytes.Equal(Append(kind, body), obj) {
			t.Fatalf("opened %x, which is not what Append writes", obj)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	obj := Append(Segment, make([]byte, 1<<20))
	b.SetBytes(int64(len(obj)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Open(obj, Segment); err != nil {
			b.Fatal(err)
		}
	}
}
