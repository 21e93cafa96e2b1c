package webrtc

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// offerOf returns an offer of pion for one audio and one video track.
func offerOf(t testing.TB) (*sink, string) {
	t.Helper()
	k := newPlayer(t, nil)
	o, err := k.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	return k, o.SDP
}

func TestHTTP(t *testing.T) {
	c := play(t, plainClip(t, 10, "-c:a", "aac"))
	b := start(t, map[string]*channel{"one": c}, func(s *Server) {
		s.ICEServers = []ICEServer{{URL: "stun:stun.example.net"}, {"turn:turn.example.net?transport=udp", "u", "c"}}
	})
	_, offer := offerOf(t)
	post := func(path, kind, text string) response {
		return request(t, http.MethodPost, b.url+path, kind, text, nil)
	}

	for _, c := range []struct {
		name   string
		got    response
		status int
	}{
		{"no channel", post("/two/whep", typeSDP, offer), 404},
		{"wrong type", post("/one/whep", "text/plain", offer), 415},
		{"not SDP", post("/one/whep", typeSDP, "hello"), 400},
		{"no media", post("/one/whep", typeSDP, "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"), 400},
		{"no fingerprint", post("/one/whep", typeSDP, strings.ReplaceAll(offer, "a=fingerprint", "a=x")), 400},
		{"too long", post("/one/whep", typeSDP, offer+strings.Repeat("a=x\r\n", maxBody/5)), 413},
		{"no session", request(t, http.MethodDelete, b.url+"/one/whep/nothing", "", "", nil), 404},
		{"PUT", request(t, http.MethodPut, b.url+"/one/whep", typeSDP, offer, nil), 405},
	} {
		if c.got.status != c.status || c.got.header.Get("Content-Type") != typeProblem {
			t.Errorf("%s: %d %s, want %d and a problem", c.name, c.got.status, c.got.header.Get("Content-Type"), c.status)
		}
		var p problem
		if err := json.Unmarshal([]byte(c.got.body), &p); err != nil || p.Status != c.status || p.Detail == "" {
			t.Errorf("%s: body %q", c.name, c.got.body)
		}
	}

	r := request(t, http.MethodOptions, b.url+"/one/whep", "", "", nil)
	if r.status != 200 || r.header.Get("Accept-Post") != typeSDP || len(r.header.Values("Link")) != 2 {
		t.Errorf("OPTIONS: %d %v", r.status, r.header)
	}
	r = request(t, http.MethodOptions, b.url+"/one/whep", "", "", map[string]string{"Access-Control-Request-Method": "POST", "Origin": "http://x"})
	if len(r.header.Values("Link")) != 0 || !strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "If-Match") {
		t.Errorf("preflight: %v", r.header)
	}
	r = request(t, http.MethodHead, b.url+"/one/whep", "", "", nil)
	if r.status != 200 || r.header.Get("Content-Type") != typeSDP {
		t.Errorf("HEAD: %d %v", r.status, r.header)
	}

	r = post("/one/whep", typeSDP, offer)
	location, etag := r.header.Get("Location"), r.header.Get("ETag")
	if r.status != 201 || !strings.HasPrefix(location, "/one/whep/") || len(location) < len("/one/whep/")+32 || !strings.HasPrefix(etag, `"`) {
		t.Fatalf("POST: %d, Location %q, ETag %q: %s", r.status, location, etag, r.body)
	}
	if want := `<turn:turn.example.net?transport=udp>; rel="ice-server"; username="u"; credential="c"; credential-type="password"`; r.header.Values("Link")[1] != want {
		t.Errorf("Link %q", r.header.Values("Link"))
	}
	if !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "ETag") || !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "Location") {
		t.Error("a browser cannot read ETag and Location")
	}
	for _, want := range []string{"a=ice-lite", "a=setup:passive", "a=sendonly", "a=rtcp-mux", "a=end-of-candidates", "tcptype passive", "m=audio 0 "} {
		if !strings.Contains(r.body, want) {
			t.Errorf("answer lacks %s:\n%s", want, r.body)
		}
	}

	patch := func(match, kind, text string) response {
		h := map[string]string{}
		if match != "" {
			h["If-Match"] = match
		}
		return request(t, http.MethodPatch, b.url+location, kind, text, h)
	}
	var ufrag string
	for line := range strings.SplitSeq(offer, "\r\n") {
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			ufrag = v
		}
	}
	trickle := "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 quic 1 nowhere.invalid 9 typ host\r\n"
	again := "a=ice-ufrag:another\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
	for _, c := range []struct {
		name, match, kind, text string
		status                  int
	}{
		{"trickle", etag, typeFragment, trickle, 204},
		{"no If-Match", "", typeFragment, trickle, 428},
		{"other ETag", `"x"`, typeFragment, trickle, 412},
		{"malformed", etag, typeFragment, "candidate", 400},
		{"wrong type", etag, "text/plain", trickle, 415},
		{"answer to nothing", etag, typeSDP, offer, 409},
		{"a list of ETags", `"x", ` + etag, typeFragment, trickle, 204},
		{"weak ETag", "W/" + etag, typeFragment, trickle, 412},
		{"longer ETag", `"x` + etag[1:], typeFragment, trickle, 412},
		{"restart of another session", `"x"`, typeFragment, again, 412},
		{"restart without password", "*", typeFragment, "a=ice-ufrag:another\r\n", 400},
	} {
		r := patch(c.match, c.kind, c.text)
		if r.status != c.status || r.header.Get("ETag") != "" || r.status == 204 && r.body != "" || r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("PATCH, %s: %d %v %s, want %d", c.name, r.status, r.header, r.body, c.status)
		}
	}
	r = patch("*", typeFragment, again)
	if r.status != 200 || r.header.Get("ETag") == etag || !strings.Contains(r.body, "a=ice-pwd:") || r.header.Get("Content-Type") != typeFragment {
		t.Errorf("ICE restart: %d %v %s", r.status, r.header, r.body)
	}
	newer, trickle := r.header.Get("ETag"), strings.Replace(trickle, ufrag, "another", 1)
	if a, b := patch(etag, typeFragment, trickle), patch(newer, typeFragment, trickle); a.status != 412 || b.status != 204 {
		t.Errorf("candidates after an ICE restart: %d with the old ETag, %d with the new one", a.status, b.status)
	}
	if r := request(t, http.MethodGet, b.url+location, "", "", nil); r.status != 204 {
		t.Errorf("GET of a session: %d", r.status)
	}
	if r := request(t, http.MethodOptions, b.url+location, "", "", nil); r.status != 200 || !strings.Contains(r.header.Get("Accept-Patch"), typeFragment) || !strings.Contains(r.header.Get("Allow"), "DELETE") {
		t.Errorf("OPTIONS of a session: %d %v", r.status, r.header)
	}
	if r := request(t, http.MethodDelete, b.url+location, "", "", map[string]string{"If-Match": `"wrong"`}); r.status != 200 {
		t.Errorf("DELETE: %d", r.status)
	}
	if r := request(t, http.MethodDelete, b.url+location, "", "", nil); r.status != 404 {
		t.Errorf("second DELETE: %d", r.status)
	}
}

