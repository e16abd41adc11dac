package control

import (
	"context"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
)

// ReadRiders reads the data files that ride in the journal entry of a slot. Errors are the store's (NotFound: the slot was
// let go), or of kind base.CorruptMessage for an object that is not what it should be, also when it is read once more.
//
// What is in the slot need not be believed: a file's name was drawn for one body, so whichever entry bears it, the bytes are
// the right ones. A file that is looked for and is not among them has landed, or is gone.
func ReadRiders(ctx context.Context, store objstore.Store, slot base.Slot) ([]log.Rider, error) {
	riders, err := readRiders(ctx, store, slot)
	if base.KindOf(err) == base.CorruptMessage {
		return readRiders(ctx, store, slot)
	}
	return riders, err
}

func readRiders(ctx context.Context, store objstore.Store, slot base.Slot) ([]log.Rider, error) {
	o, err := store.GetRange(ctx, journal.EntryKey(slot), 0, journal.MaxEntryBytes+1)
	if err != nil {
		return nil, err
	}
	e, err := journal.DecodeEntry(o.Body)
	if err != nil {
		return nil, base.Errorf(base.CorruptMessage, "%s: %w", journal.EntryKey(slot), err)
	}
	riders, err := meta.Riders(e.Payload)
	if err != nil {
		return nil, base.Errorf(base.CorruptMessage, "%s: %w", journal.EntryKey(slot), err)
	}
	return riders, nil
}
