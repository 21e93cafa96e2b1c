package psi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode"
)

// Node is a table, a descriptor or a field of them, ready to be shown: as text by
// WriteText, as data by encoding/json. Names are those of the standards, in lower
// case.
type Node struct {
	Name   string
	Value  any    // string, bool or number; nil if the node has fields or elements
	Shown  string // the value for people
	Fields []Node // of an object
	List   []Node // of an array
	isList bool
}

// View says how to read what the coded form leaves open.
type View struct {
	Now     time.Time // dates are those nearest to it; zero: counted from 1858
	Charset Charset   // of texts that select none
}

// Describe returns the content of a table for display.
func (v View) Describe(t Table) Node {
	n := v.object(reflect.ValueOf(t).Elem())
	n.Name = TableName(t.ID())
	n.Fields = append([]Node{
		{Name: "table", Value: n.Name, Shown: n.Name},
		{Name: "table_id", Value: t.ID(), Shown: fmt.Sprintf("%#02x", t.ID())},
	}, n.Fields...)
	return n
}

// DescribeSubTable returns the content of a sub-table for display, its sections in
// hexadecimal where it is not understood.
func (v View) DescribeSubTable(s *SubTable) Node {
	n := Node{Name: "table"}
	if s.Table != nil {
		n = v.Describe(s.Table)
	} else if len(s.Sections) > 0 {
		id := s.Sections[0].TableID()
		n.Name = TableName(id)
		n.Fields = []Node{
			{Name: "table", Value: n.Name, Shown: n.Name},
			{Name: "table_id", Value: id, Shown: fmt.Sprintf("%#02x", id)},
			{Name: "problem", Value: fmt.Sprint(s.Err), Shown: fmt.Sprint(s.Err)},
		}
		sections := Node{Name: "sections", isList: true}
		for _, b := range s.Sections {
			sections.List = append(sections.List, v.describe(reflect.ValueOf([]byte(b)), ""))
		}
		n.Fields = append(n.Fields, sections)
	}
	head := []Node{v.describe(reflect.ValueOf(s.PID), "%#04x"), v.describe(reflect.ValueOf(s.Complete), "")}
	head[0].Name, head[1].Name = "pid", "complete"
	n.Fields = append(head, n.Fields...)
	return n
}

// DescribeDescriptor returns the content of a descriptor for display.
func (v View) DescribeDescriptor(d Descriptor) Node {
	name := DescriptorName(d)
	n := Node{Name: name}
	if raw, ok := d.(*Raw); ok {
		if raw.View != nil {
			n = v.object(reflect.ValueOf(raw.View).Elem())
		}
		n.Fields = append(n.Fields, v.field("Data", reflect.ValueOf(raw.Data), ""))
		if raw.Problem != "" {
			n.Fields = append(n.Fields, v.field("Problem", reflect.ValueOf(raw.Problem), ""))
		}
	} else {
		n = v.object(reflect.ValueOf(d).Elem())
	}
	n.Name = name
	n.Fields = append([]Node{
		{Name: "descriptor", Value: name, Shown: name},
		{Name: "tag", Value: d.Tag(), Shown: fmt.Sprintf("%#02x", d.Tag())},
	}, n.Fields...)
	return n
}

func (v View) object(x reflect.Value) Node {
	var n Node
	for i := range x.NumField() {
		f := x.Type().Field(i)
		if !f.IsExported() || f.Tag.Get("text") == "-" || x.Field(i).Kind() == reflect.Pointer && x.Field(i).IsNil() {
			continue
		}
		n.Fields = append(n.Fields, v.field(f.Name, x.Field(i), f.Tag.Get("text")))
	}
	return n
}

func (v View) field(name string, x reflect.Value, format string) Node {
	if format == "" && strings.HasSuffix(name, "PID") {
		format = "%#04x"
	}
	n := v.describe(x, format)
	n.Name = snake(name)
	return n
}

