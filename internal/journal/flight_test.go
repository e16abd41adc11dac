package journal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// launch sends entries side by side, each decided by what l has believed.
func (b *bed) launch(l *Log, payloads ...string) {
	slot, _ := l.Position()
	b.launchOn(slot, l, payloads...)
}

// launchOn sends entries that say that they were decided when their writer had believed a slot.
func (b *bed) launchOn(slot base.Slot, l *Log, payloads ...string) {
	for _, p := range payloads {
		err := l.Launch(ctx, Draft{Level: FlightLevel, DigestSlot: slot, Payload: []byte(p)}, nil)
		b.want(err == nil, "launch %q: %v", p, err)
	}
}

// settle expects what became of the oldest entry under way.
func (b *bed) settle(l *Log, want Status, payload string) Entry {
	e, status, err := l.Settle(ctx)
	b.want(err == nil && status == want && string(e.Payload) == payload, "settled: %v %q, %v; want %v %q", status, e.Payload, err, want, payload)
	return e
}

// delayed has the PUT of a slot done only after d; others go on meanwhile.
func (b *bed) delayed(slot base.Slot, d time.Duration) {
	b.trace(func(op, key string, do func() error) error {
		if op == "put" && key == EntryKey(slot) {
			b.Sleep(d)
		}
		return do()
	})
}

func TestSideBySide(t *testing.T) {
	run(t, func(b *bed) {
		l, reader := b.open(), b.open()
		b.trace(nil)
		b.launch(l, "a", "b", "c")
		b.want(l.InFlight() == 3 && l.NextSlot() == 4, "%d under way, next slot %d", l.InFlight(), l.NextSlot())
		before := b.settle(l, Won, "a")
		for _, p := range []string{"b", "c"} {
			e := b.settle(l, Won, p)
			b.want(e.Prev == before.Hash, "%q does not follow the entry before it", p)
			before = e
		}
		b.want(len(b.calls) == 3, "requests: %q", b.calls)
		for _, p := range []string{"a", "b", "c"} {
			b.next(reader, Believed, p)
		}
	})
}

// An entry that is in its slot before the one it follows is behind the journal's end.
func TestLaterOneFirst(t *testing.T) {
	run(t, func(b *bed) {
		l, reader := b.open(), b.open()
		b.delayed(1, time.Second)
		b.launch(l, "a", "b")
		b.Sleep(500 * time.Millisecond)
		b.want(len(b.keys(entryPrefix)) == 1 && !l.Answered(), "entries: %q, the first answered: %t", b.keys(entryPrefix), l.Answered())
		reader.ReadAhead(4, 4)
		b.next(reader, Absent, "")
		b.want(Survey(ctx, b.Proc, b.store, b.c) == nil, "an agent that starts takes it for a deletion")
		b.settle(l, Won, "a")
		b.settle(l, Won, "b")
		b.next(reader, Believed, "a")
		b.next(reader, Believed, "b")
		b.next(reader, Absent, "")
	})
}

// The first loses its slot: the one behind it is void, and costs the next writer a slot.
func TestFirstOneLost(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		b.append(other, "theirs")
		b.launch(l, "a", "b")
		b.settle(l, Lost, "")
		b.want(l.InFlight() == 0, "%d are still under way", l.InFlight())
		l.Rest()
		b.next(l, Believed, "theirs")
		e := b.next(l, Believed, "b")
		b.want(e.Void, "%+v is not void", e.Header)
		b.append(l, "a")
		_, status, err := other.Append(ctx, Draft{})
		b.want(err == nil && status == Lost, "the void entry's slot can be won: %v, %v", status, err)
		b.want(b.next(other, Believed, "b").Void, "another reader takes it for valid")
		b.next(other, Believed, "a")
	})
}

// What was behind a lost entry comes when its slot is tried for again by the same writer: it is another attempt, and void.
func TestTwoAttemptsAtASlot(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		b.append(other, "theirs")
		tries := time.Duration(0)
		b.trace(func(op, key string, do func() error) error {
			if op == "put" && key == EntryKey(2) {
				tries++
				b.Sleep(tries * time.Second)
			}
			return do()
		})
		b.launch(l, "a", "b")
		b.settle(l, Lost, "")
		b.next(l, Believed, "theirs")
		b.next(l, Absent, "")
		b.launch(l, "b")
		b.settle(l, Lost, "")
		b.want(b.next(l, Believed, "b").Void, "the first attempt counts")
		b.append(l, "b")
	})
}

