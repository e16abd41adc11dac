//go:build !linux

package offheap

import "errors"

// Mapping is known for Linux only, as is what it is for: agents run there.
func mapPages(int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmapPages([]byte) {}
func discard([]byte)    {}
func preferHuge([]byte) {}
func neverHuge([]byte)  {}
