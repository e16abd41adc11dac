package journal

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
)

const (
	clusterKey     = "cluster.json"
	entryPrefix    = "journal/"
	snapshotPrefix = "snapshot/"
	partPrefix     = "part/"
	scratchPrefix  = "scratch/"
	slotDigits     = 20
)

// EntryKey is the key of slot's entry.
func EntryKey(slot base.Slot) string { return numbered(entryPrefix, slot) }

// SnapshotKey is the key of the manifest of the state after slot.
func SnapshotKey(slot base.Slot) string { return numbered(snapshotPrefix, slot) }

// PartKey is the key of the snapshot part whose object has that SHA-256.
func PartKey(hash [32]byte) string { return partPrefix + hex.EncodeToString(hash[:]) }

func numbered(prefix string, slot base.Slot) string {
	return fmt.Sprintf("%s%0*d", prefix, slotDigits, uint64(slot))
}

// slotOf reads the number in a key; false for a key that this package does not write.
func slotOf(key, prefix string) (base.Slot, bool) {
	digits, ok := strings.CutPrefix(key, prefix)
	if !ok || len(digits) != slotDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return base.Slot(n), err == nil && numbered(prefix, base.Slot(n)) == key
}

// isPart reports whether this package writes keys like that one.
func isPart(key string) bool {
	digits, ok := strings.CutPrefix(key, partPrefix)
	hash, err := hex.DecodeString(digits)
	return ok && err == nil && len(hash) == 32
}
