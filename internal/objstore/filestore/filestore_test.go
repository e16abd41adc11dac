package filestore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
)

func newStore(t *testing.T, dir string, options ...filestore.Option) *filestore.Store {
	t.Helper()
	s, err := filestore.New(dir, options...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	t.Run("synced", func(t *testing.T) {
		conformance.Run(t, func(t *testing.T) objstore.Store { return newStore(t, t.TempDir()) })
	})
	t.Run("unsynced", func(t *testing.T) {
		conformance.Run(t, func(t *testing.T) objstore.Store { return newStore(t, t.TempDir(), filestore.WithoutSync()) })
	})
}

const racerDir = "MILLRACE_TEST_RACER_DIR"

// TestMain lets the test binary be one of the racing processes of TestSeveralProcessesRace: it creates what it can of
// 200 keys and prints those it won.
func TestMain(m *testing.M) {
	dir := os.Getenv(racerDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := filestore.New(dir, filestore.WithoutSync())
	for i := 0; i < 200 && err == nil; i++ {
		key := fmt.Sprintf("race/%03d", i)
		if _, err = s.PutIfAbsent(context.Background(), key, []byte("x")); err == nil {
			fmt.Println(key)
		}
		if objstore.Is(err, objstore.Exists) {
			err = nil
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestSeveralProcessesRace(t *testing.T) {
	dir := t.TempDir()
	outputs := make([]bytes.Buffer, 3)
	var racers []*exec.Cmd
	for i := range outputs {
		racer := exec.Command(os.Args[0])
		racer.Env = append(os.Environ(), racerDir+"="+dir)
		racer.Stdout, racer.Stderr = &outputs[i], os.Stderr
		if err := racer.Start(); err != nil {
			t.Fatal(err)
		}
		racers = append(racers, racer)
	}
	winners := map[string]int{}
	for i, racer := range racers {
		if err := racer.Wait(); err != nil {
			t.Fatalf("racer %d: %v", i, err)
		}
		for key := range strings.FieldsSeq(outputs[i].String()) {
			winners[key]++
		}
	}
	if len(winners) != 200 {
		t.Errorf("%d of 200 keys have a winner", len(winners))
	}
	for key, n := range winners {
		if n != 1 {
			t.Errorf("%q has %d winners", key, n)
		}
	}
}

func TestTwoStoresOnOneDirectory(t *testing.T) {
	dir := t.TempDir()
	stores := []objstore.Store{newStore(t, dir), newStore(t, dir)}
	if err := conformance.Compete(t.Context(), stores, 4, 20); err != nil {
		t.Fatal(err)
	}
}

func TestWhatACrashLeavesIsNeitherListedNorKept(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	left, writing := filepath.Join(dir, ".tmp", "put-left"), filepath.Join(dir, ".tmp", "put-writing")
	for _, path := range []string{left, writing} {
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if page, err := s.List(t.Context(), "", "", 10); err != nil || len(page.Entries) != 0 {
		t.Errorf("List = %+v, %v; want nothing", page, err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	newStore(t, dir)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Error("New must remove the leftover of a crash")
	}
	if _, err := os.Stat(writing); err != nil {
		t.Error("New must leave a file alone that another process may be writing")
	}
}

func TestNoTempFileStays(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	for range 2 {
		s.PutIfAbsent(t.Context(), "k", []byte("x"))
		s.Put(t.Context(), "k", []byte("x"))
		s.Put(t.Context(), "k/below-an-object", []byte("x"))
	}
	if entries, err := os.ReadDir(filepath.Join(dir, ".tmp")); err != nil || len(entries) != 0 {
		t.Errorf(".tmp holds %v, %v; want nothing", entries, err)
	}
}

func TestAKeyIsNotBothObjectAndDirectory(t *testing.T) {
	s := newStore(t, t.TempDir())
	if _, err := s.Put(t.Context(), "a/b", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a/b/c", "a"} {
		if _, err := s.Put(t.Context(), key, nil); !objstore.Is(err, objstore.Fatal) {
			t.Errorf("Put(%q) = %v, want kind %q", key, err, objstore.Fatal)
		}
	}
}

func TestForeignFilesAreNotListed(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	for _, name := range []string{"lost+found", "with space", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if page, err := s.List(t.Context(), "", "", 10); err != nil || len(page.Entries) != 0 {
		t.Errorf("List = %+v, %v; want nothing", page, err)
	}
}

func TestADirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := filestore.New(filepath.Join(file, "bucket"))
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("New below a file = %v, want an error that names the path", err)
	}
}

func TestInfo(t *testing.T) {
	dir := t.TempDir()
	want := objstore.Info{URL: "file://" + dir, OneDisk: true, BodyFree: true}
	if got := newStore(t, dir).Info(); got != want {
		t.Errorf("Info = %+v, want %+v", got, want)
	}
	want.URL += "?fsync=off"
	if got := newStore(t, dir, filestore.WithoutSync()).Info(); got != want {
		t.Errorf("Info = %+v, want %+v", got, want)
	}
}

// BenchmarkPutIfAbsent is an entry of the journal, and a segment.
func BenchmarkPutIfAbsent(b *testing.B) {
	for _, size := range []int{4 << 10, 8 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s, err := filestore.New(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			body := bytes.Repeat([]byte("millrace"), size/8)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.PutIfAbsent(b.Context(), fmt.Sprintf("journal/%020d", i), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPut is a segment of 8 MiB, as pieces that lie where the batches of so many partitions came: each is a front and the rest.
func BenchmarkPut(b *testing.B) {
	const size = 8 << 20
	for _, partitions := range []int{1, 100, 5000, 50_000} {
		b.Run(fmt.Sprintf("%d_partitions", partitions), func(b *testing.B) {
			s, err := filestore.New(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			body, parts := bytes.Repeat([]byte("millrace"), size/8), [][]byte{}
			for batch := range slices.Chunk(body, size/partitions) {
				parts = append(parts, batch[:min(16, len(batch))], batch[min(16, len(batch)):])
			}
			b.SetBytes(size)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Put(b.Context(), fmt.Sprintf("data/%020d", i), parts...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkListTail is the question "what is new?" asked of a directory of 20,000 objects.
func BenchmarkListTail(b *testing.B) {
	s, err := filestore.New(b.TempDir(), filestore.WithoutSync())
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20000 {
		if _, err := s.Put(b.Context(), fmt.Sprintf("journal/%020d", i), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		page, err := s.List(b.Context(), "journal/", fmt.Sprintf("journal/%020d", 19990), 1000)
		if err != nil || len(page.Entries) != 9 {
			b.Fatal(len(page.Entries), err)
		}
	}
}
