package journal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/objstore"
)

func TestLoadNothing(t *testing.T) {
	run(t, func(b *bed) {
		l, r := Open(b.Proc, b.store, b.c, testW), &memory{m: Manifest{Warning: "not begun"}}
		m := must(l.Load(ctx, r))
		slot, chain := l.Position()
		b.want(m.Slot == 0 && slot == 0 && chain == Genesis(b.c.ID) && r.m.Warning == "", "%+v at %d", m, slot)
	})
}

func TestLoadNewestAndGoOn(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		b.append(w, "a")
		must(b.snapshot(w, nil, "x=a"))
		b.append(w, "b")
		made := must(b.snapshot(w, nil, "x=ab", "y=", "z=9"))
		b.append(w, "c")
		l, r := Open(b.Proc, b.store, b.c, testW), &memory{}
		m := must(l.Load(ctx, r))
		b.want(m.Point == made.Point && m.Slot == 2 && r.has("x=ab", "y=", "z=9") && m.Warning == "", "%+v %q", m, r.parts)
		b.next(l, Believed, "c")
	})
}

// bedOfTwo writes entries a b c d, with snapshots after b and d.
func bedOfTwo(b *bed) (older, newest Manifest) {
	w := b.open()
	b.append(w, "a")
	b.append(w, "b")
	older = must(b.snapshot(w, nil, "x=ab"))
	b.append(w, "c")
	b.rawEntry(4, [32]byte{}, "void")
	b.next(w, Believed, "void")
	b.append(w, "d")
	return older, must(b.snapshot(w, &older, "x=abcd"))
}

func TestDamagedSnapshotWithWholeTail(t *testing.T) {
	spoils := map[string]func(b *bed, m Manifest){
		"part damaged": func(b *bed, m Manifest) { b.corrupt(PartKey(m.Parts[0].Object)) },
		"part gone":    func(b *bed, m Manifest) { b.store.Delete(ctx, PartKey(m.Parts[0].Object)) },
		"manifest": func(b *bed, m Manifest) {
			b.append(b.open(), "e")
			b.corrupt(SnapshotKey(m.Slot))
		},
	}
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				older, newest := bedOfTwo(b)
				spoil(b, newest)
				l, r := Open(b.Proc, b.store, b.c, testW), &memory{}
				m := must(l.Load(ctx, r))
				b.want(m.Slot == older.Slot && r.has("x=ab") && strings.Contains(m.Warning, SnapshotKey(newest.Slot)), "%+v", m)
				_, status, err := l.Append(ctx, Draft{})
				b.want(err == nil && status == Lost, "append within the proved tail: %v, %v", status, err)
				b.next(l, Believed, "c")
				b.next(l, Believed, "void")
				b.next(l, Believed, "d")
				_, status, err = l.Next(ctx)
				b.want(err == nil && (status == Absent || status == Believed), "%v, %v", status, err)
			})
		})
	}
}

func TestDamagedOnlySnapshotWithWholeJournal(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		b.append(w, "a")
		m := must(b.snapshot(w, nil, "x=a"))
		b.corrupt(PartKey(m.Parts[0].Object))
		l, r := Open(b.Proc, b.store, b.c, testW), &memory{}
		got := must(l.Load(ctx, r))
		b.want(got.Slot == 0 && got.Warning != "", "%+v", got)
		b.next(l, Believed, "a")
	})
}

// TestDamagedSnapshotWithoutTail: stop, never guess.
func TestDamagedSnapshotWithoutTail(t *testing.T) {
	spoils := map[string]func(b *bed, m Manifest){
		"a slot is gone": func(b *bed, m Manifest) {
			b.corrupt(PartKey(m.Parts[0].Object))
			b.store.Delete(ctx, EntryKey(3))
		},
		"a slot is damaged": func(b *bed, m Manifest) {
			b.corrupt(PartKey(m.Parts[0].Object))
			b.corrupt(EntryKey(5))
		},
		"a slot was created again": func(b *bed, m Manifest) {
			b.corrupt(PartKey(m.Parts[0].Object))
			e := must(DecodeEntry(must(b.store.Store.GetRange(ctx, EntryKey(3), 0, -1)).Body))
			b.store.Delete(ctx, EntryKey(3))
			b.rawEntry(3, e.Prev, "the loser of slot 3")
		},
		"manifest damaged, nothing after it": func(b *bed, m Manifest) { b.corrupt(SnapshotKey(m.Slot)) },
		"manifest of another cluster": func(b *bed, m Manifest) {
			m.ClusterID = "another"
			must(b.store.Put(ctx, SnapshotKey(m.Slot), encodeManifest(m)))
		},
	}
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				_, newest := bedOfTwo(b)
				spoil(b, newest)
				l := Open(b.Proc, b.store, b.c, testW)
				_, err := l.Load(ctx, &memory{})
				b.want(base.KindOf(err) == base.StorageError && strings.Contains(err.Error(), SnapshotKey(newest.Slot)) &&
					strings.Contains(err.Error(), "millrace fsck"), "%v", err)
			})
		})
	}
}

