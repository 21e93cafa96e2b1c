// Package player owns the pages for people: N/embed.html, which plays a channel by
// whatever protocol the browser can, the list of channels, and N/media_info.json, which
// tells players what a channel is and how it is offered.
//
// It serves no media and knows no protocol: what is offered it is told.
package player

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
)

// Channel is a channel as the pages show it. It is immutable.
type Channel struct {
	Name     string
	Title    string       // for people; empty: the name
	Source   reply.Source // nil: nothing is known of its tracks
	Offered  []string     // protocols of Protocols that are on offer
	Pictures bool         // it has N/preview.jpg
	Sound    bool         // WebRTC can make sound into Opus
}

func (c *Channel) title() string {
	if c.Title == "" {
		return c.Name
	}
	return c.Title
}

// Handler answers the pages, their scripts, and N/media_info.json. The exported fields
// are arguments; it is safe for concurrent use and must not be copied.
type Handler struct {
	Lookup func(name string) *Channel // nil for a channel that has no page
	List   func() []*Channel          // for the list of channels, in order
	Title  func() string              // of the list
	Now    func() time.Time
	Assets *Assets // nil: those that were built in

	once   sync.Once
	assets *Assets
}

// policy lets a page use what comes from its own server, and nothing else. Pages of
// others may frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"

// listPolicy is policy for the list of channels, which nobody needs to frame.
var listPolicy = strings.Replace(policy, "frame-ancestors *", "frame-ancestors 'self'", 1)

// Prefix begins the paths of what the pages load.
const Prefix = "/streamer/player/"

// Owns reports whether a path is of what the pages load.
func Owns(path string) bool { return strings.HasPrefix(path, Prefix) }

func (h *Handler) files() *Assets {
	h.once.Do(func() {
		if h.assets = h.Assets; h.assets == nil {
			h.assets = BuiltIn()
		}
	})
	return h.assets
}

// ServeHTTP answers GET and HEAD of N/embed.html, N/media_info.json, and what Owns.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reply.Begin(w, r) {
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, Prefix); ok {
		h.files().serve(w, r, name)
		return
	}
	rt := route.Parse(r.URL.Path)
	c := h.Lookup(rt.Channel)
	switch {
	case c == nil:
		reply.Refuse(w, http.StatusNotFound, reply.NoCache, "no such channel")
	case rt.Kind == route.Embed:
		h.embed(w, r, c)
	case rt.Kind == route.MediaInfo:
		h.info(w, r, c)
	default:
		reply.Refuse(w, http.StatusNotFound, reply.NoCache, "not a page")
	}
}

// Front answers GET and HEAD of the list of channels.
func (h *Handler) Front(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		reply.Refuse(w, http.StatusMethodNotAllowed, reply.NoCache, "expected GET or HEAD, got another method")
		return
	}
	type row struct {
		Name, Title string
		Pictures    bool
	}
	var rows []row
	for _, c := range h.List() {
		rows = append(rows, row{c.Name, c.title(), c.Pictures})
	}
	h.page(w, r, "front.html", listPolicy, struct {
		Title, Assets string
		Channels      []row
	}{h.Title(), h.files().base(0), rows})
}

// embed answers with the page of a channel.
func (h *Handler) embed(w http.ResponseWriter, r *http.Request, c *Channel) {
	a := h.files()
	h.page(w, r, "embed.html", policy, struct{ Title, Name, Assets, Scripts string }{
		c.title(), c.Name, a.base(strings.Count(c.Name, "/") + 1), strings.Join(a.scripts, " "),
	})
}

// page answers with a page made of a template. Pages are asked for anew each time, and
// not sent again when they are the same.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, name, policy string, data any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		reply.Refuse(w, http.StatusInternalServerError, reply.NoCache, "the page cannot be made")
		return
	}
	hd := w.Header()
	hd.Set("Content-Security-Policy", policy)
	hd.Set("Referrer-Policy", "same-origin")
	hd.Set("X-Content-Type-Options", "nosniff")
	reply.NewBody(out.Bytes(), "text/html; charset=utf-8", "no-cache").Serve(w, r)
}

// pages are the templates.
var pages = template.Must(template.ParseFS(own, "page/*.html"))
