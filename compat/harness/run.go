package harness

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Result is what a client printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// All is everything that was printed.
func (r Result) All() string { return r.Stdout + r.Stderr }

// ToolMax ends any client that does not end by itself.
const ToolMax = 120 * time.Second

// Java runs a main class of Kafka's jars or of tools/java, and fails the test unless it ends with 0.
func Java(tb testing.TB, mainClass string, args ...string) Result {
	tb.Helper()
	return mustSucceed(tb, TryJava(tb, "", mainClass, args...), mainClass, args)
}

// TryJava is Java with an input, for runs that may end badly.
func TryJava(tb testing.TB, stdin, mainClass string, args ...string) Result {
	tb.Helper()
	needClient(tb, "kafka")
	return run(tb, stdin, javaArgv(mainClass, args...))
}

// Kcat runs kcat and fails the test unless it ends with 0.
func Kcat(tb testing.TB, stdin string, args ...string) Result {
	tb.Helper()
	return mustSucceed(tb, TryKcat(tb, stdin, args...), "kcat", args)
}

// TryKcat is Kcat for runs that may end badly.
func TryKcat(tb testing.TB, stdin string, args ...string) Result {
	tb.Helper()
	needClient(tb, "kcat")
	return run(tb, stdin, append([]string{"kcat"}, args...))
}

// Python runs a script of tools/python and fails the test unless it ends with 0.
func Python(tb testing.TB, script string, args ...string) Result {
	tb.Helper()
	needClient(tb, "python")
	return mustSucceed(tb, run(tb, "", pythonArgv(script, args...)), script, args)
}

func pythonArgv(script string, args ...string) []string {
	repo := Repo()
	argv := []string{filepath.Join(repo, ".tools", "python", "bin", "python"), "-u", filepath.Join(repo, "tools", "python", script)}
	return append(argv, args...)
}

func mustSucceed(tb testing.TB, r Result, name string, args []string) Result {
	tb.Helper()
	if r.Code != 0 {
		tb.Fatalf("%s %s: exit code %d\n%s", name, strings.Join(args, " "), r.Code, r.All())
	}
	return r
}

func run(tb testing.TB, stdin string, argv []string) Result {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), ToolMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		r.Stderr += fmt.Sprintf("\nkilled after %v", ToolMax)
		r.Code = -1
	} else if cmd.ProcessState == nil {
		tb.Fatalf("running %s: %v", argv[0], err)
	}
	return r
}

var (
	installMu sync.Mutex
	installed = map[string]error{}
)

// needClient installs a client once a test process.
func needClient(tb testing.TB, client string) {
	tb.Helper()
	installMu.Lock()
	defer installMu.Unlock()
	err, done := installed[client]
	if !done {
		err = install(client)
		installed[client] = err
	}
	if err != nil {
		tb.Fatal(err)
	}
}
