package webrtc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sigma/headend/serve/route"
	"sigma/mux/flow"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
	typeProblem  = "application/problem+json"

	maxBody      = 64 << 10
	counterValid = 30 * time.Second // of a counter-offer
	bodyTimeout  = 10 * time.Second
)

var errFull = errors.New("as many viewers as are allowed are here already")

// problem is an answer in the form of RFC 9457.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
}

func (p problem) send(w http.ResponseWriter) {
	p.Title = http.StatusText(p.Status)
	body, _ := json.Marshal(p) // numbers and text: cannot fail
	w.Header().Set("Content-Type", typeProblem)
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // who asked may be gone
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	problem{Status: status, Detail: fmt.Sprintf(format, args...)}.send(w)
}

// ServeHTTP answers one request of WHEP.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After")
	h.Set("Cache-Control", "no-store")
	rt := route.Parse(r.URL.Path)
	if rt.Kind != route.WHEP {
		refuse(w, http.StatusNotFound, "no such page")
		return
	}
	switch r.Method {
	case http.MethodPost, http.MethodPatch, http.MethodDelete:
		s.mu.Lock()
		ok := s.limiter.allow(address(r), s.now(), cmp.Or(s.Rate, 20))
		s.mu.Unlock()
		if !ok {
			h.Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "too many requests from this address: wait a second")
			return
		}
	case http.MethodOptions:
		s.options(w, r, rt.Name != "")
		return
	}
	if rt.Name == "" {
		s.endpoint(w, r, rt.Channel)
	} else {
		s.resource(w, r, rt)
	}
}

// address returns where a request comes from; the zero address if that is not known.
func address(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// options answers OPTIONS: a browser's preflight, or a player that asks what is possible.
func (s *Server) options(w http.ResponseWriter, r *http.Request, session bool) {
	h := w.Header()
	if session {
		h.Set("Allow", "OPTIONS, GET, HEAD, PATCH, DELETE")
		h.Set("Accept-Patch", typeFragment+", "+typeSDP)
	} else {
		h.Set("Allow", "OPTIONS, GET, HEAD, POST")
		h.Set("Accept-Post", typeSDP)
	}
	h.Set("Access-Control-Allow-Methods", h.Get("Allow"))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "86400")
	if r.Header.Get("Access-Control-Request-Method") == "" {
		s.links(h)
	}
	w.WriteHeader(http.StatusOK)
}

// links names the ICE servers.
func (s *Server) links(h http.Header) {
	for _, i := range s.ICEServers {
		l := "<" + i.URL + `>; rel="ice-server"`
		if i.Username != "" {
			l += fmt.Sprintf(`; username=%q; credential=%q; credential-type="password"`, i.Username, i.Credential)
		}
		h.Add("Link", l)
	}
}

// endpoint answers for /N/whep.
func (s *Server) endpoint(w http.ResponseWriter, r *http.Request, channel string) {
	switch {
	case s.Lookup(channel) == nil:
		refuse(w, http.StatusNotFound, "no such channel")
	case r.Method == http.MethodHead:
		w.Header().Set("Content-Type", typeSDP)
		w.Header().Set("Accept-Post", typeSDP)
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodGet:
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD, POST")
		refuse(w, http.StatusMethodNotAllowed, "expected POST with an SDP offer")
	default:
		s.post(w, r, channel)
	}
}

// body reads the body of a request if it is of a type. It answers itself if not.
func body(w http.ResponseWriter, r *http.Request, types ...string) (text []byte, kind string, ok bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !strings.Contains("|"+strings.Join(types, "|")+"|", "|"+kind+"|") {
		refuse(w, http.StatusUnsupportedMediaType, "Content-Type %q: expected %s", r.Header.Get("Content-Type"), strings.Join(types, " or "))
		return nil, "", false
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // a writer without deadlines is one of a test
	text, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "the body did not come, or is longer than %d bytes", maxBody)
		return nil, "", false
	}
	return text, kind, true
}

// post makes a session of an offer.
func (s *Server) post(w http.ResponseWriter, r *http.Request, channel string) {
	text, _, ok := body(w, r, typeSDP)
	if !ok {
		return
	}
	offer, err := parseSDP(text)
	if err != nil {
		refuse(w, http.StatusBadRequest, "%s", err)
		return
	}
	at, err := s.admit(r, channel) // before anything is made for it
	if err != nil {
		status := http.StatusForbidden
		if f := interface{ HTTPStatus() int }(nil); errors.As(err, &f) {
			status = f.HTTPStatus()
		}
		refuse(w, status, "%s", err)
		return
	}
	kept := false
	defer func() {
		if !kept {
			at.done("the session did not begin")
		}
	}()
	f, err := s.feedOf(channel)
	if err != nil || f == nil {
		s.unavailable(w, cmp.Or(err, errors.New("the channel went off air")))
		return
	}
	defer func() {
		if !kept {
			s.release(f)
		}
	}()
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(s.Wait, 5*time.Second))
	defer cancel()
	ch, err := f.choose(ctx, r.URL.Query().Get("filter"))
	switch {
	case errors.Is(err, errNoPicture):
		s.unavailable(w, err)
		return
	case err != nil:
		refuse(w, http.StatusConflict, "%s", err)
		return
	}
	x, err := s.newSession(f, at)
	if err != nil {
		s.unavailable(w, err)
		return
	}
	kept = true
	if why := at.bind(x); why != "" {
		x.end(why)
		refuse(w, http.StatusForbidden, "%s", why)
		return
	}
	use := agree(offer, ch)
	if !used(use) {
		s.counter(w, x, ch)
		return
	}
	x.adopt(offer, use, ch)
	h := w.Header()
	h.Set("Content-Type", typeSDP)
	x.mu.Lock()
	h.Set("ETag", x.etag)
	x.mu.Unlock()
	h.Set("Location", x.location())
	h.Set("Accept-Patch", typeFragment)
	s.links(h)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, x.answer(offer, use)) // who asked may be gone
}

