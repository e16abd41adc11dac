package sim

import (
	"bytes"
	"context"
	"errors"
	"syscall"

	"github.com/millrace-io/millrace/internal/objstore"
)

// folder is one process's way to a bucket that is a folder.
type folder struct{ *client }

var _ objstore.Opener = (*folder)(nil)

// Open implements objstore.Opener. Once an object is open nothing happens to it.
func (f *folder) Open(outer context.Context, key string) (objstore.File, objstore.Meta, error) {
	o, err := f.GetRange(outer, key, 0, -1)
	if err != nil {
		return nil, objstore.Meta{}, err
	}
	f.b.marks.Hit(BucketOpened)
	return file{bytes.NewReader(o.Body)}, o.Meta, nil
}

// file is an open object.
type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

// Expect changes nothing: all of it is in memory.
func (file) Expect(int64, int64) {}

// SyscallConn is asked for by connections of the kernel's alone.
func (file) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }
