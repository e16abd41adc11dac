package harness

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

var names atomic.Int64

// Name returns a topic or group name that no other test of the process uses.
func Name(tb testing.TB) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '-'
	}, strings.TrimPrefix(tb.Name(), "Test"))
	return fmt.Sprintf("%s-%d", clean, names.Add(1))
}
