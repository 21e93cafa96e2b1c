// Package edit owns the forms of the configuration and the plan that is shown before
// a change is committed. It checks nothing itself: validation is control's.
package edit

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sigma/headend/control"
	"sigma/tui/page"
	"sigma/tui/part"
)

// maker makes fields whose texts are f.ID and f.ID.help in the catalogue.
type maker struct{ env *page.Env }

func (m maker) field(id, path, value string, set func(string) error) part.Field {
	return part.Field{
		Label: m.env.Text.T("f." + id), Help: m.env.Text.T("f." + id + ".help"),
		Path: path, Value: value, Set: set,
	}
}

func (m maker) heading(id string) part.Field {
	return part.Field{Kind: part.Heading, Label: m.env.Text.T("f." + id)}
}

func (m maker) text(id, path string, v *string) part.Field {
	return m.field(id, path, *v, func(s string) error { *v = strings.TrimSpace(s); return nil })
}

// unit is a value written with its unit; empty text is the zero value.
type unit[T any] interface {
	*T
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}

// zeroText says what is wrong with a zero that was typed; empty when nothing is.
func withUnit[T comparable, P unit[T]](m maker, id, path, bad, zeroText string, v P) part.Field {
	var zero T
	shown := ""
	if *v != zero {
		b, _ := v.MarshalText() // these never fail
		shown = string(b)
	}
	return m.field(id, path, shown, func(s string) error {
		if strings.TrimSpace(s) == "" {
			*v = zero
			return nil
		}
		next := zero
		if err := P(&next).UnmarshalText([]byte(point(s))); err != nil {
			return errors.New(m.env.Text.T(bad, s))
		}
		if next == zero && zeroText != "" {
			return errors.New(m.env.Text.T(zeroText, s))
		}
		*v = next
		return nil
	})
}

func (m maker) duration(id, path string, v *control.Duration) part.Field {
	return withUnit(m, id, path, "bad.duration", "bad.zero", v)
}

func (m maker) bitRate(id, path string, v *control.BitRate) part.Field {
	return withUnit(m, id, path, "bad.bitrate", "", v)
}

// point reads a decimal comma as a decimal point. Three digits behind the only comma
// may be a group of thousands instead: that stays as it is, and is no number.
func point(s string) string {
	whole, frac, ok := strings.Cut(s, ",")
	digits := strings.IndexFunc(frac+" ", func(r rune) bool { return r < '0' || r > '9' })
	if !ok || digits == 0 || digits == 3 || strings.ContainsAny(whole+frac, ".") {
		return s
	}
	return whole + "." + frac
}

// number is a whole number; empty text is 0. low and high are said when it cannot be
// read; whether it is in range is for validation to judge.
func number[T int | uint16](m maker, id, path string, low, high int, v *T) part.Field {
	shown := ""
	if *v != 0 {
		shown = fmt.Sprint(*v)
	}
	return m.field(id, path, shown, func(s string) error {
		s = strings.TrimSpace(s)
		if s == "" {
			*v = 0
			return nil
		}
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || int64(T(n)) != n {
			return errors.New(m.env.Text.T("bad.number", s, low, high))
		}
		*v = T(n)
		return nil
	})
}

// optional is a whole number that may be absent.
func (m maker) optional(id, path string, low, high int, v **int) part.Field {
	shown := ""
	if *v != nil {
		shown = strconv.Itoa(**v)
	}
	return m.field(id, path, shown, func(s string) error {
		s = strings.TrimSpace(s)
		if s == "" {
			*v = nil
			return nil
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			return errors.New(m.env.Text.T("bad.number", s, low, high))
		}
		*v = &n
		return nil
	})
}

func (m maker) choice(f part.Field, values ...[2]string) part.Field {
	f.Kind = part.Choice
	for _, v := range values {
		f.Options = append(f.Options, part.Option{Value: v[0], Label: m.env.Text.T(v[1])})
	}
	if !slices.ContainsFunc(f.Options, func(o part.Option) bool { return o.Value == f.Value }) {
		f.Options = append(f.Options, part.Option{Value: f.Value, Label: f.Value})
	}
	return f
}

func (m maker) yesNo(id, path string, v *bool, no, yes string) part.Field {
	f := m.field(id, path, strconv.FormatBool(*v), func(s string) error { *v = s == "true"; return nil })
	return m.choice(f, [2]string{"false", no}, [2]string{"true", yes})
}

func (m maker) protocols(path string, v *[]string) part.Field {
	return m.field("protocols", path, strings.Join(*v, ", "), func(s string) error {
		*v = strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
		return nil
	})
}

// headers are written "Name: value | Name: value".
func (m maker) headers(path string, v *map[string]string) part.Field {
	var shown []string
	for k, x := range *v {
		shown = append(shown, k+": "+x)
	}
	slices.Sort(shown)
	return m.field("headers", path, strings.Join(shown, " | "), func(s string) error {
		next := map[string]string{}
		for h := range strings.SplitSeq(s, "|") {
			if strings.TrimSpace(h) == "" {
				continue
			}
			name, value, ok := strings.Cut(h, ":")
			if !ok || strings.TrimSpace(name) == "" {
				return errors.New(m.env.Text.T("bad.header", strings.TrimSpace(h)))
			}
			next[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
		*v = nil
		if len(next) > 0 {
			*v = next
		}
		return nil
	})
}

func (m maker) pids(path string, v *control.PIDMap) part.Field {
	return m.field("pids", path, string(*v), func(s string) error {
		*v = control.PIDMap(strings.TrimSpace(s))
		return nil
	})
}
