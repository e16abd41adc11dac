package filestore

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace-io/millrace/internal/objstore"
)

// A directory whose sync failed is synced before anything of it is told: "it is there" may be taken for "it is durable".
func TestUnsyncedDirectoryIsSyncedFirst(t *testing.T) {
	s, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.root, "journal")
	s.unsynced.Store(dir, true)
	ctx := context.Background()
	if _, err := s.GetRange(ctx, "journal/1", 0, -1); !objstore.Is(err, objstore.Other) {
		t.Fatalf("of a directory that cannot be synced: %v", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetRange(ctx, "journal/1", 0, -1); !objstore.Is(err, objstore.NotFound) {
		t.Fatalf("of a directory that can be synced by now: %v", err)
	}
	if s.isUnsynced(dir) {
		t.Fatal("it is still taken for unsynced")
	}
}
