package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	const passed = `{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":1.5}
`
	const failed = `{"Action":"output","Package":"q","Test":"TestB","Output":"b_test.go:1: wrong\n"}
{"Action":"fail","Package":"q","Test":"TestB"}
{"Action":"skip","Package":"q","Test":"TestC"}
{"Action":"fail","Package":"q"}
`
	const panicked = `{"Action":"output","Package":"r","Test":"TestD","Output":"panic: oops\n"}
{"Action":"fail","Package":"r"}
`
	bad := &exec.ExitError{}
	for name, tc := range map[string]struct {
		events string
		err    error
		code   int
		has    []string
		hasNot string
	}{
		"all pass":     {passed, nil, 0, []string{"ok  \tp\t1.500s", "\n1 passed, 0 failed, 0 skipped\n"}, "noise"},
		"one fails":    {passed + failed, bad, 1, []string{"b_test.go:1: wrong", "FAIL\tq", "\n1 passed, 1 failed, 1 skipped\n"}, "noise"},
		"one panics":   {panicked, bad, 1, []string{"panic: oops", "\n0 passed, 1 failed, 0 skipped\n"}, ""},
		"none ran":     {"", nil, 1, []string{"no test ran"}, ""},
		"go is absent": {passed, errors.New("no go"), 1, []string{"no go", "1 passed"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			s := newSummary(&out, false)
			s.follow(strings.NewReader(tc.events))
			if code := s.end(tc.err); (code != 0) != (tc.code != 0) {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, want := range tc.has {
				if !strings.Contains("\n"+out.String(), want) {
					t.Errorf("no %q in:\n%s", want, out.String())
				}
			}
			if tc.hasNot != "" && strings.Contains(out.String(), tc.hasNot) {
				t.Errorf("%q in:\n%s", tc.hasNot, out.String())
			}
		})
	}
}

func TestArgumentsOfSeveralRuns(t *testing.T) {
	for args, want := range map[string]string{
		"-p 2 ./...":               "[[-p 2 ./...]]",
		"./... -- -tags x ./sim":   "[[./...] [-tags x ./sim]]",
		"./a -- ./b -- -count=1 c": "[[./a] [./b] [-count=1 c]]",
	} {
		if got := fmt.Sprint(runs(strings.Fields(args))); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}
