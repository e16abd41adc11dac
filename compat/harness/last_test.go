package harness

import (
	"fmt"
	"strings"
	"testing"
)

// spoken is a test whose output and cleanups are in the hands of another.
type spoken struct {
	testing.TB
	said     []string
	cleanups []func()
}

func (s *spoken) Helper()                 {}
func (s *spoken) Cleanup(f func())        { s.cleanups = append(s.cleanups, f) }
func (s *spoken) Log(args ...any)         { s.said = append(s.said, fmt.Sprint(args...)) }
func (s *spoken) Logf(f string, a ...any) { s.said = append(s.said, fmt.Sprintf(f, a...)) }
func (s *spoken) Error(args ...any)       { s.Log(args...) }
func (s *spoken) Fatal(args ...any)       { s.Log(args...) }
func (s *spoken) end() (last string) {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
	return s.said[len(s.said)-1]
}

func TestWhatFailedATestIsToldLast(t *testing.T) {
	s := &spoken{TB: t}
	tb := TellLast(s)
	tb.Cleanup(func() { tb.Log("a long log") })
	tb.Log("all is well")
	tb.Error("one", 1)
	tb.Errorf("two %d", 2)
	tb.Fatalf("three\nand its log")
	if got, want := s.end(), "one 1\ntwo 2\nthree"; !strings.HasSuffix(got, want) {
		t.Errorf("told last: %q, want %q", got, want)
	}
}

func TestNothingIsToldOfATestThatPasses(t *testing.T) {
	s := &spoken{TB: t}
	TellLast(s).Log("all is well")
	if got := s.end(); got != "all is well" {
		t.Errorf("told last: %q", got)
	}
}