func (s *Server) unavailable(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "2")
	refuse(w, http.StatusServiceUnavailable, "%s", err)
}

func (x *session) location() string {
	return (&urlPath{x.feed.name, x.id}).String()
}

// urlPath is the path of a session.
type urlPath struct{ channel, id string }

func (u *urlPath) String() string {
	return "/" + escape(u.channel) + "/whep/" + u.id
}

// seat is the place of a viewer, who may have to go before its session has begun.
type seat struct {
	sent func(bytes, skips int64)
	done func(why string)

	mu  sync.Mutex
	x   *session // nil until it has begun
	why string   // the viewer has to go
}

// admit begins to count the viewer. An error says that it may not watch.
func (s *Server) admit(r *http.Request, channel string) (at *seat, err error) {
	at = &seat{sent: func(int64, int64) {}, done: func(string) {}}
	if s.Viewers != nil {
		at.sent, at.done, err = s.Viewers.Open(r, channel, "webrtc", at.end)
	}
	return at, err
}

// end ends the session, or has it end as soon as it begins.
func (at *seat) end(why string) {
	at.mu.Lock()
	at.why = cmp.Or(why, "the viewer has to go")
	x := at.x
	at.mu.Unlock()
	if x != nil {
		x.end(why)
	}
}

// bind says whose place it is. It returns why the viewer had to go meanwhile, or nothing.
func (at *seat) bind(x *session) (why string) {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.x = x
	return at.why
}

func used(use []*sending) bool {
	for _, u := range use {
		if u != nil {
			return true
		}
	}
	return false
}

// adopt takes what was agreed on.
func (x *session) adopt(r *remote, use []*sending, ch choice) {
	v := x.viewer
	v.mu.Lock()
	for i, u := range use {
		switch {
		case u == nil:
		case r.sections[i].kind == "video":
			v.video = u.stream
			v.ladder.fixed = ch.fixed
		default:
			v.audio = u.stream
		}
	}
	v.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remote, x.counter = r, nil
}

// agreement is a counter-offer.
type agreement struct {
	offer  *remote
	choice choice
	use    []*sending
}

// counter answers an offer that has nothing in common with the channel by an offer of
// what there is.
func (s *Server) counter(w http.ResponseWriter, x *session, ch choice) {
	offer := counterOffer(ch)
	use := agree(offer, ch)
	x.mu.Lock()
	x.counter = &agreement{offer, ch, use}
	x.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", typeSDP+`; valid-until="`+s.wall().Add(counterValid).UTC().Format(http.TimeFormat)+`"`)
	x.mu.Lock()
	h.Set("ETag", x.etag)
	x.mu.Unlock()
	h.Set("Location", x.location())
	h.Set("Accept-Patch", typeFragment+", "+typeSDP)
	s.links(h)
	w.WriteHeader(http.StatusNotAcceptable)
	_, _ = io.WriteString(w, x.offer(offer, use)) // who asked may be gone
}

// resource answers for /N/whep/SESSION.
func (s *Server) resource(w http.ResponseWriter, r *http.Request, rt route.Route) {
	x := s.session(rt.Channel, rt.Name)
	switch {
	case x == nil:
		refuse(w, http.StatusNotFound, "no such session, or it has ended")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		x.end("the player has ended the session")
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodPatch:
		x.patch(w, r)
	default:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD, PATCH, DELETE")
		refuse(w, http.StatusMethodNotAllowed, "expected PATCH or DELETE")
	}
}

// patch takes candidates, an ICE restart, or the answer to a counter-offer.
func (x *session) patch(w http.ResponseWriter, r *http.Request) {
	text, kind, ok := body(w, r, typeFragment, typeSDP)
	switch {
	case !ok:
	case kind == typeSDP:
		x.answered(w, text)
	default:
		x.fragment(w, r, text)
	}
}

