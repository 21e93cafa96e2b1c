package part

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/tui/keymap"
	"sigma/tui/text"
	"sigma/tui/theme"
)

// Kind says how a field is edited.
type Kind int

// The kinds of fields.
const (
	Text    Kind = iota
	Secret       // text shown as stars
	Choice       // one of Options
	Item         // an entry of a list: opened, copied, removed and moved as a whole
	Button       // does Do
	Heading      // a title between fields
)

// Option is one value of a Choice.
type Option struct {
	Value string // as in the configuration
	Label string // in the language of the user
}

// Field is one line of a form. Texts are in the language of the user.
type Field struct {
	Label   string
	Help    string // one line, with an example
	Path    string // in the errors of the configuration, relative to the form
	Kind    Kind
	Options []Option
	Value   string                     // what it starts with; for an Item what is shown
	Set     func(string) error         // takes what was typed or chosen
	Do      func() tea.Cmd             // Button and Item: Enter
	Act     func(id keymap.ID) tea.Cmd // Item: keymap.ItemAdd … ItemDown
	Touched bool                       // shows its errors although Strict is off
	line    Line
	bad     string // what Set said
}

// Form is a column of fields, one of which has the focus. It is edited from top to
// bottom with no more than arrows, Enter and letters.
type Form struct {
	Theme  theme.Theme
	Errors map[string]string // by path, from validation of the whole
	Strict bool              // show errors of fields that nobody has touched yet
	fields []*Field
	focus  int
	top    int
	w, h   int
}

// SetFields replaces the fields and keeps the focus where it was.
func (f *Form) SetFields(fields ...Field) {
	old := f.fields
	f.fields = nil
	for _, field := range fields {
		n := &field
		n.line.Secret = n.Kind == Secret
		n.line.Set(n.Value)
		for _, o := range old {
			if o.Path == "" || o.Path != n.Path {
				continue
			}
			n.Touched = n.Touched || o.Touched && n.Kind != Item
			if o.bad != "" {
				n.bad = o.bad
				n.line.Set(o.line.String())
			}
		}
		f.fields = append(f.fields, n)
	}
	f.Focus(f.focus)
}

// Focus moves to the field at i, or the next one that can have the focus.
func (f *Form) Focus(i int) {
	f.focus = max(min(i, len(f.fields)-1), 0)
	for f.focus < len(f.fields)-1 && f.fields[f.focus].Kind == Heading {
		f.focus++
	}
}

// FocusAt returns the place of the focus, for Focus.
func (f *Form) FocusAt() int { return f.focus }

// FocusPath moves to the first field whose path begins with path and reports whether there is one.
func (f *Form) FocusPath(path string) bool {
	for i, n := range f.fields {
		if n.Path != "" && (n.Path == path || n.Kind == Item && strings.HasPrefix(path, n.Path)) {
			f.Focus(i)
			return true
		}
	}
	return false
}

// FocusError moves to the first field that has an error, if any.
func (f *Form) FocusError() {
	for i, n := range f.fields {
		if f.errorOf(n) != "" {
			f.Focus(i)
			return
		}
	}
}

// SetSize sets the cells to draw in.
func (f *Form) SetSize(w, h int) { f.w, f.h = w, h }

// Bad reports whether a field holds text that is no value.
func (f *Form) Bad() bool {
	return slices.ContainsFunc(f.fields, func(n *Field) bool { return n.bad != "" })
}

// Kind returns the kind of the field with the focus.
func (f *Form) Kind() Kind {
	if len(f.fields) == 0 {
		return Heading
	}
	return f.fields[f.focus].Kind
}

// Writing reports whether letters go into the field with the focus.
func (f *Form) Writing() bool { return f.Kind() == Text || f.Kind() == Secret }

// Paste inserts text where one types.
func (f *Form) Paste(s string) bool {
	n := f.fields[f.focus]
	if n.Kind != Text && n.Kind != Secret {
		return false
	}
	n.line.Insert(s)
	f.set(n, n.line.String())
	return true
}

