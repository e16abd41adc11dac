package main

import (
	"errors"
	"testing"
)

// A bucket URL that cannot be meant is a wrong flag, whoever is given it; a folder that cannot be made is not.
func TestWrongBucketURLs(t *testing.T) {
	for _, command := range []string{"agent", "fsck"} {
		for url, wrong := range map[string]bool{
			"foo://x":                      true,
			"x":                            true,
			"file:///x?latency=foo":        true,
			"file:///x?fsync=sometimes":    true,
			"s3://b/?color=red":            true,
			"mem://name?latency=slow":      true,
			"file:///dev/null/no-such-dir": false,
		} {
			root := newRoot()
			root.SetArgs([]string{command, "--bucket", url})
			err := root.Execute()
			var usage *usageError
			if err == nil || errors.As(err, &usage) != wrong {
				t.Errorf("%s --bucket %s: %v; a wrong flag: want %v", command, url, err, wrong)
			}
		}
	}
}
