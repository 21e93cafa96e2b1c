// Package text owns the configuration as text that people write: YAML with the
// field names of package config. It reads and writes text and nothing else: no
// file, and no judgement of what the values mean.
package text

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"sigma/headend/config"
)

// MaxSize is the longest text that Parse reads, in bytes.
const MaxSize = 4 << 20

// maxDepth bounds nesting: the document needs 6, and the time to read grows with
// the square of it.
const maxDepth = 64

// Document is a configuration with the place of each of its fields in the text.
type Document struct {
	Config config.Config
	places map[string]place
}

type place struct{ line, column int }

// Parse reads a configuration. Every error is reported, as config.FieldErrors with
// line, column and path; the document is then what could be read. It does not
// validate the values: see Document.Locate. Anchors, aliases, merge keys and tags
// are refused, for what is written is what is meant.
func Parse(b []byte) (Document, error) {
	d := decoder{doc: Document{places: map[string]place{}}}
	if err := checkShape(b); err != nil {
		return d.doc, config.FieldErrors{*err}
	}
	file, err := parseYAML(b)
	if err != nil {
		return d.doc, config.FieldErrors{syntaxError(err)}
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			d.fail(doc.Body, "", "a second document: expected one configuration")
			break
		}
		root = doc.Body
	}
	if root != nil {
		d.value(root, "", reflect.ValueOf(&d.doc.Config).Elem())
	}
	if len(d.errs) > 0 {
		sortErrors(d.errs)
		return d.doc, d.errs
	}
	return d.doc, nil
}

// Locate adds line and column to errors that lack them: those of the field, or of
// the nearest thing around it that is in the text. The order becomes that of the text.
func (d Document) Locate(errs config.FieldErrors) config.FieldErrors {
	out := slices.Clone(errs)
	for i := range out {
		if out[i].Line > 0 {
			continue
		}
		for p := out[i].Path; p != ""; p = parent(p) {
			if at, ok := d.places[p]; ok {
				out[i].Line, out[i].Column = at.line, at.column
				break
			}
		}
	}
	sortErrors(out)
	return out
}

// Validate returns every error of a document: what Parse said, and what
// config.Validate says of c, which is the configuration of d with its secrets. Each
// has its place; what could not be read is not judged a second time.
func (d Document) Validate(parsed error, c config.Config) config.FieldErrors {
	var errs, more config.FieldErrors
	errors.As(parsed, &errs)
	errors.As(config.Validate(c), &more)
	return d.Add(errs, more)
}

// Add joins errors to others that are known already; of one field those known stay.
func (d Document) Add(known, more config.FieldErrors) config.FieldErrors {
	seen := map[string]bool{}
	for _, e := range known {
		seen[e.Path] = true
	}
	out := slices.Clone(known)
	for _, e := range more {
		if !seen[e.Path] {
			out = append(out, e)
		}
	}
	return d.Locate(out)
}

// parent cuts the last step off a path: ".url" or "[0]".
func parent(p string) string {
	if strings.HasSuffix(p, "]") {
		return p[:max(strings.LastIndexByte(p, '['), 0)]
	}
	return p[:max(strings.LastIndexByte(p, '.'), strings.LastIndexByte(p, ']')+1, 0)]
}

func sortErrors(errs config.FieldErrors) {
	sort.SliceStable(errs, func(i, j int) bool {
		a, b := errs[i], errs[j]
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
}

// parseYAML keeps a fault of the YAML reader from taking the process with it.
func parseYAML(b []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, errors.New("is not YAML that can be read")
		}
	}()
	return parser.ParseBytes(b, 0)
}

// checkShape refuses what would take long to read, before anything reads it.
func checkShape(b []byte) *config.FieldError {
	if len(b) > MaxSize {
		return &config.FieldError{Text: fmt.Sprintf("the text is %d bytes long: expected at most %d", len(b), MaxSize)}
	}
	line, open, dashes, indent := 1, 0, 0, true
	for _, c := range b {
		switch c {
		case '\n':
			line, dashes, indent = line+1, 0, true
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		}
		switch {
		case indent && (c == '-' || c == '?'):
			dashes++
		case c != ' ' && c != '\n':
			indent = false
		}
		if open > maxDepth || dashes > maxDepth {
			return &config.FieldError{Line: line, Column: 1, Text: "nested too deeply: expected a configuration as written by 'headend config export'"}
		}
	}
	return nil
}

func syntaxError(err error) config.FieldError {
	var se *yaml.SyntaxError
	if errors.As(err, &se) && se.Token != nil && se.Token.Position != nil {
		return config.FieldError{Line: se.Token.Position.Line, Column: se.Token.Position.Column, Text: "not valid YAML: " + se.Message}
	}
	return config.FieldError{Line: 1, Column: 1, Text: "not valid YAML: " + err.Error()}
}

type decoder struct {
	doc  Document
	errs config.FieldErrors
}

func (d *decoder) fail(n ast.Node, path, format string, args ...any) {
	e := config.FieldError{Path: path, Text: fmt.Sprintf(format, args...)}
	e.Line, e.Column = position(n)
	d.errs = append(d.errs, e)
}

