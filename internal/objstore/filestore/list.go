package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
)

// List implements objstore.Store. It reads the directory that prefix names and those below it that can hold an answer,
// no others; of a directory it looks only at the names, and stats only what it answers.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	if err := objstore.CheckPrefix(prefix); err != nil {
		return objstore.Page{}, &objstore.Error{Kind: objstore.Fatal, Op: "list", Key: prefix, Cause: err}
	}
	w := walk{ctx: ctx, root: s.root, prefix: prefix, startAfter: startAfter, limit: objstore.ClampLimit(limit)}
	w.page.Date = time.Now()
	base := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if base != "" && objstore.CheckKey(strings.TrimSuffix(base, "/")) != nil {
		return w.page, nil // "..", "//" and the like: no key begins so, and no walk may leave the directory
	}
	if err := w.dir(base); err != nil && !errors.Is(err, errPageFull) {
		return objstore.Page{}, failed("list", prefix, err)
	}
	return w.page, nil
}

// errPageFull ends a walk.
var errPageFull = errors.New("the page is full")

// walk gathers one page of a listing.
type walk struct {
	ctx                context.Context
	root               string
	prefix, startAfter string
	limit              int
	page               objstore.Page
}

// dir visits in key order what lies below base, a key prefix that is "" or ends with '/'.
func (w *walk) dir(base string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	names, err := w.candidates(base)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			err = w.dir(base + name)
		} else {
			err = w.file(base + name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// candidates gives the names in base that can lead to an answer, in the byte order of their keys. A directory bears a
// '/' at its end, which also sorts it right: "a.b" comes before "a/b".
func (w *walk) candidates(base string) ([]string, error) {
	d, err := os.Open(filepath.Join(w.root, filepath.FromSlash(base)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil && !errors.Is(err, syscall.ENOTDIR) {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if objstore.CheckKey(name) != nil {
			continue // .tmp, lost+found and what else is no object of ours
		}
		if entry.IsDir() {
			name += "/"
		} else if !entry.Type().IsRegular() {
			continue
		}
		if w.wanted(base + name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// wanted reports whether path, a key or a directory's key prefix, is or can hold an answer.
func (w *walk) wanted(path string) bool {
	if !strings.HasSuffix(path, "/") {
		return strings.HasPrefix(path, w.prefix) && path > w.startAfter
	}
	below := strings.HasPrefix(path, w.prefix) || strings.HasPrefix(w.prefix, path)
	return below && (path > w.startAfter || strings.HasPrefix(w.startAfter, path))
}

func (w *walk) file(key string) error {
	if len(w.page.Entries) == w.limit {
		w.page.More = true
		return errPageFull
	}
	meta, err := metaOf(os.Lstat(filepath.Join(w.root, filepath.FromSlash(key))))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	w.page.Entries = append(w.page.Entries, objstore.ListEntry{Key: key, SizeBytes: meta.SizeBytes, LastModified: meta.LastModified})
	return nil
}
