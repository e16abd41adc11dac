package s3store

import "testing"

func TestWholeSize(t *testing.T) {
	for _, c := range []struct {
		header string
		off, n int64
		want   int64 // -1: refused
	}{
		{"bytes 3-6/10", 3, 4, 10},
		{"bytes 3-9/10", 3, 7, 10},
		{"bytes 0-0/1", 0, 1, 1},
		{"", 3, 4, -1},
		{"bytes 3-6/*", 3, 4, -1},
		{"bytes 3-6/-1", 3, 4, -1},
		{"bytes 3-6/5", 3, 4, -1},
		{"bytes 4-7/10", 3, 4, -1},
		{"bytes 3-5/10", 3, 4, -1},
		{"bytes 3-6/99999999999999999999", 3, 4, -1},
	} {
		got, err := wholeSize(c.header, c.off, c.n)
		if refused := c.want < 0; refused != (err != nil) || !refused && got != c.want {
			t.Errorf("wholeSize(%q, %d, %d) = %d, %v; want %d", c.header, c.off, c.n, got, err, c.want)
		}
	}
}

func FuzzWholeSize(f *testing.F) {
	f.Add("bytes 3-6/10", int64(3), int64(4))
	f.Fuzz(func(t *testing.T, header string, off, n int64) {
		if off < 0 || n < 1 {
			t.Skip("the driver asks for no such range")
		}
		if size, err := wholeSize(header, off, n); err == nil && (size < off || size-off < n) {
			t.Errorf("wholeSize(%q, %d, %d) = %d, an object that has no such range", header, off, n, size)
		}
	})
}
