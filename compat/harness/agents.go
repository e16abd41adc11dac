package harness

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore/s3test"
)

// Repo is the root of the work tree.
func Repo() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// binary builds cmd/millrace once a test process and returns its path. MILLRACE_BIN names one that is built already.
var binary = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("MILLRACE_BIN"); bin != "" {
		return filepath.Abs(bin)
	}
	dir := filepath.Join(Repo(), ".tools", "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(filepath.Join(dir, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	bin := filepath.Join(dir, "millrace")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/millrace")
	cmd.Dir = Repo()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/millrace: %w\n%s", err, out)
	}
	return bin, nil
})

// Binary is the path of the built millrace.
func Binary(tb testing.TB) string {
	tb.Helper()
	bin, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	return bin
}

// agentNodes lays out agents on one fresh bucket.
func agentNodes(tb testing.TB, dir string, opts Options) (nodes []*node, err error) {
	bin, err := binary()
	if err != nil {
		return nil, err
	}
	bucket := ""
	if opts.Own == nil {
		if bucket, err = newBucket(tb, dir, opts.Store); err != nil {
			return nil, err
		}
	}
	count := opts.Agents
	if count == 0 {
		count = 3
	}
	ports, err := freePorts(2 * count)
	if err != nil {
		return nil, err
	}
	for i := range count {
		own := Own{Bucket: bucket}
		if opts.Own != nil {
			own = opts.Own(i)
		}
		if own.Binary == "" {
			own.Binary = bin
		}
		nodes = append(nodes, agentNode(own, opts.Logs, i, ports[2*i], ports[2*i+1], opts.Flags))
	}
	return nodes, nil
}

func agentNode(own Own, logs string, i int, kafkaPort, httpPort string, flags []string) *node {
	n := &node{name: fmt.Sprintf("agent-%d", i), addr: "127.0.0.1:" + kafkaPort, http: "127.0.0.1:" + httpPort, bucket: own.Bucket}
	n.log = logPath(logs, n.name)
	n.argv = append([]string{own.Binary, "agent", "--bucket", own.Bucket, "--listen", n.addr, "--advertise", n.addr, "--http", n.http}, flags...)
	n.ready = func() error { return readyz(n.http) }
	return n
}

// newBucket makes an empty bucket that lives as long as tb, and returns its URL.
func newBucket(tb testing.TB, dir, store string) (url string, err error) {
	if store == "" {
		store = os.Getenv("MILLRACE_COMPAT_STORE")
	}
	switch store {
	case "", "file":
		path := filepath.Join(dir, "bucket")
		return "file://" + path, os.MkdirAll(path, 0o755)
	case "s3":
		if err := script("install.sh"); err != nil {
			return "", err
		}
		return s3test.Start(tb).URL("compat"), nil
	case "mem":
		return "mem://", nil
	default:
		return "", fmt.Errorf("store %q: want file, s3 or mem", store)
	}
}

var quick = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// readyz asks an agent whether it serves.
func readyz(addr string) error {
	resp, err := quick.Get("http://" + addr + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz: %s: %s", resp.Status, body)
	}
	return nil
}
