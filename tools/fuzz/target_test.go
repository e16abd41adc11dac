package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Every format that comes from outside an agent has a target: the bucket's, the wire's, the peers' and the config's.
func TestEveryDecoderHasATarget(t *testing.T) {
	targets, err := find("../..", regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"internal/kafka/wire.FuzzDecodeRequest", "internal/kafka/wire.FuzzParseHeader", "internal/kafka/batch.FuzzValidate",
		"internal/segment.FuzzParse", "internal/journal.FuzzDecodeEntry", "internal/journal.FuzzDecodeManifest",
		"internal/journal.FuzzOpenPart", "internal/journal.FuzzDecodeCluster", "internal/base/envelope.FuzzOpen",
		"internal/meta.FuzzDecodeCommand", "internal/meta.FuzzRestore", "internal/peer.FuzzFrames", "internal/control.FuzzPeerMessage",
		"internal/kafka/config.FuzzParse", "internal/broker.FuzzConnection",
	} {
		if !slices.ContainsFunc(targets, func(f target) bool { return f.String() == want }) {
			t.Errorf("%s is gone", want)
		}
	}
}

// Targets run side by side, no more than are to; what came of them is told in their order.
func TestSoManyAtATime(t *testing.T) {
	targets := make([]target, 9)
	for i := range targets {
		targets[i].name = strconv.Itoa(i)
	}
	var running atomic.Int32
	var once sync.Once
	full := make(chan struct{}) // closed when three run, and a fourth had time to
	outcomes := start(targets, 3, func(f target) outcome {
		switch n := running.Add(1); {
		case n == 3:
			once.Do(func() {
				time.Sleep(50 * time.Millisecond)
				close(full)
			})
		case n > 3:
			t.Errorf("%d run at a time", n)
		}
		select {
		case <-full:
		case <-time.After(10 * time.Second):
			t.Error("three never ran at a time")
		}
		running.Add(-1)
		return outcome{output: f.name}
	})
	for i := range outcomes {
		if r := <-outcomes[i]; r.output != targets[i].name {
			t.Errorf("%v: outcome of %s", targets[i], r.output)
		}
	}
}

// An input that fails is told of, with its output; so is a target that tries nothing.
func TestAFailureIsReported(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example\n\ngo 1.24\n")
	write("x_test.go", `package example

import "testing"

func FuzzFine(f *testing.F) { f.Add([]byte("a")); f.Fuzz(func(*testing.T, []byte) {}) }

func FuzzFails(f *testing.F) {
	f.Add([]byte("a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 1 {
			t.Error("found it")
		}
	})
}
`)
	t.Chdir(dir)
	targets, err := find(".", regexp.MustCompile("Fuzz"))
	if err != nil || len(targets) != 2 {
		t.Fatalf("found %v, %v", targets, err)
	}
	if r := targets[0].run(3e9, false); r.err == nil || !strings.Contains(r.output, "found it") {
		t.Errorf("%v: %v\n%s", targets[0], r.err, r.output)
	}
	if r := targets[1].run(1e9, false); r.err != nil || r.inputs == 0 {
		t.Errorf("%v: %+v", targets[1], r)
	}
}
