package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 600
	maxFunctionLines = 90
)

// source is one parsed Go file.
type source struct {
	name string // from the top of the tree
	set  *token.FileSet
	file *ast.File
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) line(p token.Pos) int { return s.set.Position(p).Line }

// sources parses every Go file of the tree.
func sources(t *testing.T) []source {
	t.Helper()
	const top = "../.."
	var all []source
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, top+string(filepath.Separator))
		if d.IsDir() && path != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || name == "data") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{name, set, f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each package says once what it owns and what it refuses.
func TestPackagesHaveOneDocComment(t *testing.T) {
	docs := map[string][]string{} // by folder
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		dir, want := filepath.Dir(s.name), "Package "+s.file.Name.Name+" "
		if s.file.Name.Name == "main" {
			want = "Command " + filepath.Base(dir) + " "
		}
		text := s.file.Doc.Text()
		if text != "" && !strings.HasPrefix(text, want) {
			t.Errorf("%s: package comment begins with %.30q, want %q", s.name, text, want)
		}
		docs[dir] = append(docs[dir], text)
	}
	for dir, texts := range docs {
		if n := len(slices.DeleteFunc(texts, func(s string) bool { return s == "" })); n != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, n)
		}
	}
}

// wellKnown are methods whose meaning the standard library has fixed.
var wellKnown = []string{"Error", "Is", "String", "Unwrap", "MarshalJSON", "MarshalText", "UnmarshalJSON", "UnmarshalText"}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || s.file.Name.Name == "main" || strings.Contains(s.name, "/internal/") {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !(d.Recv != nil && slices.Contains(wellKnown, d.Name.Name)) {
					t.Errorf("%s:%d: %s has no comment", s.name, s.line(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				if d.Doc == nil {
					undocumented(t, s, d)
				}
			}
		}
	}
}

// undocumented reports the exported names of a declaration that has no comment for
// all of them.
func undocumented(t *testing.T, s source, d *ast.GenDecl) {
	t.Helper()
	for _, spec := range d.Specs {
		var names []*ast.Ident
		var doc *ast.CommentGroup
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			names, doc = []*ast.Ident{spec.Name}, spec.Doc
		case *ast.ValueSpec:
			names, doc = spec.Names, spec.Doc
			if doc == nil {
				doc = spec.Comment
			}
		}
		for _, n := range names {
			if n.IsExported() && doc == nil {
				t.Errorf("%s:%d: %s has no comment", s.name, s.line(n.Pos()), n.Name)
			}
		}
	}
}

// exportedReceiver reports whether d is a function or a method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !exported {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		if n := s.line(s.file.FileEnd - 1); n > maxFileLines {
			t.Errorf("%s has %d lines, at most %d", s.name, n, maxFileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.line(f.End()) - s.line(f.Pos()) + 1 - s.tableLines(f.Body); n > maxFunctionLines {
				t.Errorf("%s:%d: %s has %d lines beside its tables, at most %d", s.name, s.line(f.Pos()), f.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// tableLines returns how many lines the composite literals of a function have.
func (s source) tableLines(body ast.Node) (lines int) {
	ast.Inspect(body, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if ok {
			lines += s.line(lit.End()) - s.line(lit.Pos())
		}
		return !ok
	})
	return lines
}

// An alarm that nothing raises promises a watch that nobody keeps.
func TestAlarmsAreRaised(t *testing.T) {
	raised := map[string]bool{}
	take := func(e ast.Expr) {
		if sel, ok := e.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "alarm" {
				raised[sel.Sel.Name] = true
			}
		}
	}
	var declared []string
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		if s.name == "headend/alarm/definitions.go" {
			declared = codes(s.file)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr: // set(code, object, on, detail)
				if len(n.Args) == 4 && called(n) == "set" {
					if on, ok := n.Args[2].(*ast.Ident); !ok || on.Name != "false" {
						take(n.Args[0])
					}
				}
			case *ast.KeyValueExpr: // what is raised under one of several codes
				take(n.Key)
			}
			return true
		})
	}
	if len(declared) < 20 {
		t.Fatalf("found the alarms %q only", declared)
	}
	for _, name := range declared {
		if !raised[name] {
			t.Errorf("nothing raises alarm.%s", name)
		}
	}
}

// called returns the name of the function or method of a call, in lower case.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return strings.ToLower(f.Name)
	case *ast.SelectorExpr:
		return strings.ToLower(f.Sel.Name)
	}
	return ""
}

// codes returns the names of the constants of type Code.
func codes(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Code" {
				names = append(names, v.Names[0].Name)
			}
		}
		return true
	})
	return names
}

// mux is arithmetic: no goroutines and no clock but the one it is given.
func TestMuxHasNoClockAndNoGoroutines(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || !strings.HasPrefix(s.name, "mux/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s:%d: starts a goroutine", s.name, s.line(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker", "Tick", "AfterFunc"}, n.Sel.Name) {
					t.Errorf("%s:%d: time.%s: time comes in as an argument", s.name, s.line(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}

// A test waits for a condition or runs in virtual time; it never sleeps and hopes.
func TestTestsDoNotSleep(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test() || slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing/synctest"` }) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && sel.Sel.Name == "Sleep" {
					t.Errorf("%s:%d: time.Sleep outside testing/synctest", s.name, s.line(sel.Pos()))
				}
			}
			return true
		})
	}
}
