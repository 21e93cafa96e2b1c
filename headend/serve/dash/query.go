package dash

import (
	"time"

	"sigma/headend/serve/ask"
)

// query is what the query string of a request says.
type query struct {
	ask.Query
	from time.Time // of a patch: the publishTime of the MPD that the client has
}

// parseQuery reads a query string; problem says what is wrong with it.
func parseQuery(raw string) (q query, problem string) {
	q.Query, problem = ask.ParseQuery(raw, func(name, value string) (problem string) {
		if name != "publishTime" {
			return ""
		}
		at, err := time.Parse(time.RFC3339Nano, ask.Unescape(value))
		if q.from = at; err != nil {
			return "publishTime: expected a date as MPDs have it"
		}
		return ""
	})
	return q, problem
}
