package crc32c

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestOf(t *testing.T) {
	if got := Of([]byte("123456789")); got != 0xe3069283 { // the check value of CRC-32C, RFC 3720 B.4 and all catalogues
		t.Fatalf("%08x", got)
	}
}

func TestJoinedIsTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	for range 2000 {
		whole := b[:rng.IntN(1<<rng.IntN(21))]
		at := rng.IntN(len(whole) + 1)
		first, second := whole[:at], whole[at:]
		want := Of(whole)
		if got := join(Of(first), Of(second), len(second)); got != want {
			t.Fatalf("%d bytes cut at %d: joined %08x, want %08x", len(whole), at, got, want)
		}
		half := len(second) / 2
		if got := Append(Of(first), Of(second), second[:half], second[half:]); got != want {
			t.Fatalf("%d bytes cut at %d: appended %08x, want %08x", len(whole), at, got, want)
		}
		if got := Update(Of(first), second); got != want {
			t.Fatalf("%d bytes cut at %d: updated %08x, want %08x", len(whole), at, got, want)
		}
	}
}

func TestJoinOfALongPiece(t *testing.T) {
	piece, n := make([]byte, 1<<20), 1<<32-1<<20
	first := Of([]byte("first"))
	zeros, want := uint32(0), first
	for range n / len(piece) {
		zeros, want = Update(zeros, piece), Update(want, piece)
	}
	if got := join(first, zeros, n); got != want {
		t.Fatalf("%08x, want %08x", got, want)
	}
}

func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{joinPays, 0x5a5, 0x5a5a5} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for k := 0; b.Loop(); k = (k + 37) & 255 { // as sizes differ, so do the places in the tables
				join(1, 2, n+k)
			}
		})
	}
}

func BenchmarkOf(b *testing.B) {
	for _, n := range []int{joinPays, 4 << 10} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			piece := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				Of(piece)
			}
		})
	}
}
