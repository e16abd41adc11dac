package house

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
	"testing"
)

// banFaults lists what a file uses against the bans of its floor.
func banFaults(s source) []string {
	at, err := placeOf(s.pkg)
	if err != nil {
		return nil // TestLayers reports it
	}
	if isPure(at) {
		return append(importFaults(s, impureImports), statementFaults(s)...)
	}
	if at.floor < floorEnvLowest || at.floor > floorEnvHighest || isExcepted(s.pkg) {
		return nil
	}
	faults := append(importFaults(s, bannedImports), statementFaults(s)...)
	return append(faults, nameFaults(s)...)
}

func isPure(at place) bool {
	for _, room := range pureRooms {
		if at.room == room {
			return true
		}
	}
	return at.floor == floorPure
}

func isExcepted(pkg string) bool {
	for _, e := range exceptions {
		if within(pkg, "internal/"+e.pkg) {
			return true
		}
	}
	return false
}

func importFaults(s source, banned map[string]string) []string {
	var faults []string
	for _, spec := range s.file.Imports {
		for name, why := range banned {
			if within(importPath(spec), name) {
				faults = append(faults, fmt.Sprintf("%s: import of %s: %s", s.at(spec), importPath(spec), why))
			}
		}
	}
	return faults
}

// statementFaults finds the parts of the language that wait or start goroutines.
func statementFaults(s source) []string {
	var faults []string
	fault := func(n ast.Node, what string) {
		faults = append(faults, fmt.Sprintf("%s: %s: %s", s.at(n), what, useEnv))
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			fault(n, "go statement")
		case *ast.SelectStmt:
			fault(n, "select")
		case *ast.ChanType:
			fault(n, "channel")
		case *ast.SendStmt:
			fault(n, "channel")
		case *ast.UnaryExpr:
			if n.Op.String() == "<-" {
				fault(n, "channel")
			}
		}
		return true
	})
	return faults
}

func nameFaults(s source) []string {
	var faults []string
	imported := map[string]string{} // the name in this file: path
	for _, spec := range s.file.Imports {
		p := importPath(spec)
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." && bannedNames[p] != nil {
			faults = append(faults, fmt.Sprintf("%s: import of %s by a dot hides what is used of it", s.at(spec), p))
		}
		imported[name] = p
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || x.Obj != nil { // a variable of that name hides the package
			return true
		}
		if why := bannedNames[imported[x.Name]][sel.Sel.Name]; why != "" {
			faults = append(faults, fmt.Sprintf("%s: %s.%s: %s", s.at(n), imported[x.Name], sel.Sel.Name, why))
		}
		return true
	})
	return faults
}

func TestBans(t *testing.T) {
	for _, s := range moduleSources(t) {
		for _, fault := range banFaults(s) {
			t.Error(fault)
		}
	}
}

func TestBansCatch(t *testing.T) {
	const journal, log = "internal/journal", "internal/meta/log"
	for _, c := range []struct{ pkg, text, want string }{
		{journal, `func f() { go f() }`, "go statement"},
		{journal, `var c chan int`, "channel"},
		{journal, `func f(s interface{ Done() <-chan int }) { <-s.Done() }`, "channel"},
		{journal, `func f() { select {} }`, "select"},
		{journal, `import "time"; var t = time.Now()`, "time.Now"},
		{journal, `import "time"; var now = time.Now`, "time.Now"},
		{journal, `import clock "time"; func f() { clock.Sleep(1) }`, "time.Sleep"},
		{journal, `import . "time"; func f() { Sleep(1) }`, "by a dot"},
		{journal, `import "time"; var _ = time.AfterFunc(1, nil)`, "time.AfterFunc"},
		{journal, `import "context"; var c = context.Background()`, "Stopper.Context"},
		{journal, `import "sync"; var g sync.WaitGroup`, "sync.WaitGroup"},
		{journal, `import "net"; var d net.Dialer`, "net.Dialer"},
		{journal, `import "math/rand/v2"; var x = rand.Uint64()`, "math/rand/v2"},
		{journal, `import "os"; var x = os.Args`, "stateless"},
		{"internal/jobs/merge", `import "os/signal"; var _ = signal.Notify`, "stateless"},
		{"internal/broker", `import "golang.org/x/sync/errgroup"; var g errgroup.Group`, "base/env"},
		{log, `import "time"; var d time.Duration`, "base.Millis"},
		{log, `import "sync/atomic"; var n atomic.Int64`, "one owner"},
		{log, `import "io"; var r io.Reader`, "no I/O"},
		{log, `import "` + module + `/internal/base/env"; var e env.Env`, "neither clock"},
		{log, `func f() { go f() }`, "go statement"},
		{"internal/meta", `import "context"; var c context.Context`, "does not wait"},

		{journal, `import ("context"; "sync"; "time"; "net"); var (d time.Duration; m sync.Mutex; c net.Conn; x context.Context)`, ""},
		{journal, `func f(time interface{ Now() int }) int { return time.Now() }`, ""},
		{"internal/console", `import "net/http"; func f() { go http.ListenAndServe("", nil) }`, ""},
		{"internal/objstore/s3store", `import "time"; var t = time.Now()`, ""},
		{"cmd/millrace", `import "os"; var x = os.Args`, ""},
	} {
		got := strings.Join(banFaults(parse(t, c.pkg, "package p;"+c.text)), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s: want %q, got %q", c.pkg, c.text, c.want, got)
		}
	}
}

func TestExceptionsHaveReasons(t *testing.T) {
	for _, e := range exceptions {
		if _, err := placeOf("internal/" + e.pkg); err != nil || len(e.reason) < 10 {
			t.Errorf("exception for %q: %v, reason %q", e.pkg, err, e.reason)
		}
	}
}
