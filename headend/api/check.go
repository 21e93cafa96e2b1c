package api

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"sigma/headend/control"
)

// misfits tells what of a JSON value does not fit a type, each with its path: fields
// that are not known, with those that are, and values of another kind. Null fits
// everything.
func misfits(t reflect.Type, v any, path string) control.FieldErrors {
	fail := func(format string, args ...any) control.FieldErrors {
		return control.FieldErrors{{Path: path, Text: fmt.Sprintf(format, args...)}}
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil {
		return nil
	}
	if ownText(t) {
		if err := into(reflect.New(t).Interface(), v); err != nil {
			return fail("%s", plain(err))
		}
		return nil
	}
	var errs control.FieldErrors
	switch object, isObject := v.(map[string]any); t.Kind() {
	case reflect.Struct:
		if !isObject {
			return fail("expected an object, found %s", found(v))
		}
		known := fields(t)
		for _, k := range sortedKeys(object) {
			f, ok := known.types[k]
			if !ok {
				errs = append(errs, control.FieldError{Path: join(path, k), Text: "unknown field: expected one of " + strings.Join(known.names, ", ")})
				continue
			}
			errs = append(errs, misfits(f, object[k], join(path, k))...)
		}
	case reflect.Map:
		if !isObject {
			return fail("expected an object, found %s", found(v))
		}
		for _, k := range sortedKeys(object) {
			errs = append(errs, misfits(t.Elem(), object[k], path+"["+k+"]")...)
		}
	case reflect.Slice:
		list, ok := v.([]any)
		if !ok {
			return fail("expected a list, found %s", found(v))
		}
		for i, e := range list {
			errs = append(errs, misfits(t.Elem(), e, path+"["+strconv.Itoa(i)+"]")...)
		}
	default:
		if into(reflect.New(t).Interface(), v) != nil {
			return fail("expected %s, found %s", wanted(t), found(v))
		}
	}
	return errs
}

// ownText reports whether a type reads its own form of JSON or text.
func ownText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// into decodes a value of JSON that was decoded before.
func into(p, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, p)
}

// structure is the fields of a struct by their names in JSON.
type structure struct {
	names []string // in order
	types map[string]reflect.Type
}

func fields(t reflect.Type) structure {
	s := structure{types: map[string]reflect.Type{}}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			inner := fields(f.Type)
			for _, n := range inner.names {
				s.names, s.types[n] = append(s.names, n), inner.types[n]
			}
		default:
			if name == "" {
				name = f.Name
			}
			s.names, s.types[name] = append(s.names, name), f.Type
		}
	}
	return s
}

// hasField reports whether a dotted name can be a field of a T.
func hasField(t reflect.Type, name string) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map {
		return true
	}
	if t.Kind() != reflect.Struct || ownText(t) {
		return false
	}
	head, rest, dotted := strings.Cut(name, ".")
	f, ok := fields(t).types[head]
	return ok && (!dotted || hasField(f, rest))
}

// wanted names the values of a type for people.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint16:
		return "a whole number from 0 to 65535"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "a value of another kind"
}

// found names a value of JSON for people.
func found(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "text"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return "null"
}

// plain says what is wrong with JSON without the words of the program.
func plain(err error) string {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return fmt.Sprintf("expected %s, found %s", wanted(kind.Type), map[string]string{"array": "a list", "object": "an object", "string": "text"}[kind.Value])
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON at byte %d: %s", syntax.Offset, syntax.Error())
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