// TestTailThatChangesAfterItWasProved: the proof was for what was there then.
func TestTailThatChangesAfterItWasProved(t *testing.T) {
	for name, again := range map[string]bool{"gone": false, "created again": true} {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				_, newest := bedOfTwo(b)
				b.corrupt(PartKey(newest.Parts[0].Object))
				l := b.open()
				b.store.Delete(ctx, EntryKey(3))
				_, status, err := l.Append(ctx, Draft{})
				b.want(err == nil && status == Lost && len(b.keys(entryPrefix)) == 4, "append: %v, %v", status, err)
				if again {
					_, chain := l.Position()
					b.rawEntry(3, chain, "the loser of slot 3")
				}
				for err == nil {
					_, _, err = l.Next(ctx)
				}
				slot, _ := l.Position()
				b.want(slot <= newest.Slot && strings.Contains(err.Error(), "changed or vanished"), "at %d: %v", slot, err)
			})
		})
	}
}

// A reader that stands still while it reads what stands in for a damaged snapshot may find it deleted for a newer one.
func TestTailThatIsTruncatedAfterItWasProved(t *testing.T) {
	run(t, func(b *bed) {
		_, newest := bedOfTwo(b)
		w := b.open()
		for status := Believed; status != Absent; {
			_, status, _ = w.Next(ctx)
		}
		b.append(w, "e")
		b.corrupt(PartKey(newest.Parts[0].Object))
		l := b.open()
		m := must(b.snapshot(w, nil, "x=abcde"))
		b.store.Delete(ctx, EntryKey(3), EntryKey(4))
		_, status, err := l.Next(ctx)
		b.want(err == nil && status == Reload, "%v, %v", status, err)
		loaded := must(l.Load(ctx, &memory{}))
		b.want(loaded.Slot == m.Slot && loaded.Warning == "", "loaded %+v", loaded)
	})
}

// TestSnapshotVanishesWhileLoading: a newer one has taken over; it is listed again.
func TestSnapshotVanishesWhileLoading(t *testing.T) {
	for name, vanishes := range map[string]string{"manifest": snapshotPrefix, "part": partPrefix} {
		t.Run(name, func(t *testing.T) {
			run(t, func(b *bed) {
				w := b.open()
				b.append(w, "a")
				must(b.snapshot(w, nil, "x=a"))
				b.Sleep(testW)
				b.append(w, "b")
				b.store.hook = func(op, key string, do func() error) error {
					if op == "get" && strings.HasPrefix(key, vanishes) {
						b.store.hook = nil
						must(b.snapshot(w, nil, "x=ab"))
						b.Sleep(testW)
						b.truncate(w)
					}
					return do()
				}
				l, r := Open(b.Proc, b.store, b.c, testW), &memory{}
				m := must(l.Load(ctx, r))
				b.want(m.Slot == 2 && r.m.Slot == 2 && r.has("x=ab") && m.Warning == "", "%+v %q", m, r.parts)
				b.next(l, Absent, "")
			})
		})
	}
}

// TestSnapshotMissedOnce: a 404 is no damage yet, so nothing older is taken.
func TestSnapshotMissedOnce(t *testing.T) {
	run(t, func(b *bed) {
		_, newest := bedOfTwo(b)
		b.store.hook = func(op, key string, do func() error) error {
			if key == PartKey(newest.Parts[0].Object) {
				b.store.hook = nil
				return &objstore.Error{Kind: objstore.NotFound, Key: key, Cause: errors.New("404")}
			}
			return do()
		}
		m := must(Open(b.Proc, b.store, b.c, testW).Load(ctx, &memory{}))
		b.want(m.Slot == newest.Slot && m.Warning == "", "%+v", m)
	})
}

// TestListingAnchorsBeforeItsFirstPage: a snapshot may be made between two pages, and be W old within W/2 of the last.
func TestListingAnchorsBeforeItsFirstPage(t *testing.T) {
	run(t, func(b *bed) {
		for i := range listPage + 1 {
			must(b.store.Put(ctx, fmt.Sprintf("snapshot/not-one-%d", i), nil))
		}
		w, lists := b.open(), 0
		b.store.hook = func(op, key string, do func() error) error {
			if lists++; op == "list" && lists == 3 {
				b.store.hook = nil
				b.append(w, "a")
				must(b.snapshot(w, nil))
				b.Sleep(testW * 6 / 10)
			}
			return do()
		}
		l := Open(b.Proc, b.store, b.c, testW)
		m := must(l.Load(ctx, &memory{}))
		b.want(m.Slot == 0, "the snapshot was listed: %d", m.Slot)
		b.Sleep(testW * 45 / 100)
		b.wantTruncated(w, Truncated{Snapshot: 1, Entries: 1})
		b.next(l, Reload, "")
	})
}

