package api

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// query is how a collection is asked for. Any other parameter is a filter: the dotted
// name of a field and the value it must have, with _gt, _gte, _lt, _lte, _ne or _like
// behind the name for other comparisons.
type query struct {
	Cursor string `query:"cursor" doc:"where to go on: next or prev of an earlier answer"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"10000" doc:"most entries in one answer"`
	Select string `query:"select" doc:"only these fields, dotted names parted by commas; name is always there"`
	Sort   string `query:"sort" doc:"dotted names parted by commas, with - in front for descending"`
	Q      string `query:"q" doc:"only entries with this text in any of their texts"`

	filters url.Values
}

// Resolve takes the parameters that are not declared as filters.
func (q *query) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	q.filters = u.Query()
	for _, known := range []string{"cursor", "limit", "select", "sort", "q"} {
		q.filters.Del(known)
	}
	return nil
}

var _ huma.Resolver = (*query)(nil)

// Page is what every collection answers besides its entries.
type Page struct {
	EstimatedCount int     `json:"estimated_count" doc:"entries that match, on all pages"`
	Next           string  `json:"next,omitempty" doc:"cursor of the next page"`
	Prev           string  `json:"prev,omitempty" doc:"cursor of the page before"`
	Timing         *timing `json:"timing" doc:"what the answer took"`
}

type timing struct {
	Total int64 `json:"total_us" doc:"microseconds"`
}

// row is one entry of a collection, possibly with some fields only. It is described
// as a T.
type row[T any] struct{ v any }

// MarshalJSON writes the fields that were selected.
func (r row[T]) MarshalJSON() ([]byte, error) { return json.Marshal(r.v) }

// Schema describes a T.
func (row[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

var _ huma.SchemaProvider = row[Page]{}

// collect answers a query over entries.
func collect[T any](q *query, entries []T) ([]row[T], Page, error) {
	began := time.Now()
	if err := q.checkSort(reflect.TypeFor[T]()); err != nil {
		return nil, Page{}, err
	}
	rows := make([]map[string]any, 0, len(entries))
	for _, e := range entries {
		b, err := json.Marshal(e)
		if err != nil {
			return nil, Page{}, err
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, Page{}, err
		}
		if q.matches(m) {
			rows = append(rows, m)
		}
	}
	q.sort(rows)
	at, err := q.offset(len(rows))
	if err != nil {
		return nil, Page{}, err
	}
	limit := max(q.Limit, 1)
	end := min(at+limit, len(rows))
	p := Page{EstimatedCount: len(rows)}
	if end < len(rows) {
		p.Next = cursorAt(end)
	}
	if at > 0 {
		p.Prev = cursorAt(max(at-limit, 0))
	}
	out := make([]row[T], 0, end-at)
	for _, m := range rows[at:end] {
		out = append(out, row[T]{q.project(m)})
	}
	p.Timing = &timing{Total: time.Since(began).Microseconds()}
	return out, p, nil
}

func cursorAt(n int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("at:" + strconv.Itoa(n)))
}

func (q *query) offset(n int) (int, error) {
	if q.Cursor == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	text, ok := strings.CutPrefix(string(b), "at:")
	at, err2 := strconv.Atoi(text)
	if err != nil || err2 != nil || !ok || at < 0 {
		return 0, &Problem{
			status: http.StatusBadRequest, Code: "bad_request", Text: "not a cursor: expected next or prev of an earlier answer",
			Fields: []Field{{Path: "query.cursor", Text: fmt.Sprintf("%.40q", q.Cursor)}},
		}
	}
	return min(at, n), nil
}

// matches applies text and filters.
func (q *query) matches(m map[string]any) bool {
	if q.Q != "" && !holds(m, strings.ToLower(q.Q)) {
		return false
	}
	for name, values := range q.filters {
		if !filter(m, name, values) {
			return false
		}
	}
	return true
}

// holds reports whether any text in v holds what is asked for, in lower case.
func holds(v any, what string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(strings.ToLower(v), what)
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, what) })
	case map[string]any:
		for _, e := range v {
			if holds(e, what) {
				return true
			}
		}
	}
	return false
}

