package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

func request(address, agent, url string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.RemoteAddr = address + ":1234"
	r.Header.Set("User-Agent", agent)
	return r
}

// page answers every request with n bytes.
func page(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, n)) })
}

func see(r *Registry, q *http.Request, channel, protocol string, n int) int {
	w := httptest.NewRecorder()
	r.Serve(w, q, Visit{Channel: channel, Protocols: []string{protocol}}, page(n))
	return w.Code
}

func TestRequestsOfOneViewerAreOneSession(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &Registry{Now: func() time.Time { return now }}
	see(r, request("10.0.0.1", "player", "/x"), "news", "hls", 100)
	now = now.Add(20 * time.Second)
	see(r, request("10.0.0.1", "player", "/x"), "news", "hls", 50)
	see(r, request("10.0.0.1", "other", "/x"), "news", "hls", 1)
	see(r, request("10.0.0.1", "player", "/x"), "sport", "hls", 1)
	see(r, request("10.0.0.1", "player", "/x?a=b&token=abc"), "news", "hls", 1)
	see(r, request("10.0.0.1", "its other name", "/x?token=abc"), "news", "hls", 1)
	l := r.List()
	if len(l) != 4 || l[0].Bytes != 150 || !l[0].Opened.Equal(time.Unix(1000, 0)) || !l[0].Updated.Equal(now) {
		t.Fatalf("%+v", l)
	}
	if n := r.Count(); n["news"] != 3 || n["sport"] != 1 {
		t.Errorf("%v", n)
	}
	now = now.Add(31 * time.Second)
	if len(r.List()) != 0 || len(r.Count()) != 0 {
		t.Error("still there after 31 s")
	}
	id := l[0].ID
	see(r, request("10.0.0.1", "player", "/x"), "news", "hls", 7)
	if l := r.List(); len(l) != 1 || l[0].Bytes != 7 || l[0].ID == id {
		t.Errorf("a new session continues the old: %+v", l)
	}
	if e := r.Ended(); len(e) != 4 || e[0].Closed.IsZero() || e[0].Reason == "" {
		t.Errorf("ended: %+v", e)
	}
}

// TestOnlyAnswersCount: who gets nothing but errors is no viewer, and what is shared by
// protocols belongs to the one the viewer has.
func TestOnlyAnswersCount(t *testing.T) {
	r := &Registry{Now: time.Now}
	q := request("10.0.0.1", "player", "/x")
	r.Serve(httptest.NewRecorder(), q, Visit{Channel: "news", Protocols: []string{"hls"}}, http.NotFoundHandler())
	r.Serve(httptest.NewRecorder(), q, Visit{Channel: "news", Protocols: []string{"hls", "dash"}, Part: true}, page(5))
	r.Serve(httptest.NewRecorder(), q, Visit{Channel: "news"}, page(5))
	if l := r.List(); len(l) != 1 || l[0].Bytes != 5 {
		// The header went to the session that the refused playlist would have begun.
		t.Errorf("%+v", l)
	}
	dash := request("10.0.0.2", "player", "/x")
	see(r, dash, "news", "dash", 10)
	r.Serve(httptest.NewRecorder(), dash, Visit{Channel: "news", Protocols: []string{"hls", "dash"}, Part: true}, page(5))
	if l := r.List(); len(l) != 2 || l[1].Protocol != "dash" || l[1].Bytes != 15 {
		t.Errorf("%+v", l)
	}
	alone := request("10.0.0.3", "player", "/x")
	r.Serve(httptest.NewRecorder(), alone, Visit{Channel: "news", Protocols: []string{"hls", "dash"}, Part: true}, page(5))
	if len(r.List()) != 2 {
		t.Error("a header alone began a session")
	}
}

func TestConnections(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &Registry{Now: func() time.Time { return now }}
	var ended []string
	open := func() (func(int64, int64), func(string)) {
		sent, done, err := r.Open(request("::1", strings.Repeat("x", 1000), "/x"), "news", "mpegts", func(why string) { ended = append(ended, why) })
		if err != nil {
			t.Fatal(err)
		}
		return sent, done
	}
	sent, done := open()
	_, done2 := open()
	now = now.Add(time.Hour)
	sent(1316, 1)
	l := r.List()
	if len(l) != 2 || l[0].Bytes+l[1].Bytes != 1316 || l[0].ID == l[1].ID || len(l[0].UserAgent) != maxUserAgent {
		t.Fatalf("%+v", l)
	}
	done("gone")
	done("gone")
	if r.Count()["news"] != 1 {
		t.Errorf("%v", r.Count())
	}
	left := r.List()[0].ID
	if !r.Close(left, "sent away") || r.Close(left, "again") || len(ended) != 1 || ended[0] != "sent away" {
		t.Errorf("%q", ended)
	}
	done2("gone")
	if len(r.Count()) != 0 {
		t.Errorf("%v", r.Count())
	}
	if e := r.Ended(); len(e) != 2 || e[0].Reason != "sent away" || e[1].Reason != "gone" || e[1].Skips+e[0].Skips != 1 {
		t.Errorf("%+v", e)
	}
	if _, _, err := r.Open(request("::1", strings.Repeat("x", 1000), "/x"), "news", "mpegts", func(string) {}); err == nil {
		t.Error("who was sent away is back at once")
	}
	now = now.Add(31 * time.Second)
	open()
}