// position finds the first token of a node: the token of a mapping is its first colon.
func position(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return position(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(m.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 1, 1
}

// value reads n into v. What cannot be read is reported and left as it was.
func (d *decoder) value(n ast.Node, path string, v reflect.Value) {
	if _, seen := d.doc.places[path]; !seen {
		line, column := position(n)
		d.doc.places[path] = place{line, column}
	}
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType:
		d.fail(n, path, "anchors, aliases, merge keys and tags are not read: write the value out")
		return
	case ast.NullType:
		return
	}
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.scalar(n, path, v)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Slice:
		d.list(n, path, v)
	case reflect.Map:
		d.headers(n, path, v)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		before := len(d.errs)
		d.value(n, path, p.Elem())
		if len(d.errs) == before {
			v.Set(p)
		}
	default:
		d.scalar(n, path, v)
	}
}

// pairs returns the entries of a mapping.
func (d *decoder) pairs(n ast.Node, path, want string) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	d.fail(n, path, "expected %s, found %s", want, kind(n))
	return nil
}

func (d *decoder) structure(n ast.Node, path string, v reflect.Value) {
	seen := map[string]bool{}
	for _, kv := range d.pairs(n, path, "fields such as 'name: value'") {
		name := kv.Key.String()
		if s, ok := kv.Key.(*ast.StringNode); ok {
			name = s.Value
		}
		at := name
		if path != "" {
			at = path + "." + name
		}
		f, names := field(v, name)
		switch {
		case !f.IsValid():
			d.fail(kv.Key, at, "unknown field: expected one of %s", strings.Join(names, ", "))
			continue
		case seen[name]:
			d.fail(kv.Key, at, "is written twice: keep one")
			continue
		}
		seen[name] = true
		line, column := position(kv.Key)
		d.doc.places[at] = place{line, column}
		d.value(kv.Value, at, f)
	}
}

// field finds the field of a struct by its name in the document.
func field(v reflect.Value, name string) (reflect.Value, []string) {
	var names []string
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if tag == name {
			return v.Field(i), nil
		}
		names = append(names, tag)
	}
	return reflect.Value{}, names
}

func (d *decoder) list(n ast.Node, path string, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, path, "expected a list ('- ' before each item), found %s", kind(n))
		return
	}
	for i, item := range seq.Values {
		e := reflect.New(v.Type().Elem()).Elem()
		at := path + "[" + d.key(item, i, e.Type()) + "]"
		if _, taken := d.doc.places[at]; taken {
			at = path + "[" + strconv.Itoa(i) + "]" // as config.Validate calls the second of a name
		}
		d.value(item, at, e)
		v.Set(reflect.Append(v, e))
	}
}

// key names an item of a list: channels by their name, the rest by place.
func (d *decoder) key(n ast.Node, i int, t reflect.Type) string {
	var fields []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		fields = m.Values
	case *ast.MappingValueNode:
		fields = []*ast.MappingValueNode{m}
	}
	for _, kv := range fields {
		if s, ok := kv.Value.(ast.ScalarNode); ok && t == reflect.TypeFor[config.Channel]() && kv.Key.String() == "name" && scalarText(s) != "" {
			return scalarText(s)
		}
	}
	return strconv.Itoa(i)
}

func (d *decoder) headers(n ast.Node, path string, v reflect.Value) {
	m := reflect.MakeMap(v.Type())
	for _, kv := range d.pairs(n, path, "fields such as 'Name: value'") {
		name := kv.Key.String()
		if s, ok := kv.Key.(*ast.StringNode); ok {
			name = s.Value
		}
		at := path + "[" + name + "]"
		if m.MapIndex(reflect.ValueOf(name)).IsValid() {
			d.fail(kv.Key, at, "is written twice: keep one")
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(kv.Value, at, e)
		m.SetMapIndex(reflect.ValueOf(name), e)
	}
	if m.Len() > 0 {
		v.Set(m)
	}
}

func (d *decoder) scalar(n ast.Node, path string, v reflect.Value) {
	node, ok := n.(ast.ScalarNode)
	if !ok {
		d.fail(n, path, "expected one value, found %s", kind(n))
		return
	}
	s := scalarText(node)
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			d.fail(n, path, "%v", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, ok := map[string]bool{"true": true, "false": false, "yes": true, "no": false}[s]
		if !ok {
			d.fail(n, path, "%q: expected true or false", s)
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(s)
		if err != nil {
			d.fail(n, path, "%q: expected a whole number", s)
			return
		}
		v.SetInt(int64(i))
	case reflect.Uint16:
		i, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			d.fail(n, path, "%q: expected a whole number from 0 to 65535", s)
			return
		}
		v.SetUint(i)
	default:
		d.fail(n, path, "fields of type %s have no text form", v.Type())
	}
}

// scalarText returns a value as it was written, without quotes: 010 stays 010.
func scalarText(n ast.ScalarNode) string {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value
	case *ast.LiteralNode:
		return s.Value.Value
	case *ast.NullNode:
		return ""
	}
	return strings.TrimSpace(n.GetToken().Value)
}

// kind names what was found for people who never read a YAML book.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "fields"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return "one value"
}
