package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/millrace-io/millrace/internal/objstore"
)

// GetRange implements objstore.Store.
func (s *Store) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	if err := checkKey(opGet, key); err != nil {
		return objstore.Object{}, err
	}
	if off < 0 || n == 0 {
		return s.getNothing(ctx, key, off)
	}
	size := n
	if n < 0 || n > BodyBytesMax {
		size = BodyBytesMax
	}
	timed, cancel := context.WithTimeout(ctx, attemptTimeout(size))
	defer cancel()
	timed, seen := withExchange(timed)
	o, err := s.get(timed, key, off, n, seen)
	if off == 0 && objstore.Is(err, objstore.InvalidRange) {
		return s.getNothing(ctx, key, 0) // S3 sees no first byte in an empty object
	}
	return o, err
}

// getNothing answers a range of no bytes, which HTTP cannot ask for.
func (s *Store) getNothing(ctx context.Context, key string, off int64) (objstore.Object, error) {
	meta, err := s.Head(ctx, key)
	if err != nil {
		return objstore.Object{}, err
	}
	if _, _, err := objstore.CutRange(meta.SizeBytes, off, 0); err != nil {
		return objstore.Object{}, &objstore.Error{Kind: objstore.InvalidRange, Op: opGet, Key: key, Date: meta.Date, Cause: err}
	}
	return objstore.Object{Meta: meta, Body: []byte{}}, nil
}

func (s *Store) get(ctx context.Context, key string, off, n int64, seen *exchange) (objstore.Object, error) {
	options := minio.GetObjectOptions{}
	if wanted := rangeHeader(off, n); wanted != "" {
		options.Set("Range", wanted)
	}
	body, info, header, err := s.core.GetObject(ctx, s.config.Bucket, s.config.Prefix+key, options)
	if err != nil {
		return objstore.Object{}, failure(opGet, key, seen, err)
	}
	defer body.Close()
	o := objstore.Object{Meta: objstore.Meta{SizeBytes: info.Size, LastModified: info.LastModified, Date: seen.date}}
	if options.Header().Get("Range") != "" && info.Size > 0 {
		if o.SizeBytes, err = wholeSize(header.Get("Content-Range"), off, info.Size); err != nil {
			return objstore.Object{}, &objstore.Error{Kind: objstore.Fatal, Op: opGet, Key: key, Date: seen.date, Cause: err}
		}
	}
	if o.Body, err = readBody(body, info.Size); err != nil {
		return objstore.Object{}, failure(opGet, key, seen, err)
	}
	return o, nil
}

// rangeHeader gives the Range header for n bytes from off, "" for the whole object.
func rangeHeader(off, n int64) string {
	switch {
	case off == 0 && n < 0:
		return ""
	case n < 0 || n > math.MaxInt64-off:
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+n-1)
}

// wholeSize reads the object's size from "bytes 3-6/10", the Content-Range of an answer of n bytes from off, and
// refuses the answer of a store or a proxy that gave other bytes than it was asked for.
func wholeSize(contentRange string, off, n int64) (int64, error) {
	bytes, total, _ := strings.Cut(contentRange, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil || size < 0 || n > size-off || bytes != fmt.Sprintf("bytes %d-%d", off, off+n-1) {
		return 0, fmt.Errorf("the store answers %d bytes with Content-Range %q to a request from byte %d on: it does not honour ranges, use another store", n, contentRange, off)
	}
	return size, nil
}

// readBody reads a body whose length the answer told, and takes a shorter one for the broken connection that it is.
func readBody(r io.Reader, size int64) ([]byte, error) {
	if size < 0 {
		return nil, errors.New("the answer lacks its length")
	}
	if size > BodyBytesMax {
		return nil, fmt.Errorf("the answer has %d bytes, %d are allowed: read a range", size, BodyBytesMax)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("the answer broke off: %w", err)
	}
	return body, nil
}
