package journal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

func TestAppendAndRead(t *testing.T) {
	run(t, func(b *bed) {
		l, reader := b.open(), b.open()
		e := b.append(l, "one")
		b.append(l, "two")
		b.want(e.Slot == 1 && e.Prev == Genesis(b.c.ID), "first entry: %+v", e.Header)
		one := b.next(reader, Believed, "one")
		b.want(one.Hash == e.Hash && one.Attempt == e.Attempt && !one.LastModified.IsZero(), "read %+v, wrote %+v", one, e)
		b.next(reader, Believed, "two")
		b.next(reader, Absent, "")
		slot, chain := reader.Position()
		wslot, wchain := l.Position()
		b.want(slot == 2 && slot == wslot && chain == wchain, "reader at %d, writer at %d", slot, wslot)
	})
}

func TestAppendCostsOneRequestWithAnchors(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.trace(nil)
		b.append(l, "one")
		b.append(l, "two")
		b.want(slices.Equal(b.calls, []string{"put journal/0001", "put journal/0002"}), "requests: %q", b.calls)
	})
}

func TestUnsteadyClockCostsAListing(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.trace(nil)
		b.append(l, "one")
		b.want(slices.Equal(b.calls, []string{"put journal/0001", "list snapshot/"}), "requests: %q", b.calls)
	}, memstore.UnsteadyClock())
}

func TestAnchorsWearOff(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.Sleep(testW)
		b.trace(nil)
		b.append(l, "late")
		b.append(l, "after")
		b.want(slices.Equal(b.calls, []string{"put journal/0001", "list snapshot/", "put journal/0002"}), "requests: %q", b.calls)
	})
}

// TestActivityKeepsAnchorsFresh: who wins or reads a slot now and then never needs a listing.
func TestActivityKeepsAnchorsFresh(t *testing.T) {
	run(t, func(b *bed) {
		w, r := b.open(), b.open()
		b.trace(nil)
		for range 20 {
			b.Sleep(testW / 5)
			b.append(w, "x")
			b.next(r, Believed, "x")
		}
		b.want(!slices.Contains(b.calls, "list snapshot/"), "listed")
	})
}

// TestReadEntryAnchorsAtItsCreation, not at the moment it was read: else a reader that trails behind a snapshot by less
// and less than W would in the end believe that a deleted slot is empty.
func TestReadEntryAnchorsAtItsCreation(t *testing.T) {
	run(t, func(b *bed) {
		w, r := b.open(), b.open()
		b.append(w, "a")
		b.append(w, "b")
		must(b.snapshot(w, nil))
		b.Sleep(testW * 4 / 10)
		b.next(r, Believed, "a")
		b.Sleep(testW * 4 / 10)
		b.next(r, Reload, "")
	})
}

// TestWonSlotAnchorsBeforeItsPut: the answer may come long after the entry was created, and a snapshot of the next slot.
func TestWonSlotAnchorsBeforeItsPut(t *testing.T) {
	run(t, func(b *bed) {
		w, other := b.open(), b.open()
		b.store.hook = func(op, key string, do func() error) error {
			b.store.hook = nil
			do()
			b.next(other, Believed, "mine")
			b.append(other, "next")
			must(b.snapshot(other, nil))
			b.Sleep(testW * 4 / 10)
			return ambiguous(key)
		}
		b.append(w, "mine")
		b.Sleep(testW * 4 / 10)
		b.next(w, Reload, "")
	})
}

func TestLostSlot(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		b.append(other, "theirs")
		b.trace(nil)
		_, status, err := l.Append(ctx, Draft{Payload: []byte("mine")})
		b.want(err == nil && status == Lost, "%v, %v", status, err)
		slot, _ := l.Position()
		b.want(slot == 0, "the position moved to %d", slot)
		b.next(l, Believed, "theirs")
		b.want(slices.Equal(b.calls, []string{"put journal/0001", "get journal/0001"}), "the winner is read once: %q", b.calls)
		b.append(l, "mine")
	})
}

// TestAmbiguousPut: whatever became of the first PUT, the entry is there once, and Append says Won.
func TestAmbiguousPut(t *testing.T) {
	tests := []struct {
		name string
		// first is what happens to the first PUT
		first func(b *bed, key string, do func() error) error
		want  []string
	}{
		{"done, answer lost", func(b *bed, key string, do func() error) error {
			do()
			return ambiguous(key)
		}, []string{"put journal/0001", "get journal/0001"}},
		{"never done", func(b *bed, key string, do func() error) error {
			return ambiguous(key)
		}, []string{"put journal/0001", "get journal/0001", "put journal/0001"}},
		{"done late, before the second", func(b *bed, key string, do func() error) error {
			b.Go("late put", func() { b.Sleep(time.Millisecond); do() })
			return ambiguous(key)
		}, []string{"put journal/0001", "get journal/0001", "put journal/0001", "get journal/0001"}},
		{"done, reported as existing", func(b *bed, key string, do func() error) error {
			do()
			return do()
		}, []string{"put journal/0001", "get journal/0001"}},
		{"throttled", func(b *bed, key string, do func() error) error {
			return &objstore.Error{Kind: objstore.Throttled, Cause: errors.New("slow down")}
		}, []string{"put journal/0001", "put journal/0001"}},
		{"failed without kind", func(b *bed, key string, do func() error) error {
			return errors.New("a store's unknown error")
		}, []string{"put journal/0001", "get journal/0001", "put journal/0001"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(b *bed) {
				l, first := b.open(), true
				b.trace(func(op, key string, do func() error) error {
					if op == "put" && first {
						first = false
						return test.first(b, key, do)
					}
					return do()
				})
				b.append(l, "mine")
				b.want(slices.Equal(b.calls, test.want), "requests: %q", b.calls)
				b.next(b.open(), Believed, "mine")
				b.want(len(b.keys(entryPrefix)) == 1, "entries: %q", b.keys(entryPrefix))
			})
		})
	}
}

