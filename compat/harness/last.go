package harness

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TellLast gives tb, such that what Error and Fatal are told is told once more when all else has been, the first line of each:
// below the logs of servers and clients, where it is seen also by who is shown the end only.
func TellLast(tb testing.TB) testing.TB {
	last := &teller{TB: tb}
	tb.Cleanup(func() { // the first one, so it runs last
		if told := last.told(); told != "" {
			tb.Logf("once more, why it failed:\n%s", told)
		}
	})
	return last
}

// teller remembers what failed the test.
type teller struct {
	testing.TB
	mu    sync.Mutex
	texts []string
}

func (t *teller) keep(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, _, _ := strings.Cut(text, "\n")
	t.texts = append(t.texts, first)
	return text
}

func (t *teller) told() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.texts, "\n")
}

func (t *teller) Error(args ...any) {
	t.TB.Helper()
	t.TB.Error(t.keep(strings.TrimSuffix(fmt.Sprintln(args...), "\n")))
}

func (t *teller) Errorf(format string, args ...any) {
	t.TB.Helper()
	t.TB.Error(t.keep(fmt.Sprintf(format, args...)))
}

func (t *teller) Fatal(args ...any) {
	t.TB.Helper()
	t.TB.Fatal(t.keep(strings.TrimSuffix(fmt.Sprintln(args...), "\n")))
}

func (t *teller) Fatalf(format string, args ...any) {
	t.TB.Helper()
	t.TB.Fatal(t.keep(fmt.Sprintf(format, args...)))
}
