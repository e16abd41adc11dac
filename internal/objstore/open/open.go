package open

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/s3store"
)

// Open opens the bucket at rawURL: the bare driver, without decorators. Errors are one line that says what to do.
func Open(ctx context.Context, e env.Env, rawURL string) (objstore.Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// url.Parse's own error would repeat the URL and whatever secret somebody put into it.
		return nil, fmt.Errorf("the bucket URL cannot be read: %s", forms)
	}
	store, err := openScheme(ctx, e, u)
	if err != nil {
		return nil, fmt.Errorf("the bucket %s: %w", u.Redacted(), err)
	}
	return store, nil
}

const forms = "write s3://BUCKET/PREFIX, file:///ABSOLUTE/DIRECTORY or mem://NAME"

func openScheme(ctx context.Context, e env.Env, u *url.URL) (objstore.Store, error) {
	switch u.Scheme {
	case "s3":
		config, err := s3store.ConfigFromURL(u, os.Getenv)
		if err != nil {
			return nil, err
		}
		return orNil(s3store.New(ctx, config))
	case "file":
		return openFile(u)
	case "mem":
		return openMem(e, u)
	case "":
		return nil, fmt.Errorf("it lacks its scheme: %s", forms)
	}
	return nil, fmt.Errorf("there is no scheme %q: %s", u.Scheme, forms)
}

// orNil keeps a nil pointer from becoming a non-nil Store.
func orNil[S objstore.Store](store S, err error) (objstore.Store, error) {
	if err != nil {
		return nil, err
	}
	return store, nil
}

func openFile(u *url.URL) (objstore.Store, error) {
	if u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("a file bucket has an absolute path: write file:///ABSOLUTE/DIRECTORY, with three slashes")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, err
	}
	var options []filestore.Option
	for name, values := range query {
		switch {
		case name == "fsync" && len(values) == 1 && values[0] == "off":
			options = append(options, filestore.WithoutSync())
		case name == "fsync" && len(values) == 1 && values[0] == "on":
		default:
			return nil, fmt.Errorf("a file bucket URL has no option %s=%s; there is fsync=on or off", name, strings.Join(values, ","))
		}
	}
	return orNil(filestore.New(u.Path, options...))
}

// shared holds the memory stores that have a name, until the process ends.
var shared struct {
	sync.Mutex
	stores map[string]*memstore.Store
}

// openMem gives the store of that name, or a fresh one that nobody else can open if there is no name.
func openMem(e env.Env, u *url.URL) (objstore.Store, error) {
	if u.RawQuery != "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("a memory bucket has only a name: write mem://NAME")
	}
	if u.Host == "" {
		return memstore.New(e.Now), nil
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.stores == nil {
		shared.stores = map[string]*memstore.Store{}
	}
	if shared.stores[u.Host] == nil {
		shared.stores[u.Host] = memstore.New(e.Now, memstore.Named(u.Host))
	}
	return shared.stores[u.Host], nil
}