func TestNumberIsBounded(t *testing.T) {
	r := &Registry{Now: func() time.Time { return time.Unix(1, 0) }, Max: 10}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() { see(r, request(fmt.Sprintf("10.0.0.%d", i), "", "/x"), "news", "hls", 1) })
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
			see(r, request("192.0.2.1", "", "/x?token="+strconv.Itoa(i)), "news", "hls", 1)
			see(r, request("192.0.2.1", "", "/x?token=0"), "news", "hls", 1) // known
		}
		see(r, request("192.0.2.2", "player", "/x"), "news", "hls", 1)
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
	r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer { return word(Decision{Allow: true}) }}
	agent := strings.Repeat("y", 64<<10)
	q := request("192.0.2.1", agent, "/x?token="+strings.Repeat("t", 100)+"&"+strings.Repeat("z", 9000))
	see(r, q, "news", "hls", 1)
	from := unsafe.StringData(q.URL.RawQuery)
	within := func(s string) bool {
		at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
		return at >= uintptr(unsafe.Pointer(from)) && at < uintptr(unsafe.Pointer(from))+uintptr(len(q.URL.RawQuery))
	}
	if !within(tokenOf(q.URL.RawQuery)) {
		t.Fatal("the test does not see parts of the request")
	}
	for k, e := range r.asked {
		if within(k.token) || within(e.facts.Token) || within(e.facts.Query) || within(e.Token) || len(e.facts.Query) > maxQuery || len(e.UserAgent) > maxUserAgent {
			t.Errorf("%+v keeps a part of the request", k)
		}
	}
	runtime.KeepAlive(q)
}

// word is an Authorizer that says one thing.
type word Decision

func (w word) Authorize(context.Context, Request) (Decision, error) { return Decision(w), nil }

// table is an Authorizer by token. It counts questions.
type table struct {
	mu    sync.Mutex
	words map[string]Decision
	err   error
	asked []Request
}

func (a *table) Authorize(_ context.Context, r Request) (Decision, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r)
	return a.words[r.Token], a.err
}

func (a *table) set(err error, token string, d Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err, a.words[token] = err, d
}

func (a *table) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func TestAuthorizerDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &table{words: map[string]Decision{"good one": {Allow: true, For: time.Minute, User: "u", MaxSessions: 2}}}
		r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer { return a }}
		ctx, stop := context.WithCancel(t.Context())
		go r.Run(ctx)
		defer synctest.Wait()
		defer stop()
		good := func(n int) int {
			return see(r, request(fmt.Sprintf("10.0.0.%d", n), "p", "/x?token=good%20one"), "news", "hls", 10)
		}
		bad := func() int { return see(r, request("10.0.0.9", "p", "/x?token=bad"), "news", "hls", 10) }
		for range 5 {
			if good(1) != 200 || bad() != 403 {
				t.Fatal("not what was decided")
			}
		}
		if a.count() != 2 || a.asked[0].Token != "good one" || a.asked[0].Update || a.asked[0].Session != r.List()[0].ID || r.List()[0].User != "u" {
			t.Fatalf("%d questions: %+v", a.count(), a.asked)
		}
		if good(2) != 200 || good(3) != 403 {
			t.Error("two sessions of a user, not three")
		}
		for range 70 { // the viewer goes on; the word runs out once
			time.Sleep(time.Second)
			good(1)
		}
		if n := a.count(); n != 5 || !a.asked[4].Update || a.asked[4].Number != 1 || a.asked[4].Bytes < 600 || a.asked[4].Duration < time.Minute {
			t.Fatalf("%d questions, the last %+v", n, a.asked[n-1])
		}
		a.set(errors.New("down"), "good one", Decision{})
		for range 70 {
			time.Sleep(time.Second)
			if good(1) != 200 {
				t.Fatal("no answer ended a session")
			}
		}
		if good(4) != 403 {
			t.Error("a new viewer without an answer")
		}
		a.set(nil, "good one", Decision{Reason: "not paid"})
		for range 40 {
			time.Sleep(time.Second)
			good(1)
		}
		if good(1) != 403 || len(r.List()) != 0 || r.Ended()[0].Reason != "not paid" {
			t.Errorf("still there: %+v", r.List())
		}
		a.set(nil, "good one", Decision{Allow: true})
		if r.Reauthorize("news"); good(1) != 200 {
			t.Error("refused after all was to be asked anew")
		}
	})
}

