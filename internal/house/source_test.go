package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/millrace-io/millrace"

// source is one Go file of the module.
type source struct {
	pkg  string // path of the package inside the module, such as internal/base/env
	file *ast.File
	fset *token.FileSet
}

// at says where a node is.
func (s source) at(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	return s.pkg + "/" + filepath.Base(p.Filename) + ":" + strconv.Itoa(p.Line)
}

// parse makes a source of a text, for tests of the checkers.
func parse(t *testing.T, pkg, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "example.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return source{pkg: pkg, file: f, fset: fset}
}

// moduleSources parses all of the module but its tests.
func moduleSources(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module's root is not where it is looked for: %v", err)
	}
	var all []source
	fset := token.NewFileSet()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		all = append(all, source{pkg: filepath.ToSlash(dir), file: f, fset: fset})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found %d files only: the search is broken", len(all))
	}
	return all
}

// importPath gives the path of an import.
func importPath(spec *ast.ImportSpec) string {
	path, _ := strconv.Unquote(spec.Path.Value) // the parser has seen to it that it is quoted
	return path
}

// within reports whether path is folder or below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
