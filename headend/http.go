package headend

import (
	"context"
	"net/http"

	"sigma/headend/api"
	"sigma/headend/serve/hls"
	"sigma/headend/serve/httpts"
	"sigma/headend/serve/route"
	"sigma/mux/flow"
)

// handler answers everything on the HTTP address: the API by its paths, viewers by
// the last elements of theirs.
func (a *app) handler(operators http.Handler) http.Handler {
	segments := &hls.Handler{Viewers: &a.viewers, Lookup: func(name string) *hls.Channel {
		st, ok := a.engine.station(name)
		if !ok {
			return nil
		}
		return st.playlists.Load()
	}}
	stream := &httpts.Handler{Viewers: &a.viewers, Lookup: func(name string) (*flow.Ring[flow.Batch], context.Context) {
		st, ok := a.engine.station(name)
		if !ok {
			return nil, nil
		}
		offer := st.stream.Load()
		if offer == nil {
			return nil, nil
		}
		return st.channel.Ring(), offer.life
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case api.Owns(r.URL.Path):
			operators.ServeHTTP(w, r)
		case route.Parse(r.URL.Path).Kind == route.Stream:
			stream.ServeHTTP(w, r)
		default:
			segments.ServeHTTP(w, r)
		}
	})
}

// sessions are the viewers of now.
func (a *app) sessions() []api.Session {
	list := a.viewers.List()
	out := make([]api.Session, len(list))
	for i, s := range list {
		out[i] = api.Session(s)
	}
	return out
}
