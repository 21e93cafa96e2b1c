package session

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

func TestRequestsOfOneViewerAreOneSession(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &Registry{Now: func() time.Time { return now }}
	r.Seen("news", "hls", "10.0.0.1", "player", 100)
	now = now.Add(20 * time.Second)
	r.Seen("news", "hls", "10.0.0.1", "player", 50)
	r.Seen("news", "hls", "10.0.0.1", "other", 1)
	r.Seen("sport", "hls", "10.0.0.1", "player", 1)
	l := r.List()
	if len(l) != 3 || l[0].Bytes != 150 || !l[0].Opened.Equal(time.Unix(1000, 0)) || !l[0].Updated.Equal(now) {
		t.Fatalf("%+v", l)
	}
	if n := r.Count(); n["news"] != 2 || n["sport"] != 1 {
		t.Errorf("%v", n)
	}
	now = now.Add(31 * time.Second)
	if len(r.List()) != 0 || len(r.Count()) != 0 {
		t.Error("still there after 31 s")
	}
	id := l[0].ID
	r.Seen("news", "hls", "10.0.0.1", "player", 7)
	if l := r.List(); len(l) != 1 || l[0].Bytes != 7 || l[0].ID == id {
		t.Errorf("a new session continues the old: %+v", l)
	}
	if len(r.asked) != 1 {
		t.Errorf("%d kept", len(r.asked))
	}
}

func TestConnections(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &Registry{Now: func() time.Time { return now }}
	sent, done := r.Open("news", "mpegts", "::1", strings.Repeat("x", 1000))
	_, done2 := r.Open("news", "mpegts", "::1", "")
	now = now.Add(time.Hour)
	sent(1316, 1)
	l := r.List()
	if len(l) != 2 || l[0].Bytes+l[1].Bytes != 1316 || l[0].ID == l[1].ID || len(l[0].UserAgent)+len(l[1].UserAgent) != maxUserAgent {
		t.Fatalf("%+v", l)
	}
	done()
	done()
	if r.Count()["news"] != 1 {
		t.Errorf("%v", r.Count())
	}
	done2()
	if len(r.Count()) != 0 {
		t.Errorf("%v", r.Count())
	}
}

func TestNumberIsBounded(t *testing.T) {
	r := &Registry{Now: func() time.Time { return time.Unix(1, 0) }, Max: 10}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() { r.Seen("news", "hls", string(rune('a'+i)), "", 1) })
	}
	wg.Wait()
	if len(r.List()) != 10 || r.Uncounted() != 40 {
		t.Errorf("%d sessions, %d uncounted", len(r.List()), r.Uncounted())
	}
}

// TestOneAddressIsBounded: who makes up names does not take the places of others, and
// the places come back.
func TestOneAddressIsBounded(t *testing.T) {
	now := time.Unix(1, 0)
	r := &Registry{Now: func() time.Time { return now }, Max: 100}
	for range 3 {
		for i := range 50 {
			r.Seen("news", "hls", "192.0.2.1", strconv.Itoa(i), 1)
			r.Seen("news", "hls", "192.0.2.1", "0", 1) // known
		}
		r.Seen("news", "hls", "192.0.2.2", "player", 1)
		if n := r.Count()["news"]; n != 11 {
			t.Fatalf("%d viewers, want 10 of one address and 1 of another", n)
		}
		now = now.Add(time.Minute)
	}
	if r.Uncounted() != 3*40 {
		t.Errorf("%d uncounted", r.Uncounted())
	}
}

// TestRequestsAreNotKept: the names are parts of requests of up to 64 KiB.
func TestRequestsAreNotKept(t *testing.T) {
	r := &Registry{Now: time.Now}
	request := strings.Repeat("x", 64<<10) + "news" + strings.Repeat("y", 64<<10)
	r.Seen(request[64<<10:][:4], "hls", "192.0.2.1", request[64<<10:], 1)
	r.Open(request[64<<10:][:4], "mpegts", "192.0.2.1", request[64<<10:])
	within := func(s string) bool {
		at, from := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.StringData(request)))
		return at >= from && at < from+uintptr(len(request))
	}
	if !within(request[9:]) {
		t.Fatal("the test does not see parts of the request")
	}
	for k := range r.asked {
		if within(k.channel) || within(k.agent) {
			t.Error("the key is a part of the request")
		}
	}
	for _, s := range r.List() {
		if within(s.Channel) || within(s.UserAgent) || !strings.HasPrefix(s.UserAgent, "newsyy") || len(s.UserAgent) != maxUserAgent {
			t.Errorf("%+v", s)
		}
	}
	runtime.KeepAlive(request)
}
