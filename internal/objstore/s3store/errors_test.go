package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/millrace-io/millrace/internal/objstore"
)

// answering opens a store whose server answers every request as given, and counts them.
func answering(t *testing.T, answer http.HandlerFunc) (*Store, *atomic.Int64) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	requests := &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s, err := New(t.Context(), Config{Bucket: "bucket", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return s, requests
}

// call runs one operation by its name.
func call(ctx context.Context, s *Store, op string) error {
	var err error
	switch op {
	case opCreate:
		_, err = s.PutIfAbsent(ctx, "k", []byte("x"))
	case opPut:
		_, err = s.Put(ctx, "k", []byte("x"))
	case opGet:
		_, err = s.GetRange(ctx, "k", 1, -1)
	case opHead:
		_, err = s.Head(ctx, "k")
	case opList:
		_, err = s.List(ctx, "k", "", 10)
	case opDelete:
		err = s.Delete(ctx, "k")
	}
	return err
}

const (
	writes = "put-if-absent put delete"
	reads  = "get list"
	all    = writes + " " + reads
)

func TestKindOfAnAnswer(t *testing.T) {
	date := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		status int
		code   string
		ops    string
		kind   objstore.ErrorKind
	}{
		{412, "PreconditionFailed", "put-if-absent", objstore.Exists},
		{412, "", "put-if-absent", objstore.Exists},
		{412, "PreconditionFailed", "put", objstore.Other},
		{409, "ConditionalRequestConflict", "put-if-absent put", objstore.Ambiguous},
		{404, "NoSuchKey", "get", objstore.NotFound},
		{404, "", "get head", objstore.NotFound},
		{404, "NoSuchBucket", all, objstore.Fatal},
		{404, "", "put-if-absent put list", objstore.Fatal},
		{404, "XAdminUserNotFound", all, objstore.Fatal},
		{416, "InvalidRange", "get", objstore.InvalidRange},
		{401, "", all + " head", objstore.Fatal},
		{403, "AccessDenied", all, objstore.Fatal},
		{403, "", "head", objstore.Fatal},
		{403, "RequestTimeTooSkewed", all, objstore.Fatal},
		{400, "ExpiredToken", all, objstore.Fatal},
		{400, "AuthorizationHeaderMalformed", all, objstore.Fatal},
		{301, "PermanentRedirect", all, objstore.Fatal},
		{405, "MethodNotAllowed", all, objstore.Fatal},
		{501, "NotImplemented", all, objstore.Fatal},
		{501, "", all + " head", objstore.Fatal},
		{429, "", all + " head", objstore.Throttled},
		{503, "SlowDown", all, objstore.Throttled},
		{503, "", writes, objstore.Ambiguous},
		{503, "ServiceUnavailable", writes, objstore.Ambiguous},
		{503, "", reads + " head", objstore.Throttled},
		{500, "InternalError", writes, objstore.Ambiguous},
		{500, "InternalError", reads, objstore.Other},
		{502, "", writes, objstore.Ambiguous},
		{504, "", writes, objstore.Ambiguous},
		{504, "", reads, objstore.Other},
		{408, "", writes, objstore.Ambiguous},
		{400, "RequestTimeout", writes, objstore.Ambiguous},
		{400, "InvalidArgument", all, objstore.Other},
	} {
		for op := range strings.FieldsSeq(c.ops) {
			t.Run(fmt.Sprintf("%d %s %s", c.status, c.code, op), func(t *testing.T) {
				s, requests := answering(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", date.Format(http.TimeFormat))
					w.WriteHeader(c.status)
					if c.code != "" && r.Method != http.MethodHead {
						fmt.Fprintf(w, "<Error><Code>%s</Code><Message>told by the server</Message></Error>", c.code)
					}
				})
				err := call(t.Context(), s, op)
				var e *objstore.Error
				if !errors.As(err, &e) || e.Kind != c.kind {
					t.Fatalf("error = %v, want kind %q", err, c.kind)
				}
				if e.Op != op || e.Key != "k" || !e.Date.Equal(date) {
					t.Errorf("error %#v lacks its operation, its key or the answer's Date", e)
				}
				if requests.Load() != 1 {
					t.Errorf("the driver sent %d requests, want 1: it must not retry by itself", requests.Load())
				}
			})
		}
	}
}

func TestALostAnswer(t *testing.T) {
	for _, op := range strings.Fields(all) {
		t.Run(op, func(t *testing.T) {
			s, requests := answering(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			want := objstore.Other
			if isWrite(op) {
				want = objstore.Ambiguous
			}
			if err := call(t.Context(), s, op); objstore.KindOf(err) != want {
				t.Errorf("error = %v, want kind %q", err, want)
			}
			if isWrite(op) && requests.Load() != 1 {
				t.Errorf("the driver sent a write %d times", requests.Load())
			}
		})
	}
}

func TestATimeOut(t *testing.T) {
	for _, op := range strings.Fields(all) {
		t.Run(op, func(t *testing.T) {
			release := make(chan struct{})
			s, _ := answering(t, func(http.ResponseWriter, *http.Request) { <-release })
			defer close(release)
			ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond) // the request must be on its way by then
			defer cancel()
			want := objstore.Other
			if isWrite(op) {
				want = objstore.Ambiguous
			}
			if err := call(ctx, s, op); objstore.KindOf(err) != want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error = %v, want kind %q because of the deadline", err, want)
			}
		})
	}
}

