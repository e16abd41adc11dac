package fsck_test

import (
	"context"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// A journal that was copied in beside another cluster's cluster.json is void to the last entry: that is no note.
func TestJournalOfAnotherClusterIsDamage(t *testing.T) {
	ctx, e, store := context.Background(), env.Real(), memstore.New(time.Now)
	if _, err := journal.OpenCluster(ctx, e, store); err != nil {
		t.Fatal(err)
	}
	object, err := journal.EncodeEntry(journal.Header{Slot: 1, Prev: journal.Genesis("another")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(ctx, journal.EntryKey(1), object); err != nil {
		t.Fatal(err)
	}
	report, err := fsck.Run(ctx, e, store, fsck.Options{})
	if err != nil || report.OK() {
		t.Fatalf("%v, %+v", err, report)
	}
}
