package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"sigma/headend/control"
)

// resetField, given as true, makes a body replace the object instead of changing it.
const resetField = "$reset"

// merge applies a body to an object (RFC 7396): fields that are given are set, null
// removes, objects are merged, lists are replaced. With "$reset": true the object
// is made of the body alone. Fields named in ignore are skipped, those of skip
// being what answers carry besides. Errors are control.FieldErrors under path.
func merge[T any](old T, body []byte, path string, ignore ...string) (T, error) {
	var zero T
	patch, err := object(body)
	if err != nil {
		return zero, control.FieldErrors{{Path: path, Text: err.Error()}}
	}
	reset := patch[resetField] == true
	delete(patch, resetField)
	for _, f := range ignore {
		delete(patch, f)
	}
	base := map[string]any{}
	if !reset {
		b, err := json.Marshal(old)
		if err != nil {
			return zero, err
		}
		if base, err = object(b); err != nil {
			return zero, err
		}
	}
	return decode[T](mergeObjects(base, patch), path)
}

// mergeObjects changes base as patch says and returns it.
func mergeObjects(base, patch map[string]any) map[string]any {
	for k, v := range patch {
		sub, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(base, k)
		case isObject:
			old, _ := base[k].(map[string]any)
			if old == nil {
				old = map[string]any{}
			}
			base[k] = mergeObjects(old, sub)
		default:
			base[k] = v
		}
	}
	return base
}

// object reads exactly one JSON object, numbers as they are written.
func object(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("expected a JSON object: %w", err)
	}
	if m == nil {
		return nil, errors.New("expected a JSON object, found null")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("expected one JSON object, found more behind it")
	}
	return m, nil
}

// decode makes a T of m. Every field that does not fit is told, those of lists of
// objects one by one.
func decode[T any](m map[string]any, path string) (T, error) {
	v, err := strict[T](m)
	if err == nil {
		return v, nil
	}
	var errs control.FieldErrors
	for _, k := range sortedKeys(m) {
		parts, isList := m[k].([]any)
		if !isList {
			if _, err := strict[T](map[string]any{k: m[k]}); err != nil {
				errs = append(errs, control.FieldError{Path: join(path, k), Text: plain(err)})
			}
			continue
		}
		for i, part := range parts {
			if _, err := strict[T](map[string]any{k: []any{part}}); err != nil {
				errs = append(errs, control.FieldError{Path: join(path, k) + "[" + strconv.Itoa(i) + "]", Text: plain(err)})
			}
		}
	}
	if len(errs) == 0 {
		errs = control.FieldErrors{{Path: path, Text: plain(err)}}
	}
	var zero T
	return zero, errs
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// strict decodes m and refuses what T does not know.
func strict[T any](m map[string]any) (T, error) {
	var v T
	b, err := json.Marshal(m)
	if err != nil {
		return v, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err = d.Decode(&v)
	return v, err
}

// plain says what is wrong without the types of the program.
func plain(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return fmt.Sprintf("%s: expected another kind of value, found a %s", t.Field, t.Value)
	}
	text, _ := bytes.CutPrefix([]byte(err.Error()), []byte("json: "))
	return string(text)
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
