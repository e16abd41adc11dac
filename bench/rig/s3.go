package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/millrace-io/millrace/internal/objstore/s3test"
)

// StartS3 starts the S3 server that the tests use. It ends with the measurement.
func (r *Rig) StartS3() (s *s3test.Server, err error) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case s3Failure:
			err = errors.New(string(failure))
		default:
			panic(failure)
		}
	}()
	return s3test.Start(&s3Host{rig: r}), nil
}

// s3Host lets a measurement stand where s3test expects a test.
type s3Host struct {
	testing.TB // nil: what is not overridden here is not used
	rig        *Rig
}

// s3Failure is what a test's Fatal comes to here.
type s3Failure string

func (h *s3Host) Helper()                           {}
func (h *s3Host) Cleanup(f func())                  { h.rig.Later(f) }
func (h *s3Host) Context() context.Context          { return context.Background() }
func (h *s3Host) Fatal(args ...any)                 { panic(s3Failure(fmt.Sprint(args...))) }
func (h *s3Host) Fatalf(format string, args ...any) { panic(s3Failure(fmt.Sprintf(format, args...))) }

func (h *s3Host) Setenv(name, value string) {
	if err := os.Setenv(name, value); err != nil {
		h.Fatal(err)
	}
}

func (h *s3Host) TempDir() string {
	dir, err := h.rig.TempDir("s3")
	if err != nil {
		h.Fatal(err)
	}
	return dir
}
