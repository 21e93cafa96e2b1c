package dash_test

import (
	"net/http/httptest"
	"net/url"
	"testing"
)

// FuzzQuery asks for an MPD with any query: the answer is one that parses, or a refusal.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "filter=tracks:v1a1", "filter.tracks=t1", "token=a$b%22", "token=<>", "publishTime=2026-11-22T08:06:38.260Z", "filter=tracks%3Av2&token=x", "&&=&"} {
		f.Add(s)
	}
	s := newShow(full())
	s.at(21, 20)
	h := offer(s)
	f.Fuzz(func(t *testing.T, q string) {
		for _, path := range []string{"/tv/news/index.mpd", "/tv/news/index.ll.mpp"} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL = &url.URL{Path: path, RawQuery: q}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch w.Code {
			case 200:
				parse(t, w.Body.String())
			case 400, 404:
			default:
				t.Errorf("%d", w.Code)
			}
		}
	})
}
