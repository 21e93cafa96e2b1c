package webrtc

import (
	"net/http"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// A player of pion gets every picture and the sound, in order, protected by AES-GCM; the
// first key frame comes at once; when it goes, nothing of it is left.
func TestPlay(t *testing.T) {
	c := play(t, plainClip(t, 12, "-c:a", "libopus", "-b:a", "64k"))
	b := start(t, map[string]*channel{"news/one": c}, nil)
	<-time.After(1700 * time.Millisecond) // into the second group of pictures
	base, _ := ours()
	asked := time.Now()
	k := newSink(t, b.url+"/news/one/whep", nil)
	until(t, "connected", 5*time.Second, func() bool {
		select {
		case <-k.connected:
			return true
		default:
			return false
		}
	})
	linked := time.Now()
	until(t, "two seconds of video", 8*time.Second, func() bool { v, a := k.got(); return v.stamps > 60 && a.stamps > 60 })
	v, a := k.got()
	t.Logf("asked to connected %v, to first key frame %v; %+v", linked.Sub(asked), v.key.Sub(asked), b.Counters())
	if d := v.key.Sub(linked); d > 300*time.Millisecond {
		t.Errorf("first key frame %v after the connection", d)
	}
	if v.lost+v.back+v.jumps+a.lost+a.back+a.jumps != 0 {
		t.Errorf("video: %d lost, %d back, %d stamps back; audio: %d, %d, %d", v.lost, v.back, v.jumps, a.lost, a.back, a.jumps)
	}
	x := b.list()[0]
	x.viewer.mu.Lock()
	name := x.viewer.guard.name
	x.viewer.mu.Unlock()
	if !strings.Contains(name, "GCM") {
		t.Errorf("SRTP profile %s", name)
	}
	if !strings.HasPrefix(k.location, "/news/one/whep/") {
		t.Errorf("Location %q", k.location)
	}
	if r := request(t, http.MethodDelete, b.url+k.location, "", "", nil); r.status != http.StatusOK {
		t.Errorf("DELETE: %d", r.status)
	}
	select {
	case <-k.closed:
	case <-time.After(5 * time.Second):
		t.Error("the player was not told of the end")
	}
	until(t, "goroutines end", 5*time.Second, func() bool { n, _ := ours(); return n <= base })
	if n := c.face.Readers(); n != 0 {
		t.Errorf("%d readers of the channel are left", n)
	}
}

// A player that is reached over TCP alone plays too.
func TestTCP(t *testing.T) {
	c := play(t, plainClip(t, 14, "-c:a", "libopus"))
	b := start(t, map[string]*channel{"one": c}, nil)
	k := newSink(t, b.url+"/one/whep", func(se *pion.SettingEngine) { se.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeTCP4}) })
	until(t, "video and sound over TCP", 10*time.Second, func() bool { v, a := k.got(); return v.stamps > 50 && a.stamps > 50 })
	if v, _ := k.got(); v.lost+v.jumps != 0 {
		t.Errorf("%d lost, %d stamps back", v.lost, v.jumps)
	}
	if n := b.Counters().Datagrams; n != 0 {
		t.Errorf("%d datagrams went over UDP", n)
	}
}

// A player that goes silent is given up, and everything of it freed; so is one whose
// channel goes.
func TestSilence(t *testing.T) {
	c := play(t, plainClip(t, 14, "-an"))
	channels := map[string]*channel{"one": c}
	b, r := behind(t, channels, func(s *Server) { s.Consent = 2 * time.Second })
	k := newSink(t, b.url+"/one/whep", nil)
	until(t, "video", 8*time.Second, func() bool { v, _ := k.got(); return v.stamps > 5 })
	r.cut.Store(true)
	until(t, "the session ends", 6*time.Second, func() bool { return b.Counters().Sessions == 0 && c.face.Readers() == 0 })
	b.mu.Lock()
	left := len(b.names) + len(b.addrs) + len(b.feeds)
	b.mu.Unlock()
	if left != 0 {
		t.Errorf("%d entries are left of it", left)
	}
}

// The same session goes on after an ICE restart with other credentials; those before
// hold until then.
func TestICERestart(t *testing.T) {
	c := play(t, plainClip(t, 16, "-an"))
	b := start(t, map[string]*channel{"one": c}, nil)
	k := newSink(t, b.url+"/one/whep", nil)
	until(t, "video", 8*time.Second, func() bool { v, _ := k.got(); return v.stamps > 5 })
	o, err := k.pc.CreateOffer(&pion.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	var fragment strings.Builder
	for line := range strings.SplitSeq(o.SDP, "\r\n") {
		if strings.HasPrefix(line, "a=ice-ufrag:") || strings.HasPrefix(line, "a=ice-pwd:") {
			fragment.WriteString(line + "\r\n")
		}
	}
	r := request(t, http.MethodPatch, b.url+k.location, typeFragment, fragment.String(), map[string]string{"If-Match": "*"})
	if r.status != 200 {
		t.Fatalf("PATCH: %d %s", r.status, r.body)
	}
	answer := k.answer
	for _, key := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
		value := ""
		for line := range strings.SplitSeq(r.body, "\r\n") {
			if v, ok := strings.CutPrefix(line, key); ok {
				value = v
			}
		}
		lines := strings.Split(answer, "\r\n")
		for i, l := range lines {
			if strings.HasPrefix(l, key) {
				lines[i] = key + value
			}
		}
		answer = strings.Join(lines, "\r\n")
	}
	if err := k.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	v, _ := k.got()
	until(t, "video goes on", 10*time.Second, func() bool { w, _ := k.got(); return w.stamps > v.stamps+60 })
	if w, _ := k.got(); w.jumps != 0 || b.Counters().Sessions != 1 {
		t.Errorf("%d stamps back, %d sessions", w.jumps, b.Counters().Sessions)
	}
}
