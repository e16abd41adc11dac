//go:build !linux

package filestore

import (
	"errors"
	"os"
)

// setDirect is known for Linux only.
func setDirect(_ *os.File, on bool) error {
	if on {
		return errors.ErrUnsupported
	}
	return nil
}

func pread(*os.File, []byte, int64) (int, error) { return 0, errors.ErrUnsupported }

func isCached(*os.File, int64, int) bool { return false }

func readAhead(*os.File, int64, int64) {}
