package dash

import (
	"net/url"
	"strings"
	"time"

	"sigma/headend/serve/route"
)

// query is what the query string of a request says.
type query struct {
	tracks string    // selector of filter=tracks:T or filter.tracks=T
	token  string    // "token=…", for the URLs of the answer
	from   time.Time // of a patch: the publishTime of the MPD that the client has
}

const (
	maxQuery = 4096
	maxToken = 1024
)

// parseQuery reads a query string; problem says what is wrong with it. Names that are
// not known are passed over.
func parseQuery(raw string) (q query, problem string) {
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
		case "publishTime":
			if strings.ContainsAny(value, "%+") {
				value, _ = url.QueryUnescape(value)
			}
			at, err := time.Parse(time.RFC3339Nano, value)
			if q.from = at; err != nil {
				problem = "publishTime: expected a date as MPDs have it"
			}
		}
		if problem != "" {
			return query{}, problem
		}
	}
	return q, ""
}

func (q *query) filter(name, value string) (problem string) {
	if strings.ContainsAny(value, "%+") {
		value, _ = url.QueryUnescape(value)
	}
	ok := true
	if name == "filter" {
		value, ok = strings.CutPrefix(value, "tracks:")
	}
	if !ok || !route.Selector(value) {
		return "filter: expected tracks as in tracks:v1a1"
	}
	q.tracks = value
	return ""
}

// takeToken keeps a token as it came, so that what signed it will know it again. What
// it may hold needs no escaping in XML.
func (q *query) takeToken(pair, value string) (problem string) {
	if value == "" || q.token != "" {
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
	q.token = pair
	return ""
}
