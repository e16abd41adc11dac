package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as people write it: 8MiB, 1GiB, 500000. It is a pflag.Value.
type Size int64

var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1000}, {"MB", 1000 * 1000}, {"GB", 1000 * 1000 * 1000}, {"B", 1}}

// Set reads a size.
func (s *Size) Set(text string) error {
	number, unit := text, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > 1<<40/unit {
		return fmt.Errorf("%q is no size: write for example 8MiB, 1GiB or 500000", text)
	}
	*s = Size(n * unit)
	return nil
}

// String writes the size in the largest unit that leaves no rest.
func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Type names the kind of value in the help text.
func (s *Size) Type() string { return "size" }