func TestUnclearAnswersSideBySide(t *testing.T) {
	for name, lost := range map[string]base.Slot{"to the first": 1, "to the second": 2} {
		for _, done := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, done %t", name, done), func(t *testing.T) {
				run(t, func(b *bed) {
					l, first := b.open(), true
					b.trace(func(op, key string, do func() error) error {
						if op == "put" && key == EntryKey(lost) && first {
							first = false
							if done {
								do()
							}
							return ambiguous(key)
						}
						return do()
					})
					b.launch(l, "a", "b", "c")
					for _, p := range []string{"a", "b", "c"} {
						b.settle(l, Won, p)
					}
					b.want(len(b.keys(entryPrefix)) == 3, "entries: %q", b.keys(entryPrefix))
				})
			})
		}
	}
}

func TestPausedWriterWithSeveralReloads(t *testing.T) {
	run(t, func(b *bed) {
		l, _ := truncatedUnder(b)
		b.launch(l, "x", "y")
		b.settle(l, Reload, "")
		b.want(l.InFlight() == 0, "%d are still under way", l.InFlight())
		l.Rest()
		m := must(l.Load(ctx, &memory{}))
		b.want(m.Slot == 5, "loaded %+v", m)
		b.append(l, "f")
		b.want(b.truncate(l).Entries == 2, "the re-created slots are garbage")
	})
}

// Each is believed by itself: the first may be, and the second, whose answer is dated past every anchor, takes a listing.
func TestEachIsBelievedByItself(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.delayed(2, testW)
		b.launch(l, "a", "b")
		b.settle(l, Won, "a")
		b.settle(l, Won, "b")
		b.want(slices.Equal(b.calls, []string{"put journal/0001", "put journal/0002", "list snapshot/"}), "requests: %q", b.calls)
	})
}

func TestOneListingForAllThatWereAnswered(t *testing.T) {
	run(t, func(b *bed) {
		l := b.open()
		b.trace(nil)
		b.launch(l, "a", "b", "c")
		l.Rest()
		for _, p := range []string{"a", "b", "c"} {
			b.settle(l, Won, p)
		}
		b.want(slices.Equal(b.calls[3:], []string{"list snapshot/"}), "requests: %q", b.calls)
		b.delayed(5, time.Second)
		b.launch(l, "d", "e")
		b.settle(l, Won, "d")
		b.settle(l, Won, "e")
		lists := strings.Count(strings.Join(b.calls, " "), "list")
		b.want(lists == 2, "%d listings; what is answered after one began needs another: %q", lists, b.calls)
	}, memstore.UnsteadyClock())
}

func TestAnsweredIsCalledOnce(t *testing.T) {
	run(t, func(b *bed) {
		l, calls := b.open(), 0
		b.delayed(1, time.Second)
		err := l.Launch(ctx, Draft{}, func() { calls++ })
		b.want(err == nil && calls == 0 && !l.Answered(), "%v; called %d times before there is an answer", err, calls)
		b.Sleep(2 * time.Second)
		b.want(calls == 1 && l.Answered(), "called %d times", calls)
		b.settle(l, Won, "")
	})
}

func TestSurveyOfHoles(t *testing.T) {
	behind := func(b *bed, slot, digestSlot base.Slot, level uint16) {
		object := must(EncodeEntry(Header{Slot: slot, Prev: [32]byte{1}, Level: level, DigestSlot: digestSlot}, nil))
		must(b.store.PutIfAbsent(ctx, EntryKey(slot), object))
	}
	for _, c := range []struct {
		name  string
		story func(b *bed)
		fit   bool
	}{
		{"one that was sent along", func(b *bed) { behind(b, 5, 3, FlightLevel) }, true},
		{"one that is behind two", func(b *bed) { behind(b, 6, 3, FlightLevel) }, true},
		{"two holes", func(b *bed) { behind(b, 5, 3, FlightLevel); behind(b, 7, 3, FlightLevel) }, true},
		{"the last that can be under way", func(b *bed) { behind(b, 3+MaxInFlight, 3, FlightLevel) }, true},
		{"one too far away", func(b *bed) { behind(b, 4+MaxInFlight, 3, FlightLevel) }, false},
		{"its writer had read what is missing", func(b *bed) { behind(b, 5, 4, FlightLevel) }, false},
		{"the second behind it had", func(b *bed) { behind(b, 5, 3, FlightLevel); behind(b, 6, 4, FlightLevel) }, false},
		{"of a version that knows no side by side", func(b *bed) { behind(b, 5, 3, FlightLevel-1) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(b *bed) {
				l := b.open()
				for _, payload := range []string{"a", "b", "c"} {
					b.append(l, payload)
				}
				c.story(b)
				err := Survey(ctx, b.Proc, b.store, b.c)
				b.want((err == nil) == c.fit && (c.fit || strings.Contains(err.Error(), EntryKey(4)+" is missing")), "%v", err)
			})
		})
	}
}