func TestAmbiguousPutThatAnotherWon(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		b.store.hook = func(op, key string, do func() error) error {
			if op != "put" {
				return do()
			}
			b.store.hook = nil
			b.append(other, "theirs")
			return ambiguous(key)
		}
		_, status, err := l.Append(ctx, Draft{Payload: []byte("mine")})
		b.want(err == nil && status == Lost, "%v, %v", status, err)
		b.next(l, Believed, "theirs")
	})
}

// truncatedUnder gives a Log at slot 0 of a journal whose first five slots were since deleted.
func truncatedUnder(b *bed) (sleeper, writer *Log) {
	sleeper, writer = b.open(), b.open()
	for _, p := range strings.Split("abcde", "") {
		b.append(writer, p)
	}
	must(b.snapshot(writer, nil, "all=abcde"))
	b.Sleep(testW)
	b.wantTruncated(writer, Truncated{Snapshot: 5, Entries: 5})
	return sleeper, writer
}

func TestPausedWriterReloads(t *testing.T) {
	run(t, func(b *bed) {
		l, _ := truncatedUnder(b)
		_, status, err := l.Append(ctx, Draft{Payload: []byte("into the void")})
		b.want(err == nil && status == Reload, "%v, %v", status, err)
		b.want(len(b.keys(entryPrefix)) == 1, "the PUT re-created a slot: %q", b.keys(entryPrefix))
		r := &memory{}
		must(l.Load(ctx, r))
		b.want(r.m.Slot == 5 && r.has("all=abcde"), "loaded %+v", r)
		b.append(l, "f")
		b.want(b.truncate(l).Entries == 1, "the re-created slot is garbage")
	})
}

func TestSlowReaderReloads(t *testing.T) {
	run(t, func(b *bed) {
		l, _ := truncatedUnder(b)
		b.next(l, Reload, "")
		must(l.Load(ctx, &memory{}))
		b.next(l, Absent, "")
	})
}

func TestReaderOfARecreatedSlotReloads(t *testing.T) {
	run(t, func(b *bed) {
		l, _ := truncatedUnder(b)
		b.rawEntry(1, Genesis(b.c.ID), "a late PUT")
		b.next(l, Reload, "")
	})
}

func TestExistsThenAbsent(t *testing.T) {
	exists := func(op, key string, do func() error) error {
		if op == "put" {
			return &objstore.Error{Kind: objstore.Exists, Key: key, Cause: errors.New("412")}
		}
		return do()
	}
	t.Run("truncated", func(t *testing.T) {
		run(t, func(b *bed) {
			l, _ := truncatedUnder(b)
			b.store.hook = exists
			_, status, err := l.Append(ctx, Draft{})
			b.want(err == nil && status == Reload, "%v, %v", status, err)
		})
	})
	t.Run("truncated, although an anchor says it cannot be", func(t *testing.T) {
		run(t, func(b *bed) {
			l, w := b.open(), b.open()
			b.append(w, "a")
			must(b.snapshot(w, nil))
			b.store.Delete(ctx, EntryKey(1))
			b.store.hook = exists
			_, status, err := l.Append(ctx, Draft{})
			b.want(err == nil && status == Reload, "%v, %v", status, err)
		})
	})
	t.Run("the store is broken", func(t *testing.T) {
		run(t, func(b *bed) {
			l := b.open()
			b.store.hook = exists
			_, _, err := l.Append(ctx, Draft{})
			b.want(err != nil && strings.Contains(err.Error(), "does not keep its promises"), "%v", err)
		})
	})
}

func TestOutcomeUnknownOnlyWhenTheContextEnds(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.store.hook = func(op, key string, do func() error) error { return ambiguous(key) }
		brief, cancel := b.WithTimeout(ctx, time.Hour)
		defer cancel()
		_, status, err := l.Append(brief, Draft{Payload: []byte("mine")})
		b.want(err == nil && status == Unknown, "%v, %v", status, err)
		b.want(b.w.Elapsed() >= time.Hour, "gave up after %v", b.w.Elapsed())
		b.store.hook = nil
		b.append(l, "again")
	})
}

func TestFatalStoreError(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.store.hook = func(op, key string, do func() error) error {
			return &objstore.Error{Kind: objstore.Fatal, Op: op, Key: key, Cause: errors.New("access denied")}
		}
		_, _, err := l.Append(ctx, Draft{})
		b.want(base.KindOf(err) == base.StorageError && strings.Contains(err.Error(), "access denied"), "append: %v", err)
		_, _, err = l.Next(ctx)
		b.want(strings.Contains(err.Error(), "access denied"), "next: %v", err)
	})
}

func TestTooLongPayload(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		_, _, err := l.Append(ctx, Draft{Payload: make([]byte, MaxPayloadBytes+1)})
		b.want(base.KindOf(err) == base.MessageTooLarge && len(b.keys(entryPrefix)) == 0, "%v", err)
		b.append(l, string(make([]byte, MaxPayloadBytes)))
		e, status, err := b.open().Next(ctx)
		b.want(err == nil && status == Believed && len(e.Payload) == MaxPayloadBytes, "%v, %v", status, err)
	})
}

// TestHangingRequest: a request that never ends is cut off, and its outcome looked up.
func TestHangingRequest(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.store.hook = func(op, key string, do func() error) error {
			b.store.hook = nil
			b.Sleep(requestTimeout)
			return context.DeadlineExceeded
		}
		b.append(l, "mine")
	})
}
