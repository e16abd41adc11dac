package model

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// statesMax is far above what a world of CI has; one that grows past it is for Deep.
const statesMax = 5_000_000

// TestRulesAsWritten: with all rules, no state of any world breaks a promise.
func TestRulesAsWritten(t *testing.T) {
	for _, w := range Worlds {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			r := w.Run("", statesMax)
			if r.Broken != "" || !r.Complete {
				t.Errorf("%v", r)
			}
			t.Logf("%s: %v", w.Name, r)
		})
	}
}

// TestEveryRuleIsNeeded: without it, a world breaks the promise that the rule is there for.
func TestEveryRuleIsNeeded(t *testing.T) {
	for _, n := range Needed {
		t.Run(string(n.Rule), func(t *testing.T) {
			t.Parallel()
			w, ok := Find(n.World)
			if !ok {
				t.Fatalf("there is no world %q", n.World)
			}
			r := w.Run(n.Rule, statesMax)
			if r.Broken != n.Broken {
				t.Errorf("in %q: want %q broken, got %v", n.World, n.Broken, r)
			}
			t.Logf("without %q, in %q, %q is broken in %d steps", n.Rule, n.World, r.Broken, len(r.Trace))
		})
	}
}

// TestNoRuleIsForgotten: all that the models name as a rule stands in Needed, once.
func TestNoRuleIsForgotten(t *testing.T) {
	files, err := filepath.Glob("*/rules.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %q, %v", files, err)
	}
	var listed []explore.Rule
	for _, n := range Needed {
		listed = append(listed, n.Rule)
	}
	for _, file := range files {
		for _, rule := range rulesIn(t, file) {
			if i := slices.Index(listed, rule); i >= 0 {
				listed = slices.Delete(listed, i, i+1)
				continue
			}
			t.Errorf("%s: nothing shows that %q is needed", file, rule)
		}
	}
	if len(listed) > 0 {
		t.Errorf("rules that stand in Needed twice, or in no model: %q", listed)
	}
}

// rulesIn gives the constants of type explore.Rule that a file declares.
func rulesIn(t *testing.T, file string) (rules []explore.Rule) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.SelectorExpr); ok && typ.Sel.Name == "Rule" {
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				rules = append(rules, explore.Rule(text))
			}
		}
		return true
	})
	return rules
}

func TestNamesAreUnique(t *testing.T) {
	names := map[string]bool{}
	for _, w := range slices.Concat(Worlds, Deep) {
		if names[w.Name] {
			t.Errorf("two worlds are called %q", w.Name)
		}
		names[w.Name] = true
	}
}
