package s3store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/millrace-io/millrace/internal/objstore"
)

// BodyBytesMax is the largest object that is written, in bytes. S3 itself takes 5 GiB in a single part; more than this
// in one request would only be ambiguous more often.
const BodyBytesMax = 128 << 20

// attemptTimeout bounds one request of n bytes: some seconds, and as long as 1 MiB/s takes.
func attemptTimeout(n int64) time.Duration {
	return 15*time.Second + time.Duration(n>>20)*time.Second
}

// Store implements objstore.Store. Make it with New.
type Store struct {
	config Config
	core   *minio.Core
	host   string
	// options are those of core, to make others like it. Creds and Transport are shared.
	options minio.Options
}

// New opens a bucket. It looks for credentials in the environment, the shared credentials file and the machine's role,
// in this order, and fails if there are none. Whether the bucket is there it does not ask.
func New(ctx context.Context, config Config) (*Store, error) {
	host, secure, err := config.host()
	if err != nil {
		return nil, err
	}
	if err := s3utils.CheckValidBucketNameStrict(config.Bucket); err != nil {
		return nil, fmt.Errorf("the bucket name %q: %w", config.Bucket, err)
	}
	if config.Region == "" && config.Endpoint != "" {
		config.Region = regionElsewhere
	}
	creds, err := findCredentials(ctx)
	if err != nil {
		return nil, err
	}
	s := &Store{config: config, host: host, options: minio.Options{
		Creds:      creds,
		Secure:     secure,
		Transport:  newTransport(),
		Region:     config.Region,
		MaxRetries: 1,
	}}
	s.options.BucketLookup = minio.BucketLookupDNS
	if config.PathStyle {
		s.options.BucketLookup = minio.BucketLookupPath
	}
	if s.core, err = minio.NewCore(host, &s.options); err != nil {
		return nil, fmt.Errorf("the endpoint %q: %w", host, err)
	}
	if config.Region == "" {
		return s, s.findRegion(ctx)
	}
	return s, nil
}

var _ objstore.Store = (*Store)(nil)

// findRegion asks Amazon where the bucket is, once, so that no later request has to.
func (s *Store) findRegion(ctx context.Context) error {
	ctx, seen := withExchange(ctx)
	region, err := s.core.GetBucketLocation(ctx, s.config.Bucket)
	if err != nil {
		return failure(opList, s.config.Bucket, seen, err)
	}
	s.config.Region, s.options.Region = region, region
	s.core, err = minio.NewCore(s.host, &s.options)
	return err
}

// Info implements objstore.Store. Amazon's clock does not step back; that of another server may be any machine's.
func (s *Store) Info() objstore.Info {
	return objstore.Info{URL: s.config.url(), SteadyClock: s.config.Endpoint == ""}
}

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	options := minio.PutObjectOptions{}
	options.SetMatchETagExcept("*")
	return s.put(ctx, opCreate, key, body, options)
}

// Put implements objstore.Store.
func (s *Store) Put(ctx context.Context, key string, body ...[]byte) (objstore.Meta, error) {
	return s.put(ctx, opPut, key, whole(body), minio.PutObjectOptions{})
}

// whole gives the parts in one piece: the hash and each of the client's tries begin at its beginning.
func whole(parts [][]byte) []byte {
	if len(parts) == 1 {
		return parts[0]
	}
	return slices.Concat(parts...)
}

func (s *Store) put(ctx context.Context, op, key string, body []byte, options minio.PutObjectOptions) (objstore.Meta, error) {
	if err := checkKey(op, key); err != nil {
		return objstore.Meta{}, err
	}
	size := int64(len(body))
	if size > BodyBytesMax {
		return objstore.Meta{}, &objstore.Error{Kind: objstore.Fatal, Op: op, Key: key, Cause: fmt.Errorf("the object has %d bytes, %d are allowed", size, BodyBytesMax)}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout(size))
	defer cancel()
	ctx, seen := withExchange(ctx)
	// The hash keeps minio-go from its chunked signing of bodies over plain HTTP, and proves the body to the server.
	// TLS proves it already.
	options.DisableContentSha256 = true
	hash := ""
	if !s.options.Secure {
		sum := sha256.Sum256(body)
		hash = hex.EncodeToString(sum[:])
	}
	_, err := s.core.PutObject(ctx, s.config.Bucket, s.config.Prefix+key, bytes.NewReader(body), size, "", hash, options)
	if err != nil {
		return objstore.Meta{}, failure(op, key, seen, err)
	}
	return objstore.Meta{SizeBytes: size, Date: seen.date}, nil
}

// Head implements objstore.Store.
func (s *Store) Head(ctx context.Context, key string) (objstore.Meta, error) {
	if err := checkKey(opHead, key); err != nil {
		return objstore.Meta{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout(0))
	defer cancel()
	ctx, seen := withExchange(ctx)
	info, err := s.core.StatObject(ctx, s.config.Bucket, s.config.Prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return objstore.Meta{}, failure(opHead, key, seen, err)
	}
	return objstore.Meta{SizeBytes: info.Size, LastModified: info.LastModified, Date: seen.date}, nil
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	if err := objstore.CheckPrefix(prefix); err != nil {
		return objstore.Page{}, &objstore.Error{Kind: objstore.Fatal, Op: opList, Key: prefix, Cause: err}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout(0))
	defer cancel()
	ctx, seen := withExchange(ctx)
	options := s.options
	options.Transport = bound{ctx, s.options.Transport}
	core, err := minio.NewCore(s.host, &options)
	if err != nil {
		return objstore.Page{}, failure(opList, prefix, seen, err)
	}
	if startAfter != "" {
		startAfter = s.config.Prefix + startAfter
	}
	result, err := core.ListObjectsV2(s.config.Bucket, s.config.Prefix+prefix, startAfter, "", "", objstore.ClampLimit(limit))
	if err != nil {
		return objstore.Page{}, failure(opList, prefix, seen, err)
	}
	page := objstore.Page{More: result.IsTruncated, Date: seen.date}
	if page.Entries, err = s.entries(result.Contents, prefix, startAfter); err != nil {
		return objstore.Page{}, &objstore.Error{Kind: objstore.Fatal, Op: opList, Key: prefix, Date: seen.date, Cause: err}
	}
	return page, nil
}

// entries checks what a listing rests upon: a store that ignores start-after or lists in no order (S3's directory
// buckets) would make journal entries invisible.
func (s *Store) entries(found []minio.ObjectInfo, prefix, startAfter string) ([]objstore.ListEntry, error) {
	entries := make([]objstore.ListEntry, 0, len(found))
	last := startAfter
	for _, o := range found {
		if !strings.HasPrefix(o.Key, s.config.Prefix+prefix) || o.Key <= last {
			return nil, fmt.Errorf("the store answers key %q to a listing of %q after %q: it does not list in byte order, use another store", o.Key, s.config.Prefix+prefix, last)
		}
		last = o.Key
		key := strings.TrimPrefix(o.Key, s.config.Prefix)
		entries = append(entries, objstore.ListEntry{Key: key, SizeBytes: o.Size, LastModified: o.LastModified})
	}
	return entries, nil
}

func checkKey(op, key string) error {
	if err := objstore.CheckKey(key); err != nil {
		return &objstore.Error{Kind: objstore.Fatal, Op: op, Key: key, Cause: err}
	}
	return nil
}