// TestListingOfRuleRAnchorsBeforeItsFirstPage is the same for the listing that judges an observation.
func TestListingOfRuleRAnchorsBeforeItsFirstPage(t *testing.T) {
	run(t, func(b *bed) {
		for i := range listPage + 1 {
			must(b.store.Put(ctx, fmt.Sprintf("snapshot/not-one-%d", i), nil))
		}
		w, l, lists := b.open(), b.open(), 0
		b.Sleep(testW)
		b.store.hook = func(op, key string, do func() error) error {
			if op == "list" {
				lists++
			}
			if lists == 2 {
				b.store.hook = nil
				b.append(w, "a")
				must(b.snapshot(w, nil))
				b.Sleep(testW * 6 / 10)
			}
			return do()
		}
		b.next(l, Absent, "")
		b.Sleep(testW * 45 / 100)
		b.wantTruncated(w, Truncated{Snapshot: 1, Entries: 1})
		b.next(l, Reload, "")
	})
}

// TestSlowLoad: loading took longer than W/2, so the tail is read under a new listing.
func TestSlowLoad(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		b.append(w, "a")
		must(b.snapshot(w, nil, "x=a"))
		b.store.hook = func(op, key string, do func() error) error {
			if op == "get" && strings.HasPrefix(key, partPrefix) {
				b.store.hook = nil
				b.append(w, "b")
				must(b.snapshot(w, nil, "x=ab"))
				err := do()
				b.Sleep(testW)
				b.truncate(w)
				return err
			}
			return do()
		}
		l, r := Open(b.Proc, b.store, b.c, testW), &memory{}
		m := must(l.Load(ctx, r))
		b.want(m.Slot == 1 && r.has("x=a"), "%+v", m)
		b.next(l, Reload, "")
	})
}

func TestRestorerErrorsArePassedOn(t *testing.T) {
	run(t, func(b *bed) {
		w := b.open()
		b.append(w, "a")
		must(b.snapshot(w, nil, "x=a"))
		mine := errors.New("the state cannot read it")
		_, err := Open(b.Proc, b.store, b.c, testW).Load(ctx, failing{mine})
		b.want(err == mine, "%v", err)
	})
}

type failing struct{ err error }

func (failing) Begin(Manifest) error        { return nil }
func (f failing) Part(string, []byte) error { return f.err }

func TestLoadOfAnEmptiedBucket(t *testing.T) {
	run(t, func(b *bed) {
		b.store.Delete(ctx, clusterKey)
		_, err := Open(b.Proc, b.store, b.c, testW).Load(ctx, &memory{})
		b.want(objstore.Is(err, objstore.NotFound) && strings.Contains(err.Error(), "emptied"), "%v", err)
	})
}

func TestNowIsTheBucketsTime(t *testing.T) {
	run(t, func(b *bed) {
		l := Open(b.Proc, b.store, b.c, testW)
		_, ok := l.Now()
		b.want(!ok, "known before the first Date")
		must(l.Load(ctx, &memory{}))
		start, _ := l.Now()
		b.Sleep(3 * time.Second)
		now, ok := l.Now()
		b.want(ok && now == start+3000, "%d after 3 s, began at %d", now, start)
		b.Sleep(time.Hour)
		now, _ = l.Now()
		b.want(now == start+10_000, "%d ms ahead of the last Date", now-start)
		b.next(l, Absent, "")
		now, _ = l.Now()
		b.want(now == start+3_603_000, "%d ms after the start", now-start)
	})
}

// TestNowAndDatesThatStepBack: whole seconds make no step back, a clock that was set right does.
func TestNowAndDatesThatStepBack(t *testing.T) {
	run(t, func(b *bed) {
		at := func(ms int64) time.Time { return time.UnixMilli(1_000_000 + ms) }
		c := &bucketClock{env: b.Proc}
		want := func(ms base.Millis) {
			got, ok := c.now()
			b.want(ok && got == 1_000_000+ms, "%d, want %d", got-1_000_000, ms)
		}
		c.observe(at(0))
		b.Sleep(1500 * time.Millisecond)
		want(1500)
		c.observe(at(1000))
		want(1500)
		c.observe(time.Time{})
		b.Sleep(time.Second)
		want(2000)
		c.observe(at(-60_000))
		want(-50_000)
		b.Sleep(10 * time.Second)
		want(-50_000)
	})
}
