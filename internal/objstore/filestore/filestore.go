package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
)

// tempDir holds files being written. No key reaches it, since no part of a key begins with '.'.
const tempDir = ".tmp"

// tempAgeMax is how long a temporary file may lie unfinished until New takes it for the leftover of a crash. A writer
// that was still alive and loses its file fails cleanly: nothing to link.
const tempAgeMax = 24 * time.Hour

// Store implements objstore.Store. Make it with New.
type Store struct {
	root string
	sync bool

	// unsynced has the directories whose last sync failed. Nothing of them is told before they are synced: an answer that
	// an object is there may be taken for its being durable.
	unsynced sync.Map
	// notDirect: the file system does not write past the page cache.
	notDirect atomic.Bool
	reading   lender
}

// Option changes what New makes.
type Option func(*Store)

// WithoutSync leaves out every fsync: acknowledged objects survive the end of a process, but not a power cut.
func WithoutSync() Option { return func(s *Store) { s.sync = false } }

// New opens the directory dir as a store, and makes it if need be.
func New(dir string, options ...Option) (*Store, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("the bucket directory %q: %w", dir, err)
	}
	s := &Store{root: root, sync: true}
	for _, option := range options {
		option(s)
	}
	if err := s.makeDirs(filepath.Join(root, tempDir)); err != nil {
		return nil, fmt.Errorf("the bucket directory %q cannot be made: %w", dir, err)
	}
	if err := s.sweepTemp(time.Now().Add(-tempAgeMax)); err != nil {
		return nil, fmt.Errorf("the bucket directory %q cannot be used: %w", dir, err)
	}
	return s, nil
}

var (
	_ objstore.Store  = (*Store)(nil)
	_ objstore.Opener = (*Store)(nil)
)

// Info implements objstore.Store.
func (s *Store) Info() objstore.Info {
	u := "file://" + filepath.ToSlash(s.root)
	if !s.sync {
		u += "?fsync=off"
	}
	return objstore.Info{URL: u, SteadyClock: false, OneDisk: true, BodyFree: true}
}

// Open implements objstore.Opener. A name that is given to another file leaves the open one as it was.
func (s *Store) Open(ctx context.Context, key string) (objstore.File, objstore.Meta, error) {
	f, meta, err := s.open(ctx, key)
	if err != nil {
		return nil, objstore.Meta{}, err
	}
	return file{f}, meta, nil
}

// file is an open object.
type file struct{ *os.File }

// Expect implements objstore.File.
func (f file) Expect(from, to int64) {
	if from < to { // of no bytes the system makes all that follow
		readAhead(f.File, from, to-from)
	}
}

func (s *Store) open(ctx context.Context, key string) (*os.File, objstore.Meta, error) {
	path, err := s.begin(ctx, "get", key)
	if err != nil {
		return nil, objstore.Meta{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, objstore.Meta{}, failed("get", key, err)
	}
	meta, err := metaOf(f.Stat())
	if err != nil {
		_ = f.Close()
		return nil, objstore.Meta{}, failed("get", key, err)
	}
	return f, meta, nil
}

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	f, meta, err := s.open(ctx, key)
	if err != nil {
		return objstore.Object{}, err
	}
	defer f.Close()
	from, to, err := objstore.CutRange(meta.SizeBytes, off, n)
	if err != nil {
		return objstore.Object{}, &objstore.Error{Kind: objstore.InvalidRange, Op: "get", Key: key, Date: meta.Date, Cause: err}
	}
	body, free, err := s.readBody(f, meta.SizeBytes, from, to, objstore.IsLending(ctx))
	if err != nil {
		return objstore.Object{}, failed("get", key, err)
	}
	return objstore.Object{Meta: meta, Body: body, Free: free}, nil
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	path, err := s.begin(ctx, "head", key)
	if err != nil {
		return objstore.Meta{}, err
	}
	meta, err := metaOf(os.Lstat(path))
	if err != nil {
		return objstore.Meta{}, failed("head", key, err)
	}
	return meta, nil
}

// metaOf turns what stat says into a Meta. Only regular files are objects.
func metaOf(info fs.FileInfo, err error) (objstore.Meta, error) {
	if err != nil {
		return objstore.Meta{}, err
	}
	if !info.Mode().IsRegular() {
		return objstore.Meta{}, fs.ErrNotExist
	}
	return objstore.Meta{SizeBytes: info.Size(), LastModified: info.ModTime(), Date: time.Now()}, nil
}

// Delete implements objstore.Store. Emptied directories stay: removing one would race with a writer's link.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	dirs := map[string]struct{}{}
	for _, key := range keys {
		path, err := s.begin(ctx, "delete", key)
		if err != nil {
			return err
		}
		// unlink(2) itself: os.Remove would also remove an empty directory of that name.
		err = syscall.Unlink(path)
		switch {
		case err == nil:
			dirs[filepath.Dir(path)] = struct{}{}
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), isDir(path):
		default:
			return failed("delete", key, err)
		}
	}
	for dir := range dirs {
		if err := s.syncDir(dir); err != nil {
			return failed("delete", keys[0], err)
		}
	}
	return nil
}

// begin gives the path of key's file, or refuses a bad key and a cancelled ctx.
func (s *Store) begin(ctx context.Context, op, key string) (string, error) {
	if err := objstore.CheckKey(key); err != nil {
		return "", &objstore.Error{Kind: objstore.Fatal, Op: op, Key: key, Cause: err}
	}
	if err := ctx.Err(); err != nil {
		return "", &objstore.Error{Kind: objstore.Other, Op: op, Key: key, Cause: err}
	}
	path := filepath.Join(s.root, filepath.FromSlash(key))
	if dir := filepath.Dir(path); s.isUnsynced(dir) {
		if err := s.syncDir(dir); err != nil {
			return "", &objstore.Error{Kind: objstore.Other, Op: op, Key: key, Date: time.Now(), Cause: err}
		}
	}
	return path, nil
}

func (s *Store) isUnsynced(dir string) bool {
	_, found := s.unsynced.Load(dir)
	return found
}

// failed makes a Store's error of one of the operating system: of an operation that changed nothing.
func failed(op, key string, err error) error {
	e := &objstore.Error{Kind: objstore.Other, Op: op, Key: key, Date: time.Now(), Cause: err}
	reading := op == "get" || op == "head"
	switch {
	case reading && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)):
		e.Kind = objstore.NotFound
	case errors.Is(err, fs.ErrExist):
		e.Kind = objstore.Exists
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Kind, e.Cause = objstore.Fatal, fmt.Errorf("%w: the bucket directory must be readable and writable for this process, on a file system with hard links", err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		e.Kind, e.Cause = objstore.Fatal, fmt.Errorf("%w: in a file store a key cannot be both an object and a directory", err)
	}
	return e
}