// filter compares one field; several values are alternatives.
func filter(m map[string]any, name string, values []string) bool {
	test := func(has any, want string) bool { return compare(has, want) == 0 }
	for suffix, t := range map[string]func(has any, want string) bool{
		"_gt":   func(has any, want string) bool { return has != nil && compare(has, want) > 0 },
		"_gte":  func(has any, want string) bool { return has != nil && compare(has, want) >= 0 },
		"_lt":   func(has any, want string) bool { return has != nil && compare(has, want) < 0 },
		"_lte":  func(has any, want string) bool { return has != nil && compare(has, want) <= 0 },
		"_ne":   func(has any, want string) bool { return compare(has, want) != 0 },
		"_like": func(has any, want string) bool { return holds(has, strings.ToLower(want)) },
	} {
		if field, ok := strings.CutSuffix(name, suffix); ok {
			if _, isField := at(m, name); !isField {
				name, test = field, t
				break
			}
		}
	}
	has, _ := at(m, name)
	return slices.ContainsFunc(values, func(want string) bool { return test(has, want) })
}

// compare orders a value of JSON against a text: numbers as numbers, the rest as it
// is written. What is not there equals the empty text, false and 0.
func compare(has any, want string) int {
	switch h := has.(type) {
	case nil:
		if want == "" || want == "false" || want == "0" {
			return 0
		}
		return -1
	case float64:
		if w, err := strconv.ParseFloat(want, 64); err == nil {
			return cmp.Compare(h, w)
		}
		return -1
	case string:
		return strings.Compare(h, want)
	}
	return strings.Compare(fmt.Sprint(has), want)
}

// at returns the field with a dotted name.
func at(m map[string]any, name string) (any, bool) {
	for {
		v, ok := m[name]
		if ok {
			return v, true
		}
		head, rest, dotted := strings.Cut(name, ".")
		sub, isObject := m[head].(map[string]any)
		if !dotted || !isObject {
			return nil, false
		}
		m, name = sub, rest
	}
}

// checkSort refuses names that no entry can have.
func (q *query) checkSort(t reflect.Type) error {
	if q.Sort == "" {
		return nil
	}
	for k := range strings.SplitSeq(q.Sort, ",") {
		if name := strings.TrimPrefix(strings.TrimSpace(k), "-"); !hasField(t, name) {
			return &Problem{
				status: http.StatusBadRequest, Code: "bad_request", Text: "not a field to sort by",
				Fields: []Field{{Path: "query.sort", Text: fmt.Sprintf("%.40q: expected one of %s, or a dotted name within them", name, strings.Join(fields(t).names, ", "))}},
			}
		}
	}
	return nil
}

func (q *query) sort(rows []map[string]any) {
	if q.Sort == "" {
		return
	}
	keys := strings.Split(q.Sort, ",")
	slices.SortStableFunc(rows, func(a, b map[string]any) int {
		for _, k := range keys {
			name, down := strings.CutPrefix(strings.TrimSpace(k), "-")
			x, _ := at(a, name)
			y, _ := at(b, name)
			c := order(x, y)
			if down {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// order orders two values of JSON: numbers, then everything else as text; what is not
// there comes first.
func order(x, y any) int {
	fx, okx := x.(float64)
	fy, oky := y.(float64)
	switch {
	case x == nil || y == nil:
		return cmp.Compare(b2i(x != nil), b2i(y != nil))
	case okx && oky:
		return cmp.Compare(fx, fy)
	case okx != oky:
		return cmp.Compare(b2i(!okx), b2i(!oky))
	}
	return strings.Compare(fmt.Sprint(x), fmt.Sprint(y))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// project keeps the selected fields, and the name or id.
func (q *query) project(m map[string]any) map[string]any {
	if q.Select == "" {
		return m
	}
	out := map[string]any{}
	for _, k := range []string{"name", "id"} {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	for name := range strings.SplitSeq(q.Select, ",") {
		name = strings.TrimSpace(name)
		v, ok := at(m, name)
		if !ok {
			continue
		}
		into := out
		for {
			head, rest, dotted := strings.Cut(name, ".")
			if !dotted {
				break
			}
			sub, ok := into[head].(map[string]any)
			if !ok {
				sub = map[string]any{}
				into[head] = sub
			}
			into, name = sub, rest
		}
		into[name] = v
	}
	return out
}
