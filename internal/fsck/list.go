package fsck

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

const (
	clusterKey     = "cluster.json"
	journalPrefix  = "journal/"
	snapshotPrefix = "snapshot/"
	partPrefix     = "part/"
	scratchPrefix  = "scratch/"
	probePrefix    = "probe/"
	listPage       = 1000
)

// each lists all objects with the prefix in order of key.
func (k *checker) each(ctx context.Context, prefix string, f func(objstore.ListEntry)) error {
	return k.eachAfter(ctx, prefix, "", f)
}

// eachAfter is each for the keys that come after one.
func (k *checker) eachAfter(ctx context.Context, prefix, after string, f func(objstore.ListEntry)) error {
	for {
		page, err := k.store.List(ctx, prefix, after, listPage)
		if err != nil {
			return err
		}
		if !page.Date.IsZero() {
			k.date = page.Date
		}
		for _, o := range page.Entries {
			f(o)
		}
		if !page.More || len(page.Entries) == 0 {
			return nil
		}
		after = page.Entries[len(page.Entries)-1].Key
		k.step("listing "+prefix, len(page.Entries))
	}
}

// foreign names what lies in the bucket outside of all that Millrace writes. It jumps over the prefixes that are listed
// elsewhere.
func (k *checker) foreign(ctx context.Context) error {
	after := ""
	for {
		page, err := k.store.List(ctx, "", after, listPage)
		if err != nil {
			return err
		}
		jumped := false
		for _, o := range page.Entries {
			after = o.Key
			if p := ownPrefix(o.Key); p != "" {
				after = p + "zzzzzzzz" // behind all keys that Millrace writes below p
				jumped = true
				break
			}
			if o.Key != clusterKey {
				k.report.add(Note, o.Key, "not an object of Millrace")
			}
		}
		if !jumped && (!page.More || len(page.Entries) == 0) {
			return nil
		}
	}
}

func ownPrefix(key string) string {
	for _, p := range []string{journalPrefix, snapshotPrefix, partPrefix, probePrefix, scratchPrefix, segment.Prefix} {
		if strings.HasPrefix(key, p) {
			return p
		}
	}
	return ""
}

// slotOf reads the slot in a key that keyOf makes.
func slotOf(key, prefix string, keyOf func(base.Slot) string) (base.Slot, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(key, prefix), 10, 64)
	return base.Slot(n), err == nil && keyOf(base.Slot(n)) == key
}

func partHash(key string) (hash [32]byte, ok bool) {
	b, err := hex.DecodeString(strings.TrimPrefix(key, partPrefix))
	if err != nil || len(b) != len(hash) {
		return hash, false
	}
	copy(hash[:], b)
	return hash, journal.PartKey(hash) == key
}

func fileRef(key string) (base.FileRef, bool) {
	_, name, _ := strings.Cut(strings.TrimPrefix(key, segment.Prefix), "/")
	id, err := base.ParseULID(name)
	ref := base.FileRef{ID: id}
	return ref, err == nil && segment.Key(ref) == key
}
