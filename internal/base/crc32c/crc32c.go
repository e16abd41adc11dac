package crc32c

import "hash/crc32"

var table = crc32.MakeTable(crc32.Castagnoli)

// Of gives the sum of b.
func Of(b []byte) uint32 { return crc32.Checksum(b, table) }

// Update gives the sum of what sum is of with piece behind it. It begins with 0.
func Update(sum uint32, piece []byte) uint32 { return crc32.Update(sum, table, piece) }

// joinPays is the length in bytes from which join takes less time than to read that much.
const joinPays = 512

// Append is Update for pieces whose sum, one after another, is known: where they are long they are not read. So damage since that
// was computed shows, instead of being sealed in.
func Append(sum, known uint32, pieces ...[]byte) uint32 {
	n := 0
	for _, p := range pieces {
		n += len(p)
	}
	switch {
	case sum == 0:
		return known // of nothing, or of what changes nothing
	case n >= joinPays:
		return join(sum, known, n)
	}
	for _, p := range pieces {
		sum = Update(sum, p)
	}
	return sum
}

// join gives the sum of two pieces one after another, from that of each and the length of the second in bytes: at most
// 2^32-1. Up to 2 KiB it takes half as long as to read joinPays, beyond that as long (BenchmarkJoin, BenchmarkOf).
//
// The first piece's remainder is shifted by the length of the second: multiplied by x^(8n) modulo the polynomial, as
// zlib's crc32_combine does, digitBits bits of n at a time.
func join(first, second uint32, n int) uint32 {
	for digit := 0; n != 0; digit, n = digit+1, n>>digitBits {
		if v := n & (1<<digitBits - 1); v != 0 {
			first = multiply(shifts[digit][v], first)
		}
	}
	return first ^ second
}

const digitBits = 11

// shifts[d][v] is x^(8·v·2^(d·digitBits)) modulo the polynomial, its bits reversed as CRC32C has them.
var shifts = func() (s [3][1 << digitBits]uint32) {
	step := uint32(1 << 23) // x^8
	for d := range s {
		s[d][0] = 1 << 31
		for v := 1; v < len(s[d]); v++ {
			s[d][v] = multiply(step, s[d][v-1])
		}
		step = multiply(step, s[d][len(s[d])-1])
	}
	return s
}()

// overflow[v] is v·x^4, where v has no more than the four highest powers, modulo the polynomial.
var overflow = func() (o [16]uint32) {
	for v := range o {
		o[v] = uint32(v)
		for range 4 {
			o[v] = timesX(o[v])
		}
	}
	return o
}()

// timesX gives a·x modulo the polynomial.
func timesX(a uint32) uint32 { return a>>1 ^ crc32.Castagnoli&-(a&1) }

// multiply gives a·b modulo the polynomial: four powers of a at a time, from the highest, which are its lowest bits.
func multiply(a, b uint32) (product uint32) {
	b1 := timesX(b)
	b2 := timesX(b1)
	b3 := timesX(b2)
	times := [16]uint32{0, b3, b2, b2 ^ b3, b1, b1 ^ b3, b1 ^ b2, b1 ^ b2 ^ b3,
		b, b ^ b3, b ^ b2, b ^ b2 ^ b3, b ^ b1, b ^ b1 ^ b3, b ^ b1 ^ b2, b ^ b1 ^ b2 ^ b3}
	for range 8 {
		product = product>>4 ^ overflow[product&15] ^ times[a&15]
		a >>= 4
	}
	return product
}
