package objstore

import (
	"errors"
	"fmt"
	"strings"
)

// KeyBytesMax is the longest key a store accepts, in bytes. S3 allows 1024 for prefix and key together.
const KeyBytesMax = 900

// CheckKey reports why key is none that every store can hold: parts of [A-Za-z0-9._-] joined by '/', no part empty or
// beginning with '.', KeyBytesMax bytes at most. Thus a key is also a safe relative file name, and names beginning with
// '.' stay free for a file store's own use.
func CheckKey(key string) error {
	if len(key) > KeyBytesMax {
		return fmt.Errorf("the key has %d bytes, %d are allowed", len(key), KeyBytesMax)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part[0] == '.' {
			return errors.New("a part of the key is empty or begins with '.'")
		}
	}
	return CheckPrefix(key)
}

// CheckPrefix reports a byte that no key can hold. Any beginning of a key is a good prefix, so is "".
func CheckPrefix(prefix string) error {
	for i := range len(prefix) {
		if !keyByte(prefix[i]) {
			return fmt.Errorf("the key holds %q, allowed are A-Z a-z 0-9 . _ - /", prefix[i])
		}
	}
	return nil
}

func keyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-/", c) >= 0
}
