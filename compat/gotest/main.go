// Command gotest runs go test with the arguments it is given, prints a line a package and the output of what failed, and
// ends with how many tests passed, failed and were skipped, counted from the events of go test -json. Arguments after a
// "--" are those of another run that follows and is counted with the first.
//
// It ends with go test's own exit code, and with 1 if that was 0 but no test ran at all. MILLRACE_TEST_VERBOSE=1 prints
// everything.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of go test -json; see go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Output     string
	Elapsed    float64 // seconds
}

// summary follows the events.
type summary struct {
	out                     io.Writer
	verbose                 bool
	passed, failed, skipped int
	broken                  int                 // packages that failed without a failed test: they did not build, or panicked
	held                    map[string][]string // output of tests that run, by package and test
	failedIn                map[string]bool     // packages with a failed test
}

func main() {
	s := newSummary(os.Stdout, os.Getenv("MILLRACE_TEST_VERBOSE") == "1")
	var failure error
	for _, args := range runs(os.Args[1:]) {
		if err := s.run(args); err != nil && failure == nil {
			failure = err
		}
	}
	os.Exit(s.end(failure))
}

// runs splits arguments at each "--".
func runs(args []string) (all [][]string) {
	for i := slices.Index(args, "--"); i >= 0; i = slices.Index(args, "--") {
		all, args = append(all, args[:i]), args[i+1:]
	}
	return append(all, args)
}

// run runs go test once. The error is its own.
func (s *summary) run(args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	s.follow(events)
	return cmd.Wait()
}

func newSummary(out io.Writer, verbose bool) *summary {
	return &summary{out: out, verbose: verbose, held: map[string][]string{}, failedIn: map[string]bool{}}
}

// follow reads events to their end.
func (s *summary) follow(events io.Reader) {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil {
			s.add(e)
		} else if line != "" {
			fmt.Fprint(s.out, line)
		}
		if err != nil {
			return
		}
	}
}

func (s *summary) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		if s.verbose {
			fmt.Fprint(s.out, e.Output)
		} else {
			s.held[key] = append(s.held[key], e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.endTest(e)
		}
		delete(s.held, key)
	}
}

func (s *summary) endTest(e event) {
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
	case "fail":
		s.failed++
		s.failedIn[e.Package] = true
		s.show(e)
	}
}

func (s *summary) endPackage(e event) {
	if e.Action == "fail" && !s.failedIn[e.Package] {
		s.broken++
		// The output of tests that a panic cut off is still held.
		for key := range s.held {
			if strings.HasPrefix(key, e.Package+" ") {
				fmt.Fprint(s.out, strings.Join(s.held[key], ""))
				delete(s.held, key)
			}
		}
	}
	word := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "?   "}[e.Action]
	fmt.Fprintf(s.out, "%s\t%s\t%.3fs\n", word, e.Package, e.Elapsed)
}

func (s *summary) show(e event) {
	fmt.Fprint(s.out, strings.Join(s.held[e.Package+" "+e.Test], ""))
}

// end prints the counts and returns the exit code, given how go test ended.
func (s *summary) end(err error) int {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = max(exit.ExitCode(), 1)
	case err != nil:
		fmt.Fprintln(s.out, err)
		code = 1
	}
	if code == 0 && s.passed+s.failed == 0 {
		fmt.Fprintln(s.out, "no test ran")
		code = 1
	}
	if s.broken > 0 {
		fmt.Fprintf(s.out, "%d packages did not build or broke off\n", s.broken)
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed+s.broken, s.skipped)
	return code
}
