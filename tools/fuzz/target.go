package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is one fuzz function.
type target struct{ dir, name string }

func (t target) String() string { return t.dir + "." + t.name }

// find lists the fuzz targets of the test files below root that match, by folder and name.
func find(root string, match *regexp.Regexp) ([]target, error) {
	var targets []target
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		names, err := fuzzFunctions(path)
		for _, name := range names {
			dir, relErr := filepath.Rel(root, filepath.Dir(path))
			if t := (target{filepath.ToSlash(dir), name}); relErr == nil && match.MatchString(t.String()) {
				targets = append(targets, t)
			}
		}
		return err
	})
	slices.SortFunc(targets, func(a, b target) int { return strings.Compare(a.String(), b.String()) })
	return targets, err
}

func fuzzFunctions(path string) (names []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

// outcome is what came of a run.
type outcome struct {
	inputs, fresh int // tried, and those that reached new code
	kept          int // copied into testdata/fuzz, of this run or an earlier one
	output        string
	err           error
}

// progress is what go test prints every three seconds and at the end.
var progress = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)

// Go's fuzzer now and then calls the end of its own time a failure; one that it found it also wrote down.
const (
	outOfTime = "context deadline exceeded"
	finding   = "Failing input written to"
)

// run fuzzes the target, and then keeps what was found if it is to. On a busy machine a short time may go by before the corpus is through: then
// it takes longer.
func (t target) run(each time.Duration, keep bool) outcome {
	r := t.once(each)
	if r.err == errNothing {
		r = t.once(each + patience)
	}
	if keep && r.err == nil {
		if r.kept, r.err = t.keep(); r.err != nil {
			r.output = "keeping its corpus"
		}
	}
	return r
}

// patience is what a target takes longer that tried no input in its time.
const patience = 20 * time.Second

var errNothing = errors.New("no input was tried")

// once fuzzes the target with one worker, so that a machine's other work goes on.
func (t target) once(each time.Duration) outcome {
	cmd := exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), "-parallel", "1", "./"+t.dir)
	raw, err := cmd.CombinedOutput()
	r := outcome{output: string(raw), err: err}
	for _, m := range progress.FindAllStringSubmatch(r.output, -1) {
		r.inputs, _ = strconv.Atoi(m[1]) // digits by the pattern
		r.fresh, _ = strconv.Atoi(m[2])
	}
	if err != nil && strings.Contains(r.output, outOfTime) && !strings.Contains(r.output, finding) {
		r.err = nil
	}
	if r.err == nil && r.inputs == 0 {
		r.err = errNothing
	}
	return r
}

const (
	// keptMax bounds a target's corpus in the repository: all of it runs with every go test.
	keptMax = 20
	// keptBytesMax leaves out large inputs; a small one that reaches the same code is found sooner or later.
	keptBytesMax = 2048
)

// keep copies inputs that reached new code from Go's cache into testdata/fuzz, the smallest first.
func (t target) keep() (kept int, err error) {
	found, err := t.cached()
	if err != nil {
		return 0, err
	}
	own := filepath.Join(t.dir, "testdata", "fuzz", t.name)
	if err := os.MkdirAll(own, 0o755); err != nil {
		return 0, err
	}
	present, err := os.ReadDir(own)
	if err != nil {
		return 0, err
	}
	for _, path := range found {
		to := filepath.Join(own, filepath.Base(path))
		if _, err := os.Stat(to); err == nil || len(present)+kept >= keptMax {
			continue
		}
		input, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(to, input, 0o644)
		}
		if err != nil {
			return kept, err
		}
		kept++
	}
	return kept, nil
}

// cached lists the small inputs in Go's cache, by size and name.
func (t target) cached() ([]string, error) {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOCACHE: %w", err)
	}
	pkg, err := exec.Command("go", "list", "./"+t.dir).Output()
	if err != nil {
		return nil, fmt.Errorf("go list ./%s: %w", t.dir, err)
	}
	dir := filepath.Join(strings.TrimSpace(string(cache)), "fuzz", strings.TrimSpace(string(pkg)), t.name)
	sizes := map[string]int64{}
	var paths []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() <= keptBytesMax {
			paths, sizes[path] = append(paths, path), info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing new was ever found
	}
	slices.SortFunc(paths, func(a, b string) int {
		if d := sizes[a] - sizes[b]; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
	return paths, err
}
