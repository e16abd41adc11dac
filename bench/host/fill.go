package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// fillStep is how much is written at a time.
const fillStep = 16 << 20

// FillMemory writes the file at path anew, as large as the memory that is free, so that the pages of further files are such as this one
// leaves. The memory of a virtual machine that was never used, or that its host has taken back, has to be found by the host with each
// first touch; on a server that has run for long there is none of it. It gives the size of the file in bytes.
func FillMemory(path string) (int64, error) { return fill(path, freeMemory) }

func fill(path string, freeMemory func() (int64, error)) (size int64, err error) {
	f, err := os.Create(path) // what there was is let go of: pages that are used twice would be kept rather than others
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	free, err := freeMemory()
	if err != nil {
		return 0, err
	}
	// Not until nothing is free: how much the kernel keeps free is its own affair.
	for chunk := make([]byte, fillStep); size < free; size += fillStep {
		if _, err := f.Write(chunk); err != nil {
			return size, fmt.Errorf("filling %d MiB of free memory with a file's pages: %w", free>>20, err)
		}
	}
	if err := f.Sync(); err != nil || size == 0 { // dirty pages could not be taken for something else
		return size, err
	}
	return size, rest(f)
}

// What a disk is taken to be at rest by: so many small writes in a row that took no longer.
const (
	restWrites  = 20
	restWithin  = 20 * time.Millisecond
	restPatient = 10 * time.Second
)

// rest waits until the disk has got over a large file, but not for ever: a second and more went by before it forced the first few bytes of
// whoever came next.
func rest(f *os.File) error {
	began := time.Now()
	for quick := 0; quick < restWrites && time.Since(began) < restPatient; quick++ {
		at := time.Now()
		if _, err := f.WriteAt([]byte{byte(quick)}, 0); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if time.Since(at) > restWithin {
			quick = -1
		}
	}
	return nil
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
