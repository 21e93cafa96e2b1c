package text

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sigma/headend/config"
)

const header = `# Configuration of the headend. What is left out has its default.
#
# Lengths of time carry their unit: 200ms, 5s, 2m, 1m30s.
# Bit rates are bits per second, or carry a unit (powers of ten): 8Mbit, 2500kbit, 38014706.
# PIDs are decimal, or hexadecimal as 0x1ff. Inputs stand in order of priority, best first.
#
#   headend config check FILE    says what is wrong, with line and field
#   headend config apply FILE    makes this the running configuration
#
# Secrets are written as ***, but by headend config export --secrets; a *** that is
# applied keeps the secret of the running configuration.

`

// Marshal writes c as text that Parse reads back to an equal value, if its texts
// are UTF-8. Fields stand in the order of package config; what is empty is left out.
func Marshal(c config.Config) ([]byte, error) {
	w := writer{buf: []byte(header)}
	w.structure(reflect.ValueOf(c), 0, "")
	return w.buf, w.err
}

type writer struct {
	buf []byte
	err error
}

func (w *writer) put(format string, args ...any) { w.buf = fmt.Appendf(w.buf, format, args...) }

// structure writes the fields of v, the first after lead, the rest indented by depth.
func (w *writer) structure(v reflect.Value, depth int, lead string) {
	indent := strings.Repeat(" ", depth)
	if lead == "" {
		lead = indent
	}
	wrote := false
	for i := range v.NumField() {
		name, opts, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		f := v.Field(i)
		if f.IsZero() && (strings.Contains(opts, "omitempty") || f.Kind() == reflect.Struct) {
			continue
		}
		w.put("%s%s:", lead, name)
		lead, wrote = indent, true
		w.value(f, depth+2)
	}
	if !wrote && strings.TrimSpace(lead) != "" {
		w.put("%s{}\n", lead)
	}
}

func (w *writer) value(v reflect.Value, depth int) {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil && w.err == nil {
			w.err = err
		}
		w.put(" %s\n", b)
		return
	}
	indent := strings.Repeat(" ", depth)
	switch v.Kind() {
	case reflect.Struct:
		w.put("\n")
		w.structure(v, depth, "")
	case reflect.Slice:
		w.put("\n")
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.Struct {
				w.structure(e, depth+2, indent+"- ")
			} else {
				w.put("%s-", indent)
				w.value(e, depth+2)
			}
		}
	case reflect.Map:
		w.put("\n")
		m := v.Interface().(map[string]string)
		for _, k := range slices.Sorted(maps.Keys(m)) {
			w.put("%s%s: %s\n", indent, quote(k), quote(m[k]))
		}
	case reflect.Pointer:
		w.value(v.Elem(), depth)
	case reflect.String:
		w.put(" %s\n", quote(v.String()))
	default:
		w.put(" %v\n", v.Interface())
	}
}

// quote writes a string plainly where every YAML reader takes it for the same
// string, and in double quotes otherwise.
func quote(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unicode.IsPrint(r) && r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func plain(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	if !unicode.IsLetter(first) && first != '/' || strings.HasSuffix(s, " ") || strings.HasSuffix(s, ":") || strings.Contains(s, ": ") || len(s) > 60 && strings.Contains(s, "  ") {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" _./:@?=&%+-*,", r) || r == utf8.RuneError {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return false
	}
	_, err := strconv.ParseFloat(s, 64) // inf, nan
	return err != nil
}