// What is not there yet is 503, what browsers cannot show 409, both with the reason.
func TestRefusals(t *testing.T) {
	empty := &channel{}
	*empty = *play(t, nil)
	bframes := play(t, clip(t, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "8", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"))
	mpeg2 := play(t, clip(t, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "8", "-c:v", "mpeg2video", "-g", "12"))
	b := start(t, map[string]*channel{"empty": empty, "b": bframes, "2": mpeg2}, func(s *Server) { s.Wait = 2 * time.Second })
	_, offer := offerOf(t)
	for _, c := range []struct {
		channel string
		status  int
		text    string
	}{
		{"empty", 503, "no picture"},
		{"b", 409, "B-frames"},
		{"2", 409, "MPEG-2"},
	} {
		r := request(t, http.MethodPost, b.url+"/"+c.channel+"/whep", typeSDP, offer, nil)
		if r.status != c.status || !strings.Contains(r.body, c.text) {
			t.Errorf("%s: %d %s, want %d with %q", c.channel, r.status, r.body, c.status, c.text)
		}
	}
	until(t, "the channels are given back", 5*time.Second, func() bool { return bframes.face.Readers()+mpeg2.face.Readers()+empty.face.Readers() == 0 })
}

// A player whose offer has no codec of the channel is given an offer, and plays what it
// answers.
func TestCounterOffer(t *testing.T) {
	c := play(t, plainClip(t, 12, "-c:a", "libopus"))
	b := start(t, map[string]*channel{"one": c}, func(s *Server) { s.ICEServers = []ICEServer{{URL: "stun:stun.example.net"}} })
	k, offer := offerOf(t)
	if r := request(t, http.MethodPost, b.url+"/one/whep", typeSDP, strings.ReplaceAll(offer, "a=recvonly", "a=sendonly"), nil); r.status != 406 {
		t.Errorf("an offer to send: %d %s", r.status, r.body)
	}
	offer = strings.NewReplacer("H264/90000", "H263/90000", "opus/48000", "speex/48000", "PCMU", "PCMX", "PCMA", "PCMX").Replace(offer)
	offer = strings.NewReplacer(" 0 8", "", " 9 0 8", "").Replace(offer)
	r := request(t, http.MethodPost, b.url+"/one/whep", typeSDP, offer, nil)
	if r.status != 406 || !strings.Contains(r.header.Get("Content-Type"), `valid-until="`) || r.header.Get("ETag") == "" || len(r.header.Values("Link")) != 1 {
		t.Fatalf("POST: %d %v %s", r.status, r.header, r.body)
	}
	for _, want := range []string{"a=setup:actpass", "a=sendonly", "a=rtcp-mux-only", "H264/90000", "opus/48000/2"} {
		if !strings.Contains(r.body, want) {
			t.Errorf("offer lacks %s:\n%s", want, r.body)
		}
	}
	valid, err := http.ParseTime(strings.Split(r.header.Get("Content-Type"), `"`)[1])
	if d := time.Until(valid); err != nil || d < 20*time.Second || d > 40*time.Second {
		t.Errorf("valid for %v, %v", d, err)
	}
	_ = k.pc.Close()
	p := newPlayer(t, nil)
	if err := p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: r.body}); err != nil {
		t.Fatalf("%v\n%s", err, r.body)
	}
	a, err := p.pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.pc.SetLocalDescription(a); err != nil {
		t.Fatal(err)
	}
	if r := request(t, http.MethodPatch, b.url+r.header.Get("Location"), typeSDP, a.SDP, nil); r.status != 204 {
		t.Fatalf("PATCH: %d %s", r.status, r.body)
	}
	if r := request(t, http.MethodPatch, b.url+r.header.Get("Location"), typeSDP, a.SDP, nil); r.status != 409 {
		t.Errorf("the same answer again: %d %s", r.status, r.body)
	}
	until(t, "video and sound", 8*time.Second, func() bool { v, a := p.got(); return v.stamps > 25 && a.stamps > 25 })
}