// answered takes the answer to a counter-offer.
func (x *session) answered(w http.ResponseWriter, text []byte) {
	x.mu.Lock()
	waiting := x.counter
	x.mu.Unlock()
	if waiting == nil {
		refuse(w, http.StatusConflict, "there is no offer to be answered")
		return
	}
	r, err := parseSDP(text)
	if err != nil {
		refuse(w, http.StatusBadRequest, "%s", err)
		return
	}
	if len(r.sections) != len(waiting.offer.sections) {
		refuse(w, http.StatusBadRequest, "%d media sections, expected the %d of the offer", len(r.sections), len(waiting.offer.sections))
		return
	}
	use := agree(r, waiting.choice)
	if !used(use) {
		refuse(w, http.StatusUnprocessableEntity, "the answer takes nothing of the offer")
		return
	}
	for i, u := range use {
		if was := waiting.use[i]; u != nil && was != nil {
			u.stream.ssrc, u.stream.rtx = was.stream.ssrc, was.stream.rtx
		}
	}
	x.adopt(r, use, waiting.choice)
	w.WriteHeader(http.StatusNoContent)
}

// fragment takes an SDP fragment of RFC 8840. The lite side of ICE needs no candidates,
// and finds out by itself whether they work.
func (x *session) fragment(w http.ResponseWriter, r *http.Request, text []byte) {
	ufrag, password, err := parseFragment(text)
	if err != nil {
		refuse(w, http.StatusBadRequest, "%s", err)
		return
	}
	match := r.Header.Get("If-Match")
	x.mu.Lock()
	etag, known := x.etag, ""
	if x.remote != nil {
		known = x.remote.ufrag
	}
	x.mu.Unlock()
	restart := ufrag != "" && known != "" && ufrag != known
	switch {
	case match == "":
		refuse(w, http.StatusPreconditionRequired, `expected If-Match: with the ETag of the session, or "*" for an ICE restart`)
		return
	case restart && password == "":
		refuse(w, http.StatusBadRequest, "the fragment has an ice-ufrag and no ice-pwd")
		return
	case !named(match, etag):
		refuse(w, http.StatusPreconditionFailed, "the session has another ETag")
		return
	case !restart:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	x.mu.Lock()
	if x.remote != nil {
		next := *x.remote
		next.ufrag = ufrag
		x.remote = &next
	}
	x.mu.Unlock()
	creds, etag := x.restart()
	w.Header().Set("Content-Type", typeFragment)
	w.Header().Set("ETag", etag)
	w.WriteHeader(http.StatusOK)
	var b strings.Builder
	fmt.Fprintf(&b, "a=ice-lite\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", creds.ufrag, creds.password)
	for _, line := range x.server.candidates() {
		fmt.Fprintf(&b, "a=%s\r\n", line)
	}
	b.WriteString("a=end-of-candidates\r\n")
	_, _ = io.WriteString(w, b.String()) // who asked may be gone
}

// named reports whether an If-Match names a strong ETag (RFC 9110 clause 13.1.1).
func named(match, etag string) bool {
	for one := range strings.SplitSeq(match, ",") {
		if one = strings.TrimSpace(one); one == "*" || one == etag {
			return true
		}
	}
	return false
}

var errFragment = errors.New("the SDP fragment is malformed")

// parseFragment returns the credentials of an SDP fragment. Lines that make no sense to
// us are passed over, as candidates are.
func parseFragment(text []byte) (ufrag, password string, err error) {
	for line := range strings.SplitSeq(string(text), "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return "", "", fmt.Errorf("%w: a line begins with %.20q", errFragment, line)
		}
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok && ufrag == "" {
			ufrag = v
		}
		if v, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok && password == "" {
			password = v
		}
	}
	return ufrag, password, nil
}

// choose returns what of the channel the player is sent. filter is of the form
// "tracks:v2a1", or empty.
func (f *feed) choose(ctx context.Context, filter string) (ch choice, err error) {
	tracks, err := f.offerable(ctx)
	if err != nil {
		return ch, err
	}
	wish := selector(filter)
	var reason string
	for _, t := range tracks {
		if !t.video || ch.video != nil {
			continue
		}
		if t.clock == 0 {
			reason = cmp.Or(reason, "the video is "+codecName(t.codec)+", which browsers do not know")
			continue
		}
		if p := t.trouble(); p != "" {
			reason = cmp.Or(reason, p)
			continue
		}
		rungs := f.rungs(t.codec)
		ch.video = f.first(rungs)
		for _, r := range rungs {
			if r.id == wish['v'] {
				ch.video, ch.fixed = r, true
			}
		}
		if t.codec == flow.CodecH264 {
			ch.profile = t.profile()
		}
	}
	if ch.audio, err = f.sound(tracks, wish['a']); err != nil {
		f.server.Log.Debug("WebRTC without sound", "channel", f.name, "err", err)
	}
	switch {
	case ch.video == nil && reason != "":
		return ch, errors.New(reason)
	case ch.video == nil && ch.audio == nil:
		return ch, cmp.Or(err, errNoPicture)
	}
	return ch, nil
}

// selector reads "tracks:v2a1": the wish for each kind of track.
func selector(filter string) map[byte]string {
	out := map[byte]string{}
	s, ok := strings.CutPrefix(filter, "tracks:")
	for ok && len(s) >= 2 && len(out) < 4 {
		end := 1
		for end < len(s) && end < 3 && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		if end == 1 {
			break
		}
		if _, have := out[s[0]]; !have {
			out[s[0]] = s[:end]
		}
		s = s[end:]
	}
	return out
}