// Key answers a key press. changed is true when a value changed.
func (f *Form) Key(k tea.KeyPressMsg) (cmd tea.Cmd, changed bool) {
	if len(f.fields) == 0 {
		return nil, false
	}
	n := f.fields[f.focus]
	switch {
	case n.Kind == Item:
		ids := []keymap.ID{keymap.ItemAdd, keymap.ItemCopy, keymap.ItemRemove, keymap.ItemUp, keymap.ItemDown}
		if id := keymap.Match(k, ids...); id != keymap.None && n.Act != nil {
			return n.Act(id), false
		}
	case n.Kind == Choice:
		if keymap.Match(k, keymap.Choose) != keymap.None {
			f.choose(n, k.String() == "left")
			return nil, true
		}
	}
	if (n.Kind == Button || n.Kind == Item) && n.Do != nil && keymap.Match(k, keymap.Open) != keymap.None {
		return n.Do(), false
	}
	switch {
	case keymap.Match(k, keymap.PrevField) != keymap.None:
		f.move(-1)
		return nil, false
	case keymap.Match(k, keymap.NextField) != keymap.None:
		f.move(1)
		return nil, false
	}
	if n.Kind != Text && n.Kind != Secret {
		return nil, false
	}
	before := n.line.String()
	if !n.line.Key(k) || n.line.String() == before {
		return nil, false
	}
	f.set(n, n.line.String())
	return nil, true
}

func (f *Form) move(by int) {
	for i := f.focus + by; i >= 0 && i < len(f.fields); i += by {
		if f.fields[i].Kind != Heading {
			f.focus = i
			return
		}
	}
}

func (f *Form) choose(n *Field, back bool) {
	i := slices.IndexFunc(n.Options, func(o Option) bool { return o.Value == n.line.String() })
	step := 1
	if back {
		step = len(n.Options) - 1
	}
	v := n.Options[(max(i, 0)+step)%len(n.Options)].Value
	n.line.Set(v)
	f.set(n, v)
}

func (f *Form) set(n *Field, v string) {
	n.bad, n.Touched = "", true
	if n.Set == nil {
		return
	}
	if err := n.Set(v); err != nil {
		n.bad = err.Error()
	}
}

// errorOf returns what is wrong with a field: what it holds first, then what
// validation of the whole says of it, or of anything below an Item.
func (f *Form) errorOf(n *Field) string {
	if n.bad != "" || n.Path == "" || !f.Strict && !n.Touched {
		return n.bad
	}
	if e, ok := f.Errors[n.Path]; ok {
		return e
	}
	if n.Kind != Item {
		return ""
	}
	var below []string
	for p := range f.Errors {
		if strings.HasPrefix(p, n.Path+".") {
			below = append(below, p)
		}
	}
	if len(below) == 0 {
		return ""
	}
	return f.Errors[slices.Min(below)]
}

// View draws the form so that the focus and its help are seen.
func (f *Form) View() string {
	label := max(min(28, f.w/3), 12)
	var lines []string
	from, to := 0, 0
	for i, n := range f.fields {
		focus := i == f.focus
		if focus {
			from = len(lines)
		}
		lines = append(lines, f.draw(n, label, focus)...)
		if focus {
			to = len(lines)
		}
	}
	if to > f.top+f.h {
		f.top = to - f.h
	}
	if from < f.top {
		f.top = from
	}
	if from <= 2 { // the first heading belongs to the first field
		f.top = 0
	}
	f.top = max(min(f.top, len(lines)-f.h), 0)
	return strings.Join(lines[f.top:min(f.top+f.h, len(lines))], "\n")
}

func (f *Form) draw(n *Field, label int, focus bool) []string {
	t := f.Theme
	mark := "  "
	if focus {
		mark = t.Mark + " "
	}
	width := max(f.w-label-4, 10)
	var lines []string
	switch n.Kind {
	case Heading:
		return []string{"", " " + t.Title.Render(n.Label)}
	case Button:
		s := "[ " + n.Label + " ]"
		if focus {
			s = t.Select.Render(s)
		}
		lines = append(lines, mark+s)
	default:
		head := text.Fit(n.Label, label)
		if focus {
			head = t.Title.Render(head)
		}
		lines = append(lines, mark+head+" "+f.value(n, width, focus))
	}
	indent := label + 3
	if n.Kind == Button {
		indent = 4
	}
	if e := f.errorOf(n); e != "" {
		lines = append(lines, Paragraph("! "+e, f.w-1, indent, t.Bad)...)
	}
	if focus && n.Help != "" {
		lines = append(lines, Paragraph(n.Help, f.w-1, indent, t.Dim)...)
	}
	return lines
}

func (f *Form) value(n *Field, width int, focus bool) string {
	t := f.Theme
	switch n.Kind {
	case Choice:
		v := n.line.String()
		for _, o := range n.Options {
			if o.Value == v {
				v = o.Label
			}
		}
		if focus {
			return t.Left + " " + t.Select.Render(v) + " " + t.Right
		}
		return "  " + v
	case Item:
		s := text.Fit(text.Clean(n.Value), width)
		if focus {
			return t.Select.Render(s)
		}
		return s
	default:
		return n.line.View(t, width, focus)
	}
}
