package dash_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// node is an element of an XML document.
type node struct {
	name  string
	attrs map[string]string
	text  string
	kids  []*node
}

func parse(t testing.TB, s string) *node {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(s))
	root := &node{}
	stack := []*node{root}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root.kids[0]
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
		top := stack[len(stack)-1]
		switch x := tok.(type) {
		case xml.StartElement:
			n := &node{name: x.Name.Local, attrs: map[string]string{}}
			for _, a := range x.Attr {
				if a.Name.Local != "xmlns" {
					n.attrs[a.Name.Local] = a.Value
				}
			}
			top.kids = append(top.kids, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += strings.TrimSpace(string(x))
		}
	}
}

// String returns the element in one form.
func (n *node) String() string {
	var b strings.Builder
	n.print(&b, "")
	return b.String()
}

func (n *node) print(b *strings.Builder, indent string) {
	fmt.Fprint(b, indent, n.name)
	for _, k := range slices.Sorted(maps.Keys(n.attrs)) {
		fmt.Fprintf(b, " %s=%q", k, n.attrs[k])
	}
	fmt.Fprintln(b, " ", n.text)
	for _, k := range n.kids {
		k.print(b, indent+" ")
	}
}

func (n *node) all(name string) (out []*node) {
	for _, k := range n.kids {
		if k.name == name {
			out = append(out, k)
		}
		out = append(out, k.all(name)...)
	}
	return out
}

// step is one step of a selector: name, and [n] or [@a='v'].
func (n *node) step(t *testing.T, step string) (*node, int) {
	t.Helper()
	name, pick, _ := strings.Cut(strings.TrimSuffix(step, "]"), "[")
	at := 0
	for i, k := range n.kids {
		if k.name != name {
			continue
		}
		at++
		if a, v, ok := strings.Cut(strings.TrimPrefix(pick, "@"), "="); ok {
			if k.attrs[a] == strings.Trim(v, "'") {
				return k, i
			}
		} else if pick == "" || pick == strconv.Itoa(at) {
			return k, i
		}
	}
	t.Fatalf("no %s in\n%s", step, n)
	return nil, 0
}

// apply applies an MPD patch (RFC 5261, as far as clause 5.15 of ISO/IEC 23009-1 has
// it) to an MPD.
func apply(t *testing.T, mpd, patch string) string {
	t.Helper()
	root, p := &node{kids: []*node{parse(t, mpd)}}, parse(t, patch)
	if p.name != "Patch" || p.attrs["mpdId"] != root.kids[0].attrs["id"] || p.attrs["originalPublishTime"] != root.kids[0].attrs["publishTime"] {
		t.Fatalf("not a patch of it: %s\n%s", patch, mpd)
	}
	for _, op := range p.kids {
		steps := strings.Split(strings.TrimPrefix(op.attrs["sel"], "/"), "/")
		var up *node
		at, i := root, 0
		for _, s := range steps {
			if strings.HasPrefix(s, "@") {
				if _, ok := at.attrs[s[1:]]; !ok || op.name != "replace" {
					t.Fatalf("%s %s", op.name, op.attrs["sel"])
				}
				at.attrs[s[1:]] = op.text
				up = nil
				break
			}
			up = at
			at, i = at.step(t, s)
		}
		switch {
		case up == nil:
		case op.name == "remove":
			up.kids = slices.Delete(up.kids, i, i+1)
		case op.name == "replace":
			up.kids = slices.Replace(up.kids, i, i+1, op.kids...)
		case op.attrs["pos"] == "after":
			up.kids = slices.Insert(up.kids, i+1, op.kids...)
		case op.attrs["pos"] == "prepend":
			at.kids = slices.Insert(at.kids, 0, op.kids...)
		default:
			at.kids = append(at.kids, op.kids...)
		}
	}
	return root.kids[0].String()
}
