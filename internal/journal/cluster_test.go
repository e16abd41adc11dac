package journal

import (
	"errors"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/objstore"
)

func TestClusterIsFoundedOnce(t *testing.T) {
	run(t, func(b *bed) {
		again := must(OpenCluster(ctx, b.w.Proc("another"), b.store))
		b.want(again == b.c && len(b.c.ID) == 22 && b.c.FormatVersion == FormatVersion, "%+v, then %+v", b.c, again)
	})
}

func TestClusterFoundedByTwoAtOnce(t *testing.T) {
	run(t, func(b *bed) {
		b.store.Delete(ctx, clusterKey)
		var first Cluster
		b.store.hook = func(op, key string, do func() error) error {
			if op == "put" {
				b.store.hook = nil
				first = must(OpenCluster(ctx, b.w.Proc("faster"), b.store))
			}
			return do()
		}
		second := must(OpenCluster(ctx, b.Proc, b.store))
		b.want(first.ID != "" && first == second, "%+v and %+v", first, second)
	})
}

// The faster one has even written its first entry by the time the slower looks whether the prefix is empty.
func TestClusterFoundedAndUsedMeanwhile(t *testing.T) {
	run(t, func(b *bed) {
		b.store.Delete(ctx, clusterKey)
		var first Cluster
		b.store.hook = func(op, key string, do func() error) error {
			if op == "list" {
				b.store.hook = nil
				first = must(OpenCluster(ctx, b.w.Proc("faster"), b.store))
				must(b.store.Put(ctx, EntryKey(1), nil))
			}
			return do()
		}
		second := must(OpenCluster(ctx, b.Proc, b.store))
		b.want(first.ID != "" && first == second, "%+v and %+v", first, second)
	})
}

func TestClusterAmbiguousPut(t *testing.T) {
	run(t, func(b *bed) {
		b.store.Delete(ctx, clusterKey)
		b.store.hook = func(op, key string, do func() error) error {
			if op == "put" {
				b.store.hook = nil
				do()
				return ambiguous(key)
			}
			return do()
		}
		c := must(OpenCluster(ctx, b.Proc, b.store))
		b.want(c == must(OpenCluster(ctx, b.Proc, b.store)), "two ids")
	})
}

func TestClusterIsNotFoundedOverAJournal(t *testing.T) {
	for _, key := range []string{EntryKey(5), SnapshotKey(5)} {
		run(t, func(b *bed) {
			b.store.Delete(ctx, clusterKey)
			must(b.store.Put(ctx, key, nil))
			_, err := OpenCluster(ctx, b.Proc, b.store)
			b.want(base.KindOf(err) == base.StorageError && strings.Contains(err.Error(), key), "%v", err)
			b.want(len(b.keys("")) == 1, "it wrote: %q", b.keys(""))
		})
	}
}

func TestClusterObjectIsChecked(t *testing.T) {
	cluster := func(body string) []byte { return envelope.Append(envelope.Cluster, []byte(body)) }
	tests := []struct {
		name   string
		object []byte
		kind   base.Kind
		cause  error
	}{
		{"foreign", []byte(`{"id": "of another program"}`), base.StorageError, envelope.ErrForeign},
		{"damaged", cluster(`{"id":"x","format":1}`)[:20], base.StorageError, envelope.ErrDamaged},
		{"no JSON", cluster("text"), base.StorageError, envelope.ErrForeign},
		{"no id", cluster(`{"format":1}`), base.StorageError, envelope.ErrForeign},
		{"no format", cluster(`{"id":"x"}`), base.StorageError, envelope.ErrForeign},
		{"newer", cluster(`{"id":"x","format":2}`), base.UnsupportedVersion, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(b *bed) {
				must(b.store.Put(ctx, clusterKey, test.object))
				_, err := OpenCluster(ctx, b.Proc, b.store)
				b.want(base.KindOf(err) == test.kind && strings.Contains(err.Error(), clusterKey), "kind %d: %v", base.KindOf(err), err)
				b.want(test.cause == nil || errors.Is(err, test.cause), "%v", err)
			})
		})
	}
}

func TestClusterFatalError(t *testing.T) {
	run(t, func(b *bed) {
		b.store.hook = func(op, key string, do func() error) error {
			return &objstore.Error{Kind: objstore.Fatal, Op: op, Key: key, Cause: errors.New("no such bucket")}
		}
		_, err := OpenCluster(ctx, b.Proc, b.store)
		b.want(err != nil && strings.Contains(err.Error(), "no such bucket"), "%v", err)
	})
}
