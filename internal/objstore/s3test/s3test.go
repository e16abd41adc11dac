package s3test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	// Bucket is the bucket that a started server has.
	Bucket = "millrace-test"

	accessKey = "millrace-test-key"
	secretKey = "millrace-test-secret"
	region    = "us-east-1"
	// readyTimeout bounds the wait for a started server: it takes some 100 ms on an idle machine.
	readyTimeout = 20 * time.Second
)

// Server is a running versitygw on a directory of its own. It ends with the test.
type Server struct {
	// Endpoint is its URL, http://127.0.0.1:PORT.
	Endpoint string

	dir     string
	process *exec.Cmd
	exited  chan struct{}
	output  *bytes.Buffer
}

// Start starts a server with an empty Bucket, and puts its credentials into this process's environment for the length
// of the test (so the test cannot be a parallel one). The test fails if versitygw is not installed.
func Start(tb testing.TB) *Server {
	tb.Helper()
	for _, variable := range Env() {
		name, value, _ := strings.Cut(variable, "=")
		tb.Setenv(name, value)
	}
	return start(tb, tb.TempDir())
}

// Another starts one more server on the same directory: both show the same buckets.
func (s *Server) Another(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, s.dir)
}

// URL gives the bucket URL of a prefix.
func (s *Server) URL(prefix string) string { return URLAt(s.Endpoint, prefix) }

// URLAt gives the bucket URL of a prefix for who reaches a server by another way: endpoint is that of a proxy, say.
func URLAt(endpoint, prefix string) string {
	return fmt.Sprintf("s3://%s/%s?endpoint=%s&region=%s", Bucket, prefix, url.QueryEscape(endpoint), region)
}

// Env gives the variables with which another process may use the server.
func Env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_SESSION_TOKEN="}
}

// Stop ends the server as a crash would. A second Stop does nothing.
func (s *Server) Stop() {
	s.process.Process.Kill()
	<-s.exited
}

func start(tb testing.TB, dir string) *Server {
	tb.Helper()
	binary := findBinary(tb)
	address := freeAddress(tb)
	s := &Server{Endpoint: "http://" + address, dir: dir, exited: make(chan struct{}), output: &bytes.Buffer{}}
	arguments := []string{"--port", address, "--region", region, "--keep-alive", "--quiet", "posix"}
	buckets := filepath.Join(dir, "buckets")
	for _, path := range []string{buckets, filepath.Join(dir, "sidecar")} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	if !hasXattrs(buckets) {
		arguments = append(arguments, "--sidecar", filepath.Join(dir, "sidecar"))
	}
	s.process = exec.Command(binary, append(arguments, buckets)...)
	s.process.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	if err := s.process.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		s.process.Wait()
		close(s.exited)
	}()
	tb.Cleanup(s.Stop)
	s.awaitReady(tb)
	return s
}

// awaitReady makes the bucket, which is there already if another server on the directory made it.
func (s *Server) awaitReady(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), readyTimeout)
	defer cancel()
	client, err := minio.New(strings.TrimPrefix(s.Endpoint, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: region, MaxRetries: 1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for {
		err := client.MakeBucket(ctx, Bucket, minio.MakeBucketOptions{})
		if err == nil || strings.HasPrefix(minio.ToErrorResponse(err).Code, "BucketAlready") {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			tb.Fatalf("versitygw at %s is not ready after %v: %v", s.Endpoint, readyTimeout, err)
		case <-s.exited:
			tb.Fatalf("versitygw ended: %s", s.output)
		}
	}
}

// findBinary looks in .tools/bin of the repository that the test runs in.
func findBinary(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		binary := filepath.Join(dir, ".tools", "bin", "versitygw")
		if _, err := os.Stat(binary); err == nil {
			return binary
		}
		break
	}
	tb.Fatal("versitygw, the S3 server of this test, is missing: run ./test or tools/install.sh")
	return ""
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
