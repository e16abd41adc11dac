package load

import (
	"testing"

	"pgregory.net/rapid"
)

// value makes a record of run 7.
func value(producer uint16, number uint64) []byte {
	v := make([]byte, stampBytes)
	stamp{run: 7, producer: producer, number: number}.seal(v)
	return v
}

func TestABookTellsWhatIsWrong(t *testing.T) {
	type record struct {
		partition int32
		value     []byte
	}
	changed := value(0, 1)
	changed[20] ^= 1
	foreign := make([]byte, stampBytes)
	stamp{run: 8}.seal(foreign)
	for _, c := range []struct {
		name    string
		records []record
		want    counts
	}{
		{"in order", []record{{0, value(0, 0)}, {0, value(0, 1)}, {0, value(0, 5)}}, counts{received: 3}},
		{"partitions have no common order", []record{{0, value(0, 5)}, {1, value(0, 1)}}, counts{received: 2}},
		{"nor have producers", []record{{0, value(0, 5)}, {0, value(1, 1)}}, counts{received: 2}},
		{"twice", []record{{0, value(0, 0)}, {0, value(0, 1)}, {0, value(0, 0)}}, counts{received: 3, duplicates: 1}},
		{"twice, in two partitions", []record{{0, value(0, 0)}, {1, value(0, 0)}}, counts{received: 2, duplicates: 1}},
		{"out of order", []record{{0, value(0, 1)}, {0, value(0, 0)}, {0, value(0, 2)}}, counts{received: 3, disordered: 1}},
		{"changed", []record{{0, changed}}, counts{corrupt: 1}},
		{"of a producer that is not there", []record{{0, value(9, 0)}}, counts{corrupt: 1}},
		{"of another run", []record{{0, foreign}}, counts{foreign: 1}},
		{"of somebody else", []record{{0, []byte("hello")}, {0, nil}}, counts{foreign: 2}},
	} {
		b := newBook(7, 2)
		for _, r := range c.records {
			b.note(r.partition, r.value)
		}
		if b.counts != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, b.counts, c.want)
		}
	}
}

func TestLostIsWhatNoReaderOfACopyHas(t *testing.T) {
	acknowledged := make([]*bitset, 2)
	for i := range acknowledged {
		acknowledged[i] = &bitset{}
		for number := range uint64(100) {
			acknowledged[i].add(number)
		}
	}
	left, right := newBook(7, 2), newBook(7, 2)
	for number := range uint64(100) {
		left.note(0, value(0, number))
		if number != 40 && number != 99 {
			right.note(1, value(1, number))
		}
	}
	right.note(1, value(1, 1000)) // not acknowledged, but there: that is allowed
	if got := lost(acknowledged, 0, []*book{left, right}); got != 2 {
		t.Errorf("%d lost, want 2", got)
	}
	if got := lost(acknowledged, 0, []*book{left}); got != 100 {
		t.Errorf("without the second reader %d are lost, want 100", got)
	}
	if got := lost(acknowledged[1:], 1, []*book{right}); got != 2 {
		t.Errorf("of the second producer %d lost, want 2", got)
	}
}

// A bitset is a map of numbers.
func TestBitset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOf(rapid.Uint64Range(0, 2000)).Draw(t, "numbers")
		others := rapid.SliceOf(rapid.Uint64Range(0, 3000)).Draw(t, "others")
		var b, o bitset
		in, out := map[uint64]bool{}, map[uint64]bool{}
		for _, n := range numbers {
			if was := b.add(n); was != in[n] {
				t.Fatalf("add(%d) = %v, want %v", n, was, in[n])
			}
			in[n] = true
		}
		for _, n := range others {
			o.add(n)
			out[n] = true
		}
		missing := uint64(0)
		for n := range in {
			if !out[n] {
				missing++
			}
		}
		if b.count != uint64(len(in)) || b.missing([]*bitset{&o}) != missing || b.missing(nil) != b.count {
			t.Fatalf("count %d, missing %d and %d; want %d, %d and all", b.count, b.missing([]*bitset{&o}), b.missing(nil), len(in), missing)
		}
	})
}

// Whatever lies in a topic, reading it does not panic.
func FuzzNote(f *testing.F) {
	f.Add(value(1, 2), int32(0))
	f.Add([]byte{}, int32(-1))
	f.Fuzz(func(t *testing.T, v []byte, partition int32) {
		b := newBook(7, 2)
		b.note(partition, v)
		if n := b.received + b.corrupt + b.foreign; n != 1 {
			t.Errorf("%d records were counted, want 1", n)
		}
	})
}
