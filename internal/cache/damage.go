package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/segment"
)

const (
	// badKept is how long what is wrong with a file is believed without looking at the bucket again: clients that are told of it
	// come back many times a second, and whoever mends the bucket should be seen soon.
	badKept = 5 * time.Second
	// ailingMax bounds the files that are remembered as missing or cut short; beyond it all are looked at again.
	ailingMax = 1024
)

// FileError says which bytes of which data file cannot be had, because the bucket does not hold what was written there: they are
// damaged or cut off (of kind base.CorruptMessage), or the file is missing (base.StorageError). The bucket was asked twice about
// damaged bytes.
type FileError struct {
	File     base.FileRef
	Slot     base.Slot // of the journal entry that the file rides in; 0: it is an object of its own
	From, To int64     // the bytes of the file, as well as can be told
	Missing  bool      // there is no such file, or no such entry; else bytes are damaged
	cause    error
}

// MayHaveMoved reports whether the file may be elsewhere by now: one that is gone may have been replaced, and what rides
// lands in another file, after which its entry needs to be neither there nor whole.
func (e *FileError) MayHaveMoved() bool { return e.Missing || e.Slot > 0 }

func (e *FileError) Error() string {
	if e.Slot > 0 {
		return fmt.Sprintf("data file %s, which rides in journal entry %d, bytes %d to %d: %v", e.File.ID, e.Slot, e.From, e.To, e.cause)
	}
	return fmt.Sprintf("data file %s, bytes %d to %d: %v", segment.Key(e.File), e.From, e.To, e.cause)
}

func (e *FileError) Unwrap() error { return e.cause }

// damaged is about bytes [from, to) of the extent.
func (x *Extent) damaged(from, to int64, format string, args ...any) error {
	return &FileError{File: x.File, Slot: x.Slot, From: int64(x.Pos) + from, To: int64(x.Pos) + to, cause: base.Errorf(base.CorruptMessage, format, args...)}
}

// ailing is what GETs have shown of a file that is not whole.
type ailing struct {
	size  int64      // bytes that are there, fewer than the state says
	lost  *FileError // set: there is no file, or the entry that it rides in is damaged
	until time.Time  // believed up to then
}

// ailment gives what is believed to be wrong with a file as a whole; c.mu is held.
func (c *Cache) ailment(ref base.FileRef) (ailing, bool) {
	a, ok := c.ailings[ref]
	if ok && !c.env.Now().Before(a.until) {
		delete(c.ailings, ref)
		return ailing{}, false
	}
	return a, ok
}

// ails notes what a GET has shown to be wrong with a file as a whole; c.mu is held.
func (c *Cache) ails(ref base.FileRef, a ailing) {
	if before, ok := c.ailment(ref); ok {
		a.size = min(a.size, before.size)
	}
	if len(c.ailings) >= ailingMax {
		clear(c.ailings)
	}
	a.until = c.env.Now().Add(badKept)
	c.ailings[ref] = a
}

// sizeOf gives how much there is to be read of a file that should have n bytes; c.mu is held.
func (c *Cache) sizeOf(ref base.FileRef, n int64) int64 {
	if a, ok := c.ailment(ref); ok {
		return min(a.size, n)
	}
	return n
}

// lacks is the error about a file of which the bucket does not have byte from of the extent; c.mu is held.
func (c *Cache) lacks(r *Read, from int64) error {
	if a, _ := c.ailment(r.File); a.lost != nil {
		lost := *a.lost
		lost.From, lost.To = int64(r.Pos)+from, int64(r.Pos)+int64(r.Len)
		return &lost
	}
	return r.cut(from)
}

// own makes what a GET has shown, which others may wait for too, an error about the bytes of r.
func (r *Read) own(err error) error {
	e, ok := errors.AsType[*FileError](err)
	if !ok {
		return err
	}
	own := *e
	own.From, own.To = int64(r.Pos), int64(r.Pos)+int64(r.Len)
	return &own
}

// cut is the error about a file that ends at byte from of the extent, or before it.
func (x *Extent) cut(from int64) error {
	return x.damaged(from, int64(x.Len), "the file is cut short in the bucket, it had %d bytes", x.FileBytes)
}