// Limits hold: sessions, and requests of one address.
func TestLimits(t *testing.T) {
	c := play(t, plainClip(t, 8, "-an"))
	b := start(t, map[string]*channel{"one": c}, func(s *Server) { s.MaxSessions, s.Rate, s.Setup = 2, 3, time.Second })
	_, offer := offerOf(t)
	var status []int
	for range 8 {
		status = append(status, request(t, http.MethodPost, b.url+"/one/whep", typeSDP, offer, nil).status)
	}
	if status[0] != 201 || status[1] != 201 || status[2] != 503 || status[7] != 429 {
		t.Errorf("statuses %v, want two sessions, then 503, then 429", status)
	}
	// Nobody connects: the sessions are given up.
	until(t, "the sessions end", 5*time.Second, func() bool { return b.Counters().Sessions == 0 && c.face.Readers() == 0 })
}

// choosy lets nobody in, or sends everybody away at once.
type choosy struct {
	err  error
	done chan string
}

func (c choosy) Open(_ *http.Request, _, _ string, end func(string)) (func(bytes, skips int64), func(string), error) {
	if c.err == nil {
		end("sent away")
	}
	return func(int64, int64) {}, func(why string) { c.done <- why }, c.err
}

// Who may not watch makes nothing begin, and who is sent away while it begins is gone.
func TestWhoMayWatchIsAskedFirst(t *testing.T) {
	empty := play(t, nil)
	viewers := &choosy{err: errors.New("not paid"), done: make(chan string, 1)}
	b := start(t, map[string]*channel{"empty": empty}, func(s *Server) { s.Wait, s.Viewers = 100*time.Millisecond, viewers })
	_, offer := offerOf(t)
	if r := request(t, http.MethodPost, b.url+"/empty/whep", typeSDP, offer, nil); r.status != 403 || !strings.Contains(r.body, "not paid") {
		t.Errorf("%d %s, want 403 though there is no picture", r.status, r.body)
	}
	viewers.err = nil
	if r := request(t, http.MethodPost, b.url+"/empty/whep", typeSDP, offer, nil); r.status != 503 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if why := <-viewers.done; why != "the session did not begin" {
		t.Errorf("ended because %q", why)
	}
	full := play(t, plainClip(t, 8, "-an"))
	b = start(t, map[string]*channel{"one": full}, func(s *Server) { s.Viewers = viewers })
	if r := request(t, http.MethodPost, b.url+"/one/whep", typeSDP, offer, nil); r.status != 403 || !strings.Contains(r.body, "sent away") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if why := <-viewers.done; why != "sent away" {
		t.Errorf("ended because %q", why)
	}
}