// An agent that looks while entries come in another order than they are numbered sees no deletion.
func TestSurveyWhileHolesAreFilled(t *testing.T) {
	run(t, func(b *bed) {
		l, listed := b.open(), false
		b.append(l, "a")
		b.trace(func(op, key string, do func() error) error {
			if op == "put" && key == EntryKey(2) {
				b.Sleep(time.Second)
			}
			err := do()
			if op == "list" && key == entryPrefix && !listed {
				listed = true
				b.settle(l, Won, "b")
				b.settle(l, Won, "c")
				b.append(l, "d")
			}
			return err
		})
		b.launch(l, "b", "c")
		b.Sleep(100 * time.Millisecond)
		err := Survey(ctx, b.Proc, b.store, b.c)
		b.want(err == nil && listed, "refused: %v", err)
	})
}

// rivals has two writers at slot 3: "mine", with "more" behind it, and "theirs", which wins; a snapshot of that follows, whose
// manifest is damaged then.
func rivals(b *bed) (mine []byte, newest Manifest) {
	l, other := b.open(), b.open()
	for _, p := range []string{"a", "b"} {
		b.append(l, p)
		b.next(other, Believed, p)
	}
	must(b.snapshot(l, nil, "x=ab"))
	b.store.hook = func(op, key string, do func() error) error {
		if op == "put" && key == EntryKey(3) {
			return ambiguous(key) // it will come when nobody expects it any more
		}
		return do()
	}
	b.launch(l, "mine", "more")
	l.Rest()
	b.store.hook = nil
	mine = l.flight[0].entry.Object
	b.append(other, "theirs")
	newest = must(b.snapshot(other, nil, "x=abt"))
	b.corrupt(SnapshotKey(newest.Slot))
	return mine, newest
}

// TestWhatWasUnderWayProvesNothing: the loser of slot 3 comes into it after it was deleted, and what was sent behind it still lies in
// slot 4. Both agree, and neither was ever believed.
func TestWhatWasUnderWayProvesNothing(t *testing.T) {
	run(t, func(b *bed) {
		mine, newest := rivals(b)
		b.store.Delete(ctx, EntryKey(3))
		must(b.store.Store.PutIfAbsent(ctx, EntryKey(3), mine))
		_, err := Open(b.Proc, b.store, b.c, testW).Load(ctx, &memory{})
		b.want(base.KindOf(err) == base.StorageError && strings.Contains(err.Error(), SnapshotKey(newest.Slot)), "%v", err)
	})
}

// TestALaterEntryProves: behind void entries comes one whose writer had believed the snapshot's state.
func TestALaterEntryProves(t *testing.T) {
	run(t, func(b *bed) {
		_, newest := rivals(b)
		l := Open(b.Proc, b.store, b.c, testW)
		l.slot, l.chain = 3, must(DecodeEntry(must(b.store.Store.GetRange(ctx, EntryKey(3), 0, -1)).Body)).Hash
		b.want(b.next(l, Believed, "more").Void, "what was behind the loser is valid")
		b.launch(l, "c", "d")
		b.settle(l, Won, "c")
		b.settle(l, Won, "d")
		m := must(Open(b.Proc, b.store, b.c, testW).Load(ctx, &memory{}))
		b.want(m.Slot == 2 && strings.Contains(m.Warning, SnapshotKey(newest.Slot)), "%+v", m)
	})
}

// TestWhatWasSentAlongProvesNothing, but what was sent after it does: entries that follow a snapshot's slot may have been under way together
// with it.
func TestWhatWasSentAlongProvesNothing(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		b.append(l, "a")
		b.append(l, "b")
		must(b.snapshot(l, nil, "x=ab"))
		b.launch(l, "c", "d", "e")
		for _, p := range []string{"c", "d", "e"} {
			b.settle(l, Won, p)
		}
		for _, p := range []string{"a", "b", "c"} {
			b.next(other, Believed, p)
		}
		newest := must(b.snapshot(other, nil, "x=abc"))
		b.corrupt(SnapshotKey(newest.Slot))
		_, err := Open(b.Proc, b.store, b.c, testW).Load(ctx, &memory{})
		b.want(err != nil && strings.Contains(err.Error(), "nothing proves"), "%v", err)
		b.launchOn(3, l, "f")
		b.settle(l, Won, "f")
		m := must(Open(b.Proc, b.store, b.c, testW).Load(ctx, &memory{}))
		b.want(m.Slot == 2 && m.Warning != "", "%+v", m)
	})
}
