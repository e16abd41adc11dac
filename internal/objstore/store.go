package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace-io/millrace/internal/base/piece"
)

// Store is one bucket, below one prefix. Keys are relative to the prefix, made of [A-Za-z0-9._-] and '/'.
//
// Every answer, also a refusal, carries the bucket's Date when the store sent one (Meta.Date, Error.Date; zero if
// not): the journal's rules T and R are built upon it. Methods are safe for concurrent use. Drivers do not retain body; behind
// package hedge it may still be on its way when a call returns: nobody changes a body that was handed over, but where Info says that
// he may (BodyFree).
type Store interface {
	// PutIfAbsent creates key. Exactly one of any number of racing calls succeeds, for ever. It fails with Exists when
	// the key is there, with Ambiguous when the object may or may not have been created (now or later).
	// The driver itself never retries it.
	PutIfAbsent(ctx context.Context, key string, body []byte) (Meta, error)
	// Put creates or overwrites key. The object is the parts of body, one after another; neither is changed.
	Put(ctx context.Context, key string, body ...[]byte) (Meta, error)
	// GetRange reads n bytes from offset off; n < 0 reads to the end. A range that begins past the end fails with
	// InvalidRange, one that ends past it is cut short.
	GetRange(ctx context.Context, key string, off, n int64) (Object, error)
	// Head tells an object's Meta.
	Head(ctx context.Context, key string) (Meta, error)
	// List gives one page of keys that begin with prefix and come after startAfter ("" for the first), in byte order;
	// at most limit (1 to 1000) of them.
	List(ctx context.Context, prefix, startAfter string, limit int) (Page, error)
	// Delete removes keys; one that is not there is no error.
	Delete(ctx context.Context, keys ...string) error
	// Info describes the store: its URL without secrets, and what may be relied on.
	Info() Info
}

// Opener is what a Store has besides whose objects are files of this machine: the kernel keeps in memory what is read of them, and can send
// it by itself.
type Opener interface {
	// Open opens an object for reading; the caller closes it. What is read of it does not change, also when the object is
	// deleted or written anew. It fails as GetRange does.
	Open(ctx context.Context, key string) (File, Meta, error)
}

// File is an open object.
type File interface {
	piece.File
	io.Closer
	// Expect says that the bytes [from, to) are read soon: where it is cheaper to bring them at once than as they are read, that begins. It never
	// fails, and waits for nothing but what it takes to ask the disk.
	Expect(from, to int64)
}

// Info is what a store says of itself.
type Info struct {
	// URL is the bucket URL without credentials.
	URL string
	// SteadyClock is true when Date and LastModified come from the store's own clock that does not step back, so that
	// rule R may use anchors (method b). A file store takes the clock of the machine: false.
	SteadyClock bool
	// Latency names the profile by which requests are slowed down on purpose (package latency); empty: they are not.
	Latency string
	// OneDisk: requests share a disk of this machine, so that to ask twice makes both slower.
	OneDisk bool
	// BodyFree: a body is its caller's again once the call has returned, whatever came of it: nobody looks at it any more.
	BodyFree bool
}

// SizeOf is the size of a body in parts, in bytes.
func SizeOf(body [][]byte) (n int) {
	for _, part := range body {
		n += len(part)
	}
	return n
}

// Meta is what is known of an object, and of the moment the store answered.
type Meta struct {
	SizeBytes    int64
	LastModified time.Time // zero where the answer did not say (PUT)
	Date         time.Time // when the store answered, by its own clock; zero if it did not say
}

// Modified gives when an object was modified, in milliseconds since 1970 by the bucket's clock, that was written from began to now, by
// the local one, and answered for with m; or a moment before: what the store said, else when it answered, else nowMs, which is
// the bucket's time as it is guessed, less the time it took.
func (m Meta) Modified(began, now time.Time, nowMs int64) int64 {
	took := now.Sub(began)
	switch {
	case !m.LastModified.IsZero():
		return m.LastModified.UnixMilli()
	case !m.Date.IsZero():
		return m.Date.Add(-took).UnixMilli()
	}
	return nowMs - took.Milliseconds()
}

// Object is the answer of a read.
type Object struct {
	Meta
	Body []byte
	// Free gives Body back, if it is lent; else it is nil. See Release. Whoever looks at a part of a lent Body keeps the Object, or Free, as long.
	Free func()
}

// lending is the key of a promise.
type lending struct{}

// Lending has stores lend the bodies of what is read with ctx, where that is cheaper: the caller promises to Release each Object that he gets. The
// collector knows nothing of such a body; without the promise it has all.
func Lending(ctx context.Context) context.Context { return context.WithValue(ctx, lending{}, true) }

// IsLending reports whether who reads with ctx has promised that.
func IsLending(ctx context.Context) bool { return ctx.Value(lending{}) != nil }

// Release says, once, that nobody looks at o.Body any more, nor at a part of it; nor does a Put that such a part was handed to: see
// Info.BodyFree.
func (o *Object) Release() {
	if o.Free != nil {
		o.Free()
	}
	o.Body, o.Free = nil, nil
}

// Page is one page of a listing. Date is that of this page's answer.
type Page struct {
	Entries []ListEntry
	More    bool
	Date    time.Time
}

// ListEntry is one object of a listing.
type ListEntry struct {
	Key          string
	SizeBytes    int64
	LastModified time.Time
}

// ErrorKind says what to do about a failed operation.
type ErrorKind uint8

const (
	// Other is a failure that names no better kind; nothing was changed. Retry.
	Other ErrorKind = iota
	// NotFound: no such key (or bucket: see Fatal).
	NotFound
	// Exists: PutIfAbsent found the key there (412, or 409 on Azure), perhaps through an earlier try of one's own.
	Exists
	// Ambiguous: a write that may or may not take effect, now or later (time-out, broken connection, 500, 409).
	Ambiguous
	// Throttled: the store asks for fewer requests (429, 503). Nothing was changed. Retry later.
	Throttled
	// InvalidRange: the range begins past the object's end.
	InvalidRange
	// Fatal: credentials, permissions, a missing bucket, an unsupported operation: a person must act.
	Fatal
)

func (k ErrorKind) String() string {
	return [...]string{"failed", "not found", "exists", "ambiguous", "throttled", "invalid range", "fatal"}[k]
}

// Error is how every Store fails.
type Error struct {
	Kind  ErrorKind
	Op    string // "put-if-absent", "put", "get", "head", "list", "delete"
	Key   string
	Date  time.Time // of the answer; zero if there was none
	Cause error
}

func (e *Error) Error() string {
	return fmt.Sprintf("bucket: %s %q: %s: %v", e.Op, e.Key, e.Kind, e.Cause)
}

func (e *Error) Unwrap() error { return e.Cause }

// KindOf gives the kind of a Store's error; Other for a foreign error.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}

// Is reports whether err is a Store's error of kind k.
func Is(err error, k ErrorKind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
