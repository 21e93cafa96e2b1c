package headend

import (
	"context"
	"net/http"
	"time"

	"sigma/headend/api"
	"sigma/headend/serve/dash"
	"sigma/headend/serve/hls"
	"sigma/headend/serve/httpts"
	"sigma/headend/serve/mss"
	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
	"sigma/headend/serve/session"
	"sigma/mux/flow"
)

// handler answers everything on the HTTP addresses: the API by its paths, viewers by
// the last elements of theirs.
func (a *app) handler(operators http.Handler) http.Handler {
	people := a.pages(a.engine.Root)
	players := a.players(&people)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api.Owns(r.URL.Path) {
			operators.ServeHTTP(w, r)
			return
		}
		if page := people.of(r.URL.Path); page != nil {
			page.ServeHTTP(w, r)
			return
		}
		rt := route.Parse(r.URL.Path)
		serve := players(rt)
		if serve == nil || !a.engine.playedOf(rt.Channel).allows(protocolsOf(rt)...) {
			reply.Refuse(w, http.StatusNotFound, reply.NoCache, "no such channel, or it is not offered this way")
			return
		}
		a.viewers.Serve(w, r, session.Visit{Channel: rt.Channel, Protocols: sessionsOf(rt), Part: rt.Kind == route.Init || rt.Kind == route.Preview}, serve)
	})
}

// players returns what answers the addresses of viewers, nil for an address that is
// none of theirs.
func (a *app) players(people *pages) func(route.Route) http.Handler {
	segments := &hls.Handler{Lookup: func(name string) *hls.Channel { return a.engine.playedOf(name).segments() }}
	manifests := &dash.Handler{Lookup: func(name string) *dash.Channel { return a.engine.playedOf(name).manifests() }, Now: time.Now}
	smooth := &mss.Handler{Lookup: func(name string) *mss.Channel { return a.engine.playedOf(name).smooth() }}
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
	}, Prepush: func(name string) time.Duration { return a.engine.doors(name).prepush }, Clock: monotonic}
	return func(rt route.Route) http.Handler {
		switch rt.Kind {
		case route.Stream:
			return stream
		case route.Manifest, route.Patch, route.Fragment, route.Clock:
			return manifests
		case route.Init:
			if rt.Tracks[0] == 't' { // text has a header for DASH alone
				return manifests
			}
			return segments
		case route.Multivariant, route.Media, route.Segment, route.Part:
			return segments
		case route.WHEP:
			return a.rtc
		case route.SmoothManifest, route.SmoothFragment:
			return smooth
		case route.Embed, route.MediaInfo:
			return people.player
		case route.Preview:
			return people.pictures
		case route.None:
		}
		return nil
	}
}
