package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// fillStep is how much is written at a time.
const fillStep = 16 << 20

// FillMemory has the file at path, which it makes or lets grow, take all of the machine's free memory for its pages, so that new pages
// are those that others leave. The memory of a virtual machine that was never used, or that its host has taken back, has to be found by
// the host with each first touch; on a server that has run for long there is none of it.
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
	free, err := freeMemory()
	if err != nil {
		return err
	}
	// Not until nothing is free: how much the kernel keeps free is its own affair.
	for chunk, left := make([]byte, fillStep), free; left > 0; left -= fillStep {
		if _, err := f.Write(chunk); err != nil {
			return fmt.Errorf("filling %d MiB of free memory with a file's pages: %w", free>>20, err)
		}
	}
	return f.Sync() // dirty pages could not be taken for something else
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
