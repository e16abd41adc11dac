package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server that finds its address taken is started at others, a few times; one that fails otherwise is not.
func TestTakenAddressesAreTriedAnew(t *testing.T) {
	const taken, broken = "echo bind: Address already in use; exit 1", "echo out of memory; exit 1"
	for _, test := range []struct {
		name  string
		tries []string // what each server does
		says  string
	}{
		{"always", []string{taken, taken, taken}, "already in use"},
		{"once", []string{taken, broken}, "out of memory"},
		{"never", []string{broken}, "out of memory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dirs := map[string]bool{}
			s := system{name: test.name, layOut: func(_ *compare, dir string) (*server, error) {
				if len(dirs) == len(test.tries) {
					return nil, errors.New("one try too many")
				}
				script := test.tries[len(dirs)]
				dirs[dir] = true
				return &server{kafka: "127.0.0.1:1", log: filepath.Join(dir, "log"), argv: []string{"sh", "-c", script}}, nil
			}}
			c := &compare{work: t.TempDir(), began: time.Now()}
			err := c.turn(s, 1, 1)
			if err == nil || !strings.Contains(err.Error(), errServerEnded.Error()) || !strings.Contains(err.Error(), test.says) || len(dirs) != len(test.tries) {
				t.Errorf("%d tries in folders of their own: %v", len(dirs), err)
			}
		})
	}
}
