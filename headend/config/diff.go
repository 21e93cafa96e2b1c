package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Change is one difference between two configurations.
type Change struct {
	Path string `json:"path"` // "channels[news].inputs[0].url"
	Kind string `json:"kind"` // "added", "removed", "changed", "moved"
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Diff lists what differs from a to b, in the order of the document b, with what
// is gone at the end of its list. Channels are matched by name; inputs and outputs
// by what they are, then by place. Secrets are masked: a changed password shows as
// a change from *** to ***.
func Diff(a, b Config) []Change {
	d := differ{}
	d.fields("box", a.Box, b.Box)
	old := map[string]Channel{}
	for _, ch := range a.Channels {
		old[ch.Name] = ch
	}
	for _, ch := range b.Channels {
		path := "channels[" + ch.Name + "]"
		if was, ok := old[ch.Name]; ok {
			d.channel(path, was, ch)
		} else {
			d.add(path, "added", "", ch.summary())
		}
	}
	for _, ch := range a.Channels {
		if b.Channel(ch.Name) == nil {
			d.add("channels["+ch.Name+"]", "removed", ch.summary(), "")
		}
	}
	d.channelOrder(a, b)
	return d.out
}

// summary says in a line what a channel is.
func (c Channel) summary() string {
	s := fmt.Sprintf("%d inputs, %d outputs", len(c.Inputs), len(c.Outputs))
	if len(c.Inputs) > 0 {
		s = Redact(c.Inputs[0].URL) + ", " + s
	}
	return s
}

type differ struct{ out []Change }

func (d *differ) add(path, kind, old, new string) {
	d.out = append(d.out, Change{Path: path, Kind: kind, Old: old, New: new})
}

func (d *differ) channel(path string, a, b Channel) {
	d.fields(path, a, b)
	diffList(d, path+".inputs", a.Inputs, b.Inputs, func(in Input) string { return Redact(in.URL) })
	diffList(d, path+".outputs", a.Outputs, b.Outputs, func(o Output) string { return Redact(o.URL) })
}

// channelOrder reports channels whose neighbours changed although nothing else
// about the list did: those outside the longest run that kept its order.
func (d *differ) channelOrder(a, b Config) {
	place := map[string]int{}
	for i, ch := range a.Channels {
		place[ch.Name] = i
	}
	var names []string
	var was []int
	for _, ch := range b.Channels {
		if i, ok := place[ch.Name]; ok {
			names, was = append(names, ch.Name), append(was, i)
		}
	}
	keep := increasing(was)
	for i, name := range names {
		if !keep[i] {
			now := slices.IndexFunc(b.Channels, func(c Channel) bool { return c.Name == name })
			d.add("channels["+name+"]", "moved", "place "+strconv.Itoa(was[i]+1), "place "+strconv.Itoa(now+1))
		}
	}
}

// increasing marks the places of a longest increasing run of v.
func increasing(v []int) []bool {
	best, prev := make([]int, len(v)), make([]int, len(v))
	var tails []int // tails[n] is the place of the smallest end of a run of n+1
	for i := range v {
		n, _ := slices.BinarySearchFunc(tails, v[i], func(t, x int) int { return v[t] - x })
		prev[i] = -1
		if n > 0 {
			prev[i] = tails[n-1]
		}
		best[i] = n
		if n == len(tails) {
			tails = append(tails, i)
		} else {
			tails[n] = i
		}
	}
	keep := make([]bool, len(v))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = prev[i] {
			keep[i] = true
		}
	}
	return keep
}

// diffList compares inputs or outputs. Items that are equal are the same item,
// moved if their place differs; the others are paired by the order they are in.
func diffList[T any](d *differ, path string, a, b []T, show func(T) string) {
	from := matchEqual(a, b)
	used := make([]bool, len(a))
	for _, i := range from {
		if i >= 0 {
			used[i] = true
		}
	}
	next := 0
	for j := range b {
		at := fmt.Sprintf("%s[%d]", path, j)
		if i := from[j]; i >= 0 {
			if i != j && len(a) == len(b) {
				d.add(at, "moved", fmt.Sprintf("%d", i), fmt.Sprintf("%d", j))
			}
			continue
		}
		for next < len(a) && used[next] {
			next++
		}
		if next == len(a) {
			d.add(at, "added", "", show(b[j]))
			continue
		}
		used[next] = true
		d.fields(at, a[next], b[j])
	}
	for i := range a {
		if !used[i] {
			d.add(fmt.Sprintf("%s[%d]", path, i), "removed", show(a[i]), "")
		}
	}
}

// matchEqual returns for each item of b the place of an equal item in a, the same
// place if it can be, or -1. No item of a is given twice.
func matchEqual[T any](a, b []T) []int {
	from, used := make([]int, len(b)), make([]bool, len(a))
	for j := range b {
		from[j] = -1
		if j < len(a) && reflect.DeepEqual(a[j], b[j]) {
			from[j], used[j] = j, true
		}
	}
	for j := range b {
		for i := 0; i < len(a) && from[j] < 0; i++ {
			if !used[i] && reflect.DeepEqual(a[i], b[j]) {
				from[j], used[i] = i, true
			}
		}
	}
	return from
}

// fields compares the plain fields of two values of one struct type, under their
// names in the document. Lists of structs are left to the caller.
func (d *differ) fields(path string, a, b any) {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		f := va.Type().Field(i)
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		x, y := va.Field(i), vb.Field(i)
		if h, ok := x.Interface().(map[string]string); ok {
			d.masked(path+"."+name, h, y.Interface().(map[string]string))
			continue
		}
		if reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		old, new := display(x), display(y)
		if name == "url" || name == "on_play" {
			old, new = Redact(old), Redact(new)
		}
		d.add(path+"."+name, "changed", old, new)
	}
}

// masked compares HTTP headers by name; the values may be secrets.
func (d *differ) masked(path string, a, b map[string]string) {
	names := maps.Clone(a)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, b)
	for _, k := range slices.Sorted(maps.Keys(names)) {
		x, inA := a[k]
		y, inB := b[k]
		switch at := path + "[" + k + "]"; {
		case !inA:
			d.add(at, "added", "", Mask)
		case !inB:
			d.add(at, "removed", Mask, "")
		case x != y:
			d.add(at, "changed", Mask, Mask)
		}
	}
}

// display writes a value as the document does; what is absent is empty.
func display(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		return fmt.Sprint(v.Elem().Interface())
	}
	if v.IsZero() && v.Kind() != reflect.Bool {
		return ""
	}
	switch x := v.Interface().(type) {
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err == nil {
			return string(b)
		}
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case []string:
		return strings.Join(x, ", ")
	}
	return fmt.Sprint(v.Interface())
}