// TestAuthorizerComesLater: who watches already is asked about with all that is known.
func TestAuthorizerComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &table{words: map[string]Decision{"good": {Allow: true}}}
		var on atomic.Bool
		r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer {
			if on.Load() {
				return a
			}
			return nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		go r.Run(ctx)
		defer synctest.Wait()
		defer stop()
		for range 5 {
			time.Sleep(time.Second)
			if see(r, request("10.0.0.1", "p", "/x?token=good"), "news", "hls", 10) != 200 {
				t.Fatal("sent away")
			}
			on.Store(true)
		}
		if a.count() == 0 || a.asked[0].Token != "good" || a.asked[0].Session != r.List()[0].ID || a.asked[0].Query != "token=good" {
			t.Errorf("asked about %+v", a.asked)
		}
	})
}

func TestNewestSessionEndsTheOthers(t *testing.T) {
	r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer { return word(Decision{Allow: true, User: "u", Unique: true}) }}
	ended := ""
	if _, _, err := r.Open(request("10.0.0.1", "tv", "/x"), "news", "mpegts", func(why string) { ended = why }); err != nil {
		t.Fatal(err)
	}
	if see(r, request("10.0.0.2", "phone", "/x"), "news", "hls", 1) != 200 || ended == "" || len(r.List()) != 1 {
		t.Errorf("ended %q, %+v", ended, r.List())
	}
	if see(r, request("10.0.0.1", "tv", "/x"), "news", "mpegts", 1) != 403 {
		t.Error("the old one is back at once")
	}
	if see(r, request("10.0.0.1", "tv", "/x"), "news", "dash", 1) != 403 {
		t.Error("the old one is back at once by another protocol")
	}
	if see(r, request("10.0.0.2", "phone", "/x"), "news", "dash", 1) != 200 || see(r, request("10.0.0.2", "phone", "/x"), "news", "hls", 1) != 403 {
		t.Error("the viewer may change the protocol, and not have both")
	}
}

// TestSentAwayByAnyProtocol: players change the protocol by themselves.
func TestSentAwayByAnyProtocol(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &Registry{Now: func() time.Time { return now }}
	see(r, request("10.0.0.1", "tv", "/x"), "news", "hls", 1)
	if !r.Close(r.List()[0].ID, "sent away") || see(r, request("10.0.0.1", "tv", "/x"), "news", "dash", 1) != 403 {
		t.Error("who was sent away is back by another protocol")
	}
	if see(r, request("10.0.0.1", "tv", "/x"), "sport", "dash", 1) != 200 {
		t.Error("kept out of another channel")
	}
	if now = now.Add(31 * time.Second); see(r, request("10.0.0.1", "tv", "/x"), "news", "dash", 1) != 200 {
		t.Error("kept out for ever")
	}
}

// TestPictureTakesNoPlace: who looks at a picture of a channel goes on watching another.
func TestPictureTakesNoPlace(t *testing.T) {
	var facts []Request
	for _, d := range []Decision{{Allow: true, User: "u", Unique: true}, {Allow: true, User: "u", MaxSessions: 1}} {
		a := &table{words: map[string]Decision{"t": d}}
		r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer { return a }}
		look := func() int {
			w := httptest.NewRecorder()
			v := Visit{Channel: "news", Protocols: []string{"hls", "dash", "mss", "jpeg"}, Part: true}
			r.Serve(w, request("10.0.0.1", "tv", "/x?token=t"), v, page(1))
			return w.Code
		}
		ended := ""
		if look() != 200 {
			t.Error("no picture")
		}
		if _, _, err := r.Open(request("10.0.0.1", "tv", "/x?token=t"), "news", "mpegts", func(why string) { ended = why }); err != nil {
			t.Fatal(err)
		}
		if look() != 200 || ended != "" || r.Count()["news"] != 1 {
			t.Errorf("%+v: ended %q, %v", d, ended, r.Count())
		}
		facts = append(facts, a.asked...)
	}
	if len(facts) != 4 || facts[0].Protocol != "jpeg" || facts[1].TotalClients != 0 {
		t.Errorf("%+v", facts)
	}
	// Of a viewer of requests it is a part.
	r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer { return word{Allow: true} }}
	see(r, request("10.0.0.1", "tv", "/x"), "news", "jpeg", 1)
	see(r, request("10.0.0.1", "tv", "/x"), "news", "hls", 1)
	r.Serve(httptest.NewRecorder(), request("10.0.0.1", "tv", "/x"), Visit{Channel: "news", Protocols: []string{"hls", "jpeg"}, Part: true}, page(10))
	for _, s := range r.List() {
		if s.Protocol == "hls" && s.Bytes != 11 {
			t.Errorf("%+v", s)
		}
	}
}

