package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// fillLeaves is how much memory stays free: what the kernel itself keeps free is a part of it.
const fillLeaves = 512 << 20

// fillStep is how much is written between two looks at what is free.
const fillStep = 16 << 20

// FillMemory sees to it that nearly all of the machine's free memory holds pages of the file at path, which it makes or lets grow, so
// that new pages come from there. The memory of a virtual machine that was never used, or that its host has taken back, has to be
// found by the host with each first touch; on a server that has run for long there is none of it.
func FillMemory(path string) error { return fill(path, freeMemory) }

func fill(path string, freeMemory func() (int64, error)) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(io.Discard, f); err != nil { // what it has pages of no more
		return err
	}
	chunk, most := make([]byte, fillStep), int64(-1)
	for written := int64(0); ; written += fillStep {
		free, err := freeMemory()
		if err != nil {
			return err
		}
		if most < 0 {
			most = 2 * (free - fillLeaves)
		}
		switch {
		case free <= fillLeaves:
			return f.Sync() // dirty pages could not be taken for something else
		case written > most:
			return fmt.Errorf("%d MiB of memory are free still after %d MiB were written: a limit keeps this process from filling it", free>>20, written>>20)
		}
		if _, err := f.Write(chunk); err != nil {
			return fmt.Errorf("filling %d MiB of free memory with a file's pages: %w", free>>20, err)
		}
	}
}

// freeMemory is the memory of the machine that holds nothing, in bytes.
func freeMemory() (int64, error) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("how much memory is free is known on Linux only: %w", err)
	}
	for line := range strings.Lines(string(info)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemFree:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo does not say how much memory is free")
}
