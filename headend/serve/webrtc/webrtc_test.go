package webrtc

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A player of pion gets every picture and the sound, in order, protected by AES-GCM; the
// first key frame comes at once; when it goes, nothing of it is left.
func TestPlay(t *testing.T) {
	c := play(t, plainClip(t, 12, "-c:a", "libopus", "-b:a", "64k"))
	b := start(t, map[string]*channel{"news/one": c}, nil)
	until(t, "packets", 5*time.Second, func() bool { return time.Now().Nanosecond() >= 0 })
	time.AfterFunc(0, func() {})
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