// TestOneQuestionForManyRequests: players ask for several things at once.
func TestOneQuestionForManyRequests(t *testing.T) {
	var asked atomic.Int64
	go1 := make(chan struct{})
	r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer {
		return ask(func() Decision { asked.Add(1); <-go1; return Decision{Allow: true} })
	}}
	var wg sync.WaitGroup
	var good atomic.Int64
	for range 20 {
		wg.Go(func() {
			if see(r, request("10.0.0.1", "p", "/x"), "news", "hls", 1) == 200 {
				good.Add(1)
			}
		})
	}
	close(go1)
	wg.Wait()
	if asked.Load() != 1 || good.Load() != 20 || len(r.List()) != 1 || len(r.asking) != 0 {
		t.Errorf("%d questions, %d answers", asked.Load(), good.Load())
	}
}

type ask func() Decision

func (a ask) Authorize(context.Context, Request) (Decision, error) { return a(), nil }

// TestManyWordsRunOut: thousands of sessions are asked about in time, and not all at once.
func TestManyWordsRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5000
		var slow atomic.Bool
		var asked, under, most atomic.Int64
		r := &Registry{Now: time.Now, Authorizer: func(string) Authorizer {
			return ask(func() Decision {
				if slow.Load() {
					most.Store(max(most.Load(), under.Add(1)))
					time.Sleep(50 * time.Millisecond)
					under.Add(-1)
					asked.Add(1)
				}
				return Decision{Allow: true}
			})
		}}
		for i := range n {
			if _, _, err := r.Open(request("10.0.0.1", "p"+strconv.Itoa(i), "/x"), "news", "mpegts", func(string) {}); err != nil {
				t.Fatal(err)
			}
		}
		r.mu.Lock()
		if of, all := r.load("news"); of != n || all != n {
			t.Errorf("%d and %d viewers", of, all)
		}
		r.mu.Unlock()
		slow.Store(true)
		ctx, stop := context.WithCancel(t.Context())
		go r.Run(ctx)
		time.Sleep(defaultFor + 6*time.Second)
		if asked.Load() != n || most.Load() > maxChecks {
			t.Errorf("%d questions, %d at once", asked.Load(), most.Load())
		}
		for _, s := range r.List() {
			r.Close(s.ID, "over")
		}
		if r.total != 0 || len(r.watching) != 0 {
			t.Errorf("%d still there, %v", r.total, r.watching)
		}
		stop()
		synctest.Wait()
	})
}

// TestFlood: made-up tokens cost neither memory nor more than a few questions.
func TestFlood(t *testing.T) {
	now := time.Unix(1, 0)
	a := &table{words: map[string]Decision{"good": {Allow: true}}}
	r := &Registry{Now: func() time.Time { return now }, Authorizer: func(string) Authorizer { return a }}
	last := 0
	for i := range 20_000 {
		last = see(r, request("192.0.2.1", "p", "/x?token="+strconv.Itoa(i)), "news", "hls", 1)
	}
	if a.count() > maxStrikes || last != http.StatusTooManyRequests {
		t.Errorf("%d questions, the last answer %d", a.count(), last)
	}
	if see(r, request("192.0.2.2", "p", "/x?token=good"), "news", "hls", 1) != 200 {
		t.Error("another address is kept out")
	}
	for i := range 3 * maxRefused {
		r.refuse(identity{address: strconv.Itoa(i)}, now.Add(time.Minute), "no")
		r.strike(strconv.Itoa(i), now)
	}
	if len(r.refused) > maxRefused || len(r.strikes) > maxRefused || len(r.asking) != 0 {
		t.Errorf("%d and %d kept", len(r.refused), len(r.strikes))
	}
	now = now.Add(time.Hour)
	r.sweep(now)
	if len(r.refused)+len(r.strikes)+len(r.asked)+len(r.from) != 0 {
		t.Error("kept after an hour")
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "token=a", "a=b&token=x%20y&token=z", "token=", "&&token", "token=%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if tok := tokenOf(s); len(tok) > maxToken || !strings.Contains(s, tok) {
			t.Errorf("%q", tok)
		}
	})
}
