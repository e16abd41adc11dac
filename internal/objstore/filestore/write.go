package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
)

// PutIfAbsent implements objstore.Store. What it makes is the journal's, which other processes read at once: it stays in the page cache.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return s.write(ctx, "put-if-absent", key, [][]byte{body}, false, os.Link)
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	return s.write(ctx, "put", key, body, true, os.Rename)
}

// write makes a synced temporary file and lets publish give it its name. Until publish succeeds nothing has happened;
// when syncing the directory fails afterwards the object is there, but perhaps not after a power cut: Ambiguous.
func (s *Store) write(ctx context.Context, op, key string, body [][]byte, direct bool, publish func(from, to string) error) (objstore.Meta, error) {
	path, err := s.begin(ctx, op, key)
	if err != nil {
		return objstore.Meta{}, err
	}
	temp, err := s.writeTemp(body, direct)
	if err != nil {
		return objstore.Meta{}, failed(op, key, err)
	}
	defer os.Remove(temp)
	err = publish(temp, path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.makeDirs(filepath.Dir(path)); err == nil {
			err = publish(temp, path)
		}
	}
	if errors.Is(err, fs.ErrExist) && isDir(path) {
		err = syscall.EISDIR
	}
	if err != nil {
		return objstore.Meta{}, failed(op, key, err)
	}
	if err := s.syncDir(filepath.Dir(path)); err != nil {
		return objstore.Meta{}, &objstore.Error{Kind: objstore.Ambiguous, Op: op, Key: key, Date: time.Now(), Cause: err}
	}
	return objstore.Meta{SizeBytes: int64(objstore.SizeOf(body)), Date: time.Now()}, nil
}

func (s *Store) writeTemp(body [][]byte, direct bool) (path string, err error) {
	f, err := os.CreateTemp(filepath.Join(s.root, tempDir), "put-")
	if err != nil {
		return "", err
	}
	err = s.writeBody(f, body, direct)
	if err == nil && s.sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// makeDirs makes dir and what is missing above it, and syncs the directories that hold the new names.
func (s *Store) makeDirs(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.makeDirs(filepath.Dir(dir)); err == nil {
			err = os.Mkdir(dir, 0o755)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		if !isDir(dir) {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		// Another process may have made it a moment ago and not have synced it yet.
		err = nil
	}
	if err != nil {
		return err
	}
	return s.syncDir(filepath.Dir(dir))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (s *Store) syncDir(dir string) error {
	if !s.sync {
		return nil
	}
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		s.unsynced.Store(dir, true)
		return err
	}
	s.unsynced.Delete(dir)
	return nil
}

// sweepTemp removes temporary files last written before the given moment.
func (s *Store) sweepTemp(before time.Time) error {
	dir := filepath.Join(s.root, tempDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		// Another process may be sweeping too, and a leftover does no harm: its removal may fail.
		os.Remove(filepath.Join(dir, entry.Name()))
	}
	return nil
}