func TestAnswersThatCannotBeTrusted(t *testing.T) {
	entry := func(key string) string {
		return "<Contents><Key>" + key + "</Key><Size>1</Size><LastModified>2026-11-21T12:00:00.000Z</LastModified></Contents>"
	}
	for _, c := range []struct {
		name, op string
		kind     objstore.ErrorKind
		answer   http.HandlerFunc
	}{
		{"range ignored", opGet, objstore.Fatal, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			fmt.Fprint(w, "the whole object")
		}},
		{"body cut short", opGet, objstore.Other, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Range", "bytes 1-99/100")
			w.Header().Set("Content-Length", "99")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "only this")
		}},
		{"another range", opGet, objstore.Fatal, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Range", "bytes 0-3/100")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "0123")
		}},
		{"listing out of order", opList, objstore.Fatal, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<ListBucketResult>", entry("k2"), entry("k1"), "</ListBucketResult>")
		}},
		{"listing of another prefix", opList, objstore.Fatal, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<ListBucketResult>", entry("j"), "</ListBucketResult>")
		}},
		{"listing that is no XML", opList, objstore.Other, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := answering(t, c.answer)
			if err := call(t.Context(), s, c.op); err == nil || objstore.KindOf(err) != c.kind {
				t.Errorf("error = %v, want kind %q", err, c.kind)
			}
		})
	}
}

func TestConfigFromURL(t *testing.T) {
	for _, c := range []struct {
		url  string
		env  map[string]string
		want Config
		back string // "" if it is url again
	}{
		{url: "s3://b/", want: Config{Bucket: "b"}},
		{url: "s3://b/a/c", want: Config{Bucket: "b", Prefix: "a/c/"}},
		{url: "s3://b/a/c/", want: Config{Bucket: "b", Prefix: "a/c/"}, back: "s3://b/a/c"},
		{url: "s3://b/?region=eu-west-1", env: map[string]string{"AWS_REGION": "us-west-2"}, want: Config{Bucket: "b", Region: "eu-west-1"}},
		{url: "s3://b/", env: map[string]string{"AWS_DEFAULT_REGION": "us-west-2"}, want: Config{Bucket: "b", Region: "us-west-2"}, back: "s3://b/?region=us-west-2"},
		{url: "s3://b/?endpoint=http%3A%2F%2Flocalhost%3A7070", want: Config{Bucket: "b", Endpoint: "http://localhost:7070", PathStyle: true}},
		{url: "s3://b/?endpoint=http%3A%2F%2Fh&path-style=false", want: Config{Bucket: "b", Endpoint: "http://h"}},
		{url: "s3://b/?path-style=true", want: Config{Bucket: "b", PathStyle: true}},
		{
			url: "s3://b/", env: map[string]string{"AWS_ENDPOINT_URL": "http://any", "AWS_ENDPOINT_URL_S3": "http://s3"},
			want: Config{Bucket: "b", Endpoint: "http://s3", PathStyle: true}, back: "s3://b/?endpoint=http%3A%2F%2Fs3",
		},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ConfigFromURL(u, func(name string) string { return c.env[name] })
		if err != nil || got != c.want {
			t.Errorf("ConfigFromURL(%q) = %+v, %v; want %+v", c.url, got, err, c.want)
		}
		if c.back == "" {
			c.back = c.url
		}
		if got.url() != c.back {
			t.Errorf("%+v says that its URL is %q, want %q", got, got.url(), c.back)
		}
	}
}

func TestConfigFromABadURL(t *testing.T) {
	for rawURL, says := range map[string]string{
		"s3:///prefix":             "s3://BUCKET/PREFIX",
		"s3://key:secret@b/":       "environment",
		"s3://b/?regoin=x":         `no option "regoin"`,
		"s3://b/?path-style=maybe": "true or false",
		"s3://b/a//c":              "prefix",
		"s3://b/?region=%zz":       "invalid",
	} {
		u, err := url.Parse(rawURL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ConfigFromURL(u, func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ConfigFromURL(%q) = %v, want an error with %q", rawURL, err, says)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, config := range []Config{
		{Bucket: "b"},
		{Bucket: "Bad_Name"},
		{Bucket: "bucket", Endpoint: "localhost:7070"},
		{Bucket: "bucket", Endpoint: "ftp://host"},
		{Bucket: "bucket", Endpoint: "http://host/path"},
	} {
		if _, err := New(t.Context(), config); err == nil {
			t.Errorf("New(%+v) accepts what cannot work", config)
		}
	}
}

func TestABodyTooLarge(t *testing.T) {
	s, requests := answering(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := s.Put(t.Context(), "k", make([]byte, BodyBytesMax+1)); !objstore.Is(err, objstore.Fatal) || requests.Load() != 0 {
		t.Errorf("Put = %v after %d requests, want kind %q and none", err, requests.Load(), objstore.Fatal)
	}
}

// away is a metadata service that cannot be reached when credentials are to be renewed.
type away struct{ credentials.Provider }

func (away) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return credentials.Value{}, errors.New("the metadata service is away")
}

// TestNoAnonymousRequests: one would be refused with 403, which stops an agent for what will pass.
func TestNoAnonymousRequests(t *testing.T) {
	s, requests := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	creds := credentials.New(provider{&credentials.Chain{Providers: []credentials.Provider{away{}}}})
	s.options.Creds = creds
	core, err := minio.NewCore(s.host, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	s.core = core
	for op := range strings.FieldsSeq(all) {
		if err := call(t.Context(), s, op); err == nil || objstore.KindOf(err) != objstore.Other {
			t.Errorf("%s without credentials = %v, want kind %q", op, err, objstore.Other)
		}
	}
	if requests.Load() != 0 {
		t.Errorf("%d requests were sent without credentials", requests.Load())
	}
}
