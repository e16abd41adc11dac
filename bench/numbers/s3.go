package main

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// s3Host lets a measurement stand where s3test expects a test.
type s3Host struct {
	testing.TB // nil: what is not overridden here is not used
	bench      *bench
}

// s3Failure is what a test's Fatal comes to here.
type s3Failure string

func (h *s3Host) Helper()                           {}
func (h *s3Host) Cleanup(f func())                  { h.bench.rig.Later(f) }
func (h *s3Host) Context() context.Context          { return context.Background() }
func (h *s3Host) Fatal(args ...any)                 { panic(s3Failure(fmt.Sprint(args...))) }
func (h *s3Host) Fatalf(format string, args ...any) { panic(s3Failure(fmt.Sprintf(format, args...))) }

func (h *s3Host) Setenv(name, value string) {
	if err := os.Setenv(name, value); err != nil {
		h.Fatal(err)
	}
}

func (h *s3Host) TempDir() string {
	dir, err := h.bench.rig.TempDir("s3")
	if err != nil {
		h.Fatal(err)
	}
	return dir
}