// describe returns the node of a value; format is that of its numbers for people.
func (v View) describe(x reflect.Value, format string) Node {
	switch value := x.Interface().(type) {
	case Text:
		s := value.Decode(v.Charset)
		return Node{Value: s, Shown: fmt.Sprintf("%q", s)}
	case UTC:
		s := value.String()
		if t, ok := value.Time(v.Now); ok {
			s = t.Format(time.RFC3339)
		}
		return Node{Value: s, Shown: s}
	case []byte:
		s := hex.EncodeToString(value)
		return Node{Value: s, Shown: s}
	case string:
		return Node{Value: strings.ToValidUTF8(value, "\uFFFD"), Shown: fmt.Sprintf("%q", value)}
	case Descriptor:
		return v.DescribeDescriptor(value)
	case fmt.Stringer:
		if x.CanUint() {
			return Node{Value: x.Uint(), Shown: fmt.Sprintf("%d (%s)", x.Uint(), value)}
		}
		return Node{Value: value.String(), Shown: value.String()}
	}
	switch x.Kind() {
	case reflect.Pointer:
		return v.describe(x.Elem(), format)
	case reflect.Struct:
		return v.object(x)
	case reflect.Slice:
		n := Node{isList: true}
		for i := range x.Len() {
			n.List = append(n.List, v.describe(x.Index(i), format))
		}
		return n
	}
	return Node{Value: x.Interface(), Shown: shown(x, format)}
}

func shown(x reflect.Value, format string) string {
	switch {
	case format == "stream_type":
		return fmt.Sprintf("%#02x (%s)", x.Uint(), StreamTypeName(uint8(x.Uint())))
	case format != "" && x.CanUint():
		return fmt.Sprintf(format+" (%d)", x.Uint(), x.Uint())
	}
	return fmt.Sprint(x.Interface())
}

// snake turns the name of a field into that of the standards: TransportStreamID
// into transport_stream_id.
func snake(name string) string {
	if name == "PCRPID" {
		return "pcr_pid"
	}
	var out strings.Builder
	r := []rune(name)
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) {
			plural := i+2 == len(r) && r[i+1] == 's'
			wordStarts := i+1 < len(r) && unicode.IsLower(r[i+1]) && !plural
			if !unicode.IsUpper(r[i-1]) || wordStarts {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(c))
	}
	return out.String()
}

// WriteText writes the node and what it holds, one field a line, indented.
func (n Node) WriteText(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(n.Name + "\n")
	for _, f := range n.Fields {
		if f.Name != "table" {
			f.text(&b, 1)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (n Node) text(b *bytes.Buffer, depth int) {
	indent := strings.Repeat("  ", depth)
	switch {
	case n.isList && len(n.List) == 0:
	case n.isList:
		fmt.Fprintf(b, "%s%s:\n", indent, n.Name)
		for _, e := range n.List {
			e.element(b, depth+1)
		}
	case n.Fields != nil:
		fmt.Fprintf(b, "%s%s:\n", indent, n.Name)
		for _, f := range n.Fields {
			f.text(b, depth+1)
		}
	default:
		fmt.Fprintf(b, "%s%s: %s\n", indent, n.Name, n.Shown)
	}
}

// element writes an element of a list: its first field behind the dash.
func (n Node) element(b *bytes.Buffer, depth int) {
	if len(n.Fields) == 0 {
		fmt.Fprintf(b, "%s- %s\n", strings.Repeat("  ", depth), n.Shown)
		return
	}
	var e bytes.Buffer
	for _, f := range n.Fields {
		f.text(&e, depth+1)
	}
	line := e.Bytes()
	line[2*depth] = '-'
	b.Write(line)
}

// MarshalJSON returns an object with the fields in order, an array, or the value.
func (n Node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	switch {
	case n.isList:
		b.WriteByte('[')
		for i, e := range n.List {
			if i > 0 {
				b.WriteByte(',')
			}
			j, err := e.MarshalJSON()
			if err != nil {
				return nil, err
			}
			b.Write(j)
		}
		b.WriteByte(']')
	case n.Fields != nil:
		b.WriteByte('{')
		for i, f := range n.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			j, err := f.MarshalJSON()
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%q:%s", f.Name, j)
		}
		b.WriteByte('}')
	default:
		return json.Marshal(n.Value)
	}
	return b.Bytes(), nil
}
