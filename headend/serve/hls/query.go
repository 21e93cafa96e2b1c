package hls

import (
	"strconv"

	"sigma/headend/serve/ask"
)

// query is what the query string of a request says. It is a value without pointers
// into anything but the request.
type query struct {
	ask.Query
	separate bool // separate_audio=true: every audio track is a rendition of its own

	// Delivery directives (draft-pantos-hls-rfc8216bis clause 6.2.5).
	blocked bool   // _HLS_msn was given
	msn     uint64 //
	part    int    // -1 when not given
	skip    bool   // _HLS_skip=YES or v2
}

const maxPart = 1 << 20

// parseQuery reads a query string; problem says what is wrong with it. It does not
// allocate unless values are escaped.
func parseQuery(raw string) (q query, problem string) {
	q.part = -1
	q.Query, problem = ask.ParseQuery(raw, q.take)
	if problem == "" && q.part >= 0 && !q.blocked {
		problem = "_HLS_part needs _HLS_msn" // clause 6.2.5.2
	}
	if problem != "" {
		return query{}, problem
	}
	return q, ""
}

// take reads what only HLS has.
func (q *query) take(name, value string) (problem string) {
	switch name {
	case "separate_audio":
		q.separate = value == "true" || value == "1"
	case "_HLS_msn":
		n, err := strconv.ParseUint(value, 10, 64)
		if q.msn, q.blocked = n, true; err != nil {
			return "_HLS_msn: expected a media sequence number"
		}
	case "_HLS_part":
		n, err := strconv.ParseUint(value, 10, 64)
		if q.part = int(min(n, maxPart)); err != nil {
			return "_HLS_part: expected the index of a part"
		}
	case "_HLS_skip":
		q.skip = value == "YES" || value == "v2"
	}
	return ""
}
