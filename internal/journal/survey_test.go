package journal

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

func TestSurvey(t *testing.T) {
	for _, c := range []struct {
		name  string
		story func(b *bed)
		says  string // "" if the journal is fit
	}{
		{"nothing yet", func(*bed) {}, ""},
		{"whole", func(*bed) {}, ""},
		{"a missing slot", func(b *bed) { b.store.Delete(ctx, EntryKey(2)) }, EntryKey(2) + " is missing"},
		{"the first slot is missing", func(b *bed) { b.store.Delete(ctx, EntryKey(1)) }, EntryKey(1) + " is missing"},
		{"the last slot was never written", func(b *bed) { b.store.Delete(ctx, EntryKey(3)) }, ""},
		{"another cluster's cluster.json", func(b *bed) {
			must(b.store.Put(ctx, clusterKey, must(encodeCluster(Cluster{ID: "another", FormatVersion: 1}))))
		}, "belong to another cluster"},
		{"another cluster's journal", func(b *bed) {
			for n := base.Slot(1); n <= 3; n++ {
				b.store.Delete(ctx, EntryKey(n))
				b.rawEntry(n, Genesis("another"), "x")
			}
		}, "belong to another cluster"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(b *bed) {
				if c.name != "nothing yet" {
					l := b.open()
					for _, payload := range []string{"a", "b", "c"} {
						b.append(l, payload)
					}
				}
				c.story(b)
				before := b.keys("")
				err := Survey(ctx, b.Proc, b.store, must(OpenCluster(ctx, b.Proc, b.store)))
				if c.says == "" {
					b.want(err == nil, "refused: %v", err)
				} else {
					b.want(base.KindOf(err) == base.StorageError && strings.Contains(err.Error(), c.says), "%v, want %q", err, c.says)
				}
				b.want(slices.Equal(b.keys(""), before), "it changed the bucket")
			})
		})
	}
}

// A late arrival of a cluster that was deleted from the prefix is no reason to refuse the one that is there now.
func TestSurveyAcceptsAFewVoidEntries(t *testing.T) {
	run(t, func(b *bed) {
		b.rawEntry(1, Genesis("another"), "late")
		l := b.open()
		b.next(l, Believed, "late")
		b.append(l, "a")
		b.want(Survey(ctx, b.Proc, b.store, b.c) == nil, "refused")
	})
}

// An agent that stands still while it looks may find slots gone for which there was no snapshot when it began.
func TestSurveyOfAJournalThatIsTruncatedMeanwhile(t *testing.T) {
	run(t, func(b *bed) {
		l, other := b.open(), b.open()
		for _, payload := range []string{"a", "b", "c"} {
			b.append(l, payload)
			b.next(other, Believed, payload)
		}
		b.append(other, "d")
		listed := false
		b.trace(func(op, key string, do func() error) error {
			err := do()
			if op == "list" && key == snapshotPrefix && !listed {
				listed = true
				must(b.snapshot(l, nil, "state=abc"))
				b.store.Store.Delete(ctx, EntryKey(1), EntryKey(2), EntryKey(3))
			}
			return err
		})
		err := Survey(ctx, b.Proc, b.store, b.c)
		b.want(err == nil, "refused: %v", err)
	})
}

func TestStill(t *testing.T) {
	run(t, func(b *bed) {
		b.want(b.c.Still(ctx, b.Proc, b.store) == nil, "the cluster is not itself")
		must(b.store.Put(ctx, clusterKey, must(encodeCluster(Cluster{ID: "another", FormatVersion: 1}))))
		err := b.c.Still(ctx, b.Proc, b.store)
		b.want(base.KindOf(err) == base.StorageError && errors.Is(err, ErrReplaced), "%v", err)
		b.store.Delete(ctx, clusterKey)
		err = b.c.Still(ctx, b.Proc, b.store)
		b.want(base.KindOf(err) == base.StorageError && errors.Is(err, ErrReplaced), "%v", err)
	})
}
