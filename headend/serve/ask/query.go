package ask

import (
	"net/url"
	"strings"

	"sigma/headend/serve/route"
)

// Query is what the query string of any request may say. It has no pointers into anything
// but the request.
type Query struct {
	Tracks string // selector of filter=tracks:T or filter.tracks=T; empty for all
	Token  string // "token=…" as it came, for the URLs of the answer; empty for none
}

const (
	maxQuery = 4096
	maxToken = 1024
)

// ParseQuery reads a query string; problem says what is wrong with it. More is called for
// each name that is not of Query; it passes over those it does not know. It does not
// allocate unless values are escaped.
func ParseQuery(raw string, more func(name, value string) (problem string)) (q Query, problem string) {
	if len(raw) > maxQuery {
		return q, "the query is too long"
	}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "filter", "filter.tracks":
			problem = q.filter(name, value)
		case "token":
			problem = q.takeToken(pair, value)
		default:
			problem = more(name, value)
		}
		if problem != "" {
			return Query{}, problem
		}
	}
	return q, ""
}

// Unescape returns a value without its escapes; of one that is not escaped well, nothing.
func Unescape(value string) string {
	if strings.ContainsAny(value, "%+") {
		value, _ = url.QueryUnescape(value)
	}
	return value
}

func (q *Query) filter(name, value string) (problem string) {
	value = Unescape(value)
	ok := true
	if name == "filter" {
		value, ok = strings.CutPrefix(value, "tracks:")
	}
	if !ok || !route.Selector(value) {
		return "filter: expected tracks as in tracks:v1a1"
	}
	q.Tracks = value
	return ""
}

// takeToken keeps a token as it came, so that what signed it will know it again. What
// it may hold needs no escaping in XML.
func (q *Query) takeToken(pair, value string) (problem string) {
	if value == "" || q.Token != "" {
		return ""
	}
	if len(value) > maxToken {
		return "the token is too long"
	}
	for _, c := range []byte(value) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~%+=:/@!$*,", c) >= 0:
		default:
			return "token: expected a value that is escaped for URLs"
		}
	}
	q.Token = pair
	return ""
}
