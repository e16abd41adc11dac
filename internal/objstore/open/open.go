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
	"github.com/millrace-io/millrace/internal/objstore/latency"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/s3store"
)

// URLError says that a bucket URL, or a variable that completes it, cannot be meant: no bucket was looked at.
type URLError struct{ error }

func (e *URLError) Unwrap() error { return e.error }

func wrong(format string, args ...any) error { return &URLError{fmt.Errorf(format, args...)} }

// Open opens the bucket at rawURL: the driver, without decorators but for the latency that the URL asks for. Errors are one
// line that says what to do; that of a wrong URL wraps a URLError.
func Open(ctx context.Context, e env.Env, rawURL string) (objstore.Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// url.Parse's own error would repeat the URL and whatever secret somebody put into it.
		return nil, wrong("the bucket URL cannot be read: %s", forms)
	}
	store, err := openURL(ctx, e, u)
	if err != nil {
		return nil, fmt.Errorf("the bucket %s: %w", u.Redacted(), err)
	}
	return store, nil
}

func openURL(ctx context.Context, e env.Env, u *url.URL) (objstore.Store, error) {
	driver, slow, err := takeLatency(u)
	if err != nil {
		return nil, err
	}
	store, err := openScheme(ctx, e, driver)
	if err != nil || slow == nil {
		return store, err
	}
	return latency.New(e, store, *slow), nil
}

// takeLatency gives the URL without the option that any bucket has, and the profile that it names, if any.
func takeLatency(u *url.URL) (*url.URL, *latency.Profile, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, nil, &URLError{err}
	}
	values, there := query["latency"]
	if !there {
		return u, nil, nil
	}
	slow, known := latency.Named(values[0])
	if !known || len(values) > 1 {
		return nil, nil, wrong("there is no latency=%s; there is one of %s", strings.Join(values, ","), strings.Join(profileNames(), ", "))
	}
	query.Del("latency")
	driver := *u
	driver.RawQuery = query.Encode()
	return &driver, &slow, nil
}

func profileNames() []string {
	var names []string
	for _, p := range latency.Profiles {
		names = append(names, p.Name)
	}
	return names
}

const forms = "write s3://BUCKET/PREFIX, file:///ABSOLUTE/DIRECTORY or mem://NAME"

func openScheme(ctx context.Context, e env.Env, u *url.URL) (objstore.Store, error) {
	switch u.Scheme {
	case "s3":
		config, err := s3store.ConfigFromURL(u, os.Getenv)
		if err != nil {
			return nil, &URLError{err}
		}
		return orNil(s3store.New(ctx, config))
	case "file":
		return openFile(u)
	case "mem":
		return openMem(e, u)
	case "":
		return nil, wrong("it lacks its scheme: %s", forms)
	}
	return nil, wrong("there is no scheme %q: %s", u.Scheme, forms)
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
		return nil, wrong("a file bucket has an absolute path: write file:///ABSOLUTE/DIRECTORY, with three slashes")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, &URLError{err}
	}
	var options []filestore.Option
	for name, values := range query {
		switch {
		case name == "fsync" && len(values) == 1 && values[0] == "off":
			options = append(options, filestore.WithoutSync())
		case name == "fsync" && len(values) == 1 && values[0] == "on":
		default:
			return nil, wrong("a file bucket URL has no option %s=%s; there is fsync=on or off", name, strings.Join(values, ","))
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
		return nil, wrong("a memory bucket has only a name: write mem://NAME")
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
