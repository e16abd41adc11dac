//go:build !linux

package filestore

import "os"

// writeParts writes parts one after another.
func writeParts(f *os.File, parts [][]byte) error {
	for _, part := range parts {
		if _, err := f.Write(part); err != nil {
			return err
		}
	}
	return nil
}
