package crc32c

import "hash/crc32"

var table = crc32.MakeTable(crc32.Castagnoli)

// Of gives the sum of b.
func Of(b []byte) uint32 { return crc32.Checksum(b, table) }

// Update gives the sum of what sum is of with piece behind it. It begins with 0.
func Update(sum uint32, piece []byte) uint32 { return crc32.Update(sum, table, piece) }

// joinPays is the length in bytes from which join takes less time than to read that much.
const joinPays = 4 << 10

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
// 2^32-1. It takes as long as to read some 4 KiB, whatever the length.
//
// The first piece's remainder is shifted by the length of the second: multiplied by x^(8n) modulo the polynomial, as
// zlib's crc32_combine does, four bits of n at a time.
func join(first, second uint32, n int) uint32 {
	for digit := 0; n != 0; digit, n = digit+1, n>>4 {
		if n&15 != 0 {
			first = multiply(shifts[digit][n&15], first)
		}
	}
	return first ^ second
}

// shifts[d][v] is x^(8·v·16^d) modulo the polynomial, its bits reversed as CRC32C has them.
var shifts = func() (s [8][16]uint32) {
	step := uint32(1 << 23) // x^8
	for d := range s {
		s[d][0] = 1 << 31
		for v := 1; v < 16; v++ {
			s[d][v] = multiply(s[d][v-1], step)
		}
		step = multiply(s[d][15], step)
	}
	return s
}()

// multiply gives a·b modulo the polynomial.
func multiply(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		product ^= b & -(a >> 31)
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
