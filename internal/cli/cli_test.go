package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kfake"
)

// world is one fake cluster, and a way to call commands against it as a shell would.
type world struct {
	t         *testing.T
	cluster   *kfake.Cluster
	bootstrap string
}

func newWorld(t *testing.T, opts ...kfake.Opt) *world {
	t.Helper()
	t.Setenv(bootstrapEnv, "")
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.DefaultNumPartitions(2)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return &world{t, cluster, strings.Join(cluster.ListenAddrs(), ",")}
}

// result is what a call printed and how it ended.
type result struct {
	out, err string
	failure  error
	code     int
}

func call(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return callWith(ctx, stdin, args...)
}

func callWith(ctx context.Context, stdin string, args ...string) result {
	return callReading(ctx, strings.NewReader(stdin), args...)
}

func callReading(ctx context.Context, stdin io.Reader, args ...string) result {
	root := &cobra.Command{Use: "millrace", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(TopicCommand(), GroupCommand(), ProduceCommand(), ConsumeCommand(), BenchCommand())
	var out, errs bytes.Buffer
	root.SetIn(stdin)
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return result{out.String(), errs.String(), err, ExitCode(err)}
}

// ok calls a command that must succeed and gives its stdout.
func (w *world) ok(args ...string) string {
	w.t.Helper()
	return w.okIn("", args...)
}

func (w *world) okIn(stdin string, args ...string) string {
	w.t.Helper()
	r := call(w.t, stdin, append(args, "--bootstrap", w.bootstrap)...)
	if r.code != 0 {
		w.t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), r.failure, r.out, r.err)
	}
	return r.out
}

// fails calls a command that must end with code and an error that holds every one of words.
func (w *world) fails(code int, words []string, args ...string) result {
	w.t.Helper()
	r := call(w.t, "", append(args, "--bootstrap", w.bootstrap)...)
	mustFail(w.t, r, code, words, args)
	return r
}

func mustFail(t *testing.T, r result, code int, words, args []string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("%s: exit code %d, want %d (%v)", strings.Join(args, " "), r.code, code, r.failure)
	}
	for _, word := range words {
		if !strings.Contains(r.failure.Error(), word) {
			t.Errorf("%s: error %q does not say %q", strings.Join(args, " "), r.failure, word)
		}
	}
	if strings.Contains(r.failure.Error(), "\n") {
		t.Errorf("%s: error is not one line: %q", strings.Join(args, " "), r.failure)
	}
}

// same compares output with what is expected; topic ids, which differ from run to run, are masked.
func same(t *testing.T, got, want string) {
	t.Helper()
	got = topicID.ReplaceAllString(got, "${1}"+strings.Repeat("X", 22)+"${2}")
	got, want = strings.TrimSpace(got), strings.TrimSpace(want)
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

var topicID = regexp.MustCompile(`(?m)(\s)[A-Za-z0-9_-]{22}(\s|$)`)

// lines decodes JSON lines.
func lines[T any](t *testing.T, text string) []T {
	t.Helper()
	var all []T
	dec := json.NewDecoder(strings.NewReader(text))
	for dec.More() {
		var v T
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		all = append(all, v)
	}
	return all
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	args := []string{"topic", "list", "--bootstrap", address}
	mustFail(t, call(t, "", args...), 1, []string{"nothing listens at " + address, "millrace playground", "--bootstrap"}, args)
}

func TestNotAKafkaPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	args := []string{"topic", "list", "--bootstrap", listener.Addr().String()}
	mustFail(t, call(t, "", args...), 1, []string{"closed the connection", listener.Addr().String()}, args)
}

func TestUnknownHost(t *testing.T) {
	args := []string{"group", "list", "--bootstrap", "no-such-host.invalid:9092"}
	mustFail(t, call(t, "", args...), 1, []string{"no-such-host.invalid", "--bootstrap"}, args)
}

func TestBootstrapComesFromFlagThenEnvironment(t *testing.T) {
	t.Setenv(bootstrapEnv, "from-env:1, second:2")
	for _, c := range []struct {
		flag string
		want string
	}{{"", "from-env:1 second:2"}, {"from-flag:3", "from-flag:3"}} {
		if got := strings.Join((&common{bootstrap: c.flag}).seeds(), " "); got != c.want {
			t.Errorf("flag %q: %q, want %q", c.flag, got, c.want)
		}
	}
	os.Unsetenv(bootstrapEnv)
	if got := strings.Join((&common{}).seeds(), " "); got != defaultBootstrap {
		t.Errorf("neither: %q, want %q", got, defaultBootstrap)
	}
}

// Wrong calls end with code 2 before anything is sent: no cluster is there to receive it.
func TestWrongCalls(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
	}{
		{"topic make x", "create, delete, describe, list"},
		{"topic create", "topic create TOPIC..."},
		{"topic create x --partitions 0", "at least 1"},
		{"topic create x --config novalue", "key=value"},
		{"topic create x --colour red", "unknown flag: --colour"},
		{"topic alter x", "nothing to alter"},
		{"topic alter x --config a=1 --delete-config a", "both name a"},
		{"group reset g --topic t", "one of --to-earliest"},
		{"group reset g --topic t --to-earliest --to-latest", "exclude each other"},
		{"group reset g --to-earliest", "--all-topics"},
		{"group reset g --topic t:x --to-earliest", "not a partition"},
		{"group reset g --topic t --to-datetime yesterday", "not a moment"},
		{"group reset g --topic t --by-duration soon", "not a duration"},
		{"group delete-offsets g", "--topic"},
		{"produce t --compression brotli", "zstd"},
		{"produce t --acks 2", "all, 1 or 0"},
		{"produce t --header x", "key=value"},
		{"produce t --file /no/such/file", "no such file"},
		{"consume t --from never", "beginning, end"},
		{"consume t --group g --partition 1", "exclude each other"},
		{"consume t --group g --follow=false", "--timeout"},
		{"consume t --format %Q", "--format"},
	} {
		args := append(strings.Fields(c.args), "--bootstrap", "127.0.0.1:1")
		mustFail(t, call(t, "", args...), 2, []string{c.says}, args)
	}
}
