package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

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
	var v any
	if err := d.Decode(&v); errors.Is(err, io.EOF) {
		return nil, errors.New("expected a JSON object, found nothing")
	} else if err != nil {
		return nil, fmt.Errorf("expected a JSON object: %s", plain(err))
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("expected a JSON object, found " + found(v))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("expected one JSON object, found more behind it")
	}
	return m, nil
}

// decode makes a T of m. Every field that does not fit is told.
func decode[T any](m map[string]any, path string) (v T, err error) {
	if errs := misfits(reflect.TypeFor[T](), m, path); len(errs) > 0 {
		return v, errs
	}
	if err := into(&v, m); err != nil {
		return v, control.FieldErrors{{Path: path, Text: plain(err)}}
	}
	return v, nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
