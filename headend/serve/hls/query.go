package hls

import (
	"net/url"
	"strconv"
	"strings"

	"sigma/headend/serve/route"
)

// query is what the query string of a request says. It is a value without pointers
// into anything but the request.
type query struct {
	tracks   string // selector of filter=tracks:T or filter.tracks=T
	separate bool   // separate_audio=true: every audio track is a rendition of its own
	token    string // "?token=…", for the URIs of the answer

	// Delivery directives (draft-pantos-hls-rfc8216bis clause 6.2.5).
	blocked bool   // _HLS_msn was given
	msn     uint64 //
	part    int    // -1 when not given
	skip    bool   // _HLS_skip=YES or v2
}

const (
	maxQuery = 4096
	maxToken = 1024
	maxPart  = 1 << 20
)

// parseQuery reads a query string; problem says what is wrong with it. Names that are
// not known are passed over. It does not allocate unless values are escaped.
func parseQuery(raw string) (q query, problem string) {
	if len(raw) > maxQuery {
		return q, "the query is too long"
	}
	q.part = -1
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "filter", "filter.tracks":
			problem = q.filter(name, value)
		case "separate_audio":
			q.separate = value == "true" || value == "1"
		case "token":
			problem = q.takeToken(pair, value)
		case "_HLS_msn":
			n, err := strconv.ParseUint(value, 10, 64)
			if q.msn, q.blocked = n, true; err != nil {
				problem = "_HLS_msn: expected a media sequence number"
			}
		case "_HLS_part":
			n, err := strconv.ParseUint(value, 10, 64)
			if q.part = int(min(n, maxPart)); err != nil {
				problem = "_HLS_part: expected the index of a part"
			}
		case "_HLS_skip":
			q.skip = value == "YES" || value == "v2"
		}
		if problem != "" {
			return query{}, problem
		}
	}
	if q.part >= 0 && !q.blocked {
		return query{}, "_HLS_part needs _HLS_msn" // clause 6.2.5.2
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

// takeToken keeps a token as it came, so that what signed it will know it again.
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
	q.token = "?" + pair
	return ""
}
