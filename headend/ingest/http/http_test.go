package http

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"sigma/headend/ingest"
	"sigma/headend/ingest/internal/ingesttest"
)

// run runs a source of the address until it ends by itself.
func run(t *testing.T, s *Source) ([]byte, error) {
	t.Helper()
	got := ingesttest.NewRecorder(t)
	s.Now = ingesttest.Now
	err := s.Run(t.Context(), got)
	return got.Bytes(), err
}

func TestRunSendsWhatIsAskedFor(t *testing.T) {
	sent := ingesttest.Packets(5000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "op" || password != "s3cret" || r.UserAgent() != "box" || r.Header.Get("X-Token") != "t" || r.Host != "tv.example" {
			t.Errorf("got %s:%s, agent %q, host %q, %v", user, password, r.UserAgent(), r.Host, r.Header)
		}
		w.Header().Set("Content-Type", "video/mp2t")
		for at := 0; at < len(sent); at += 7000 { // chunked
			_, _ = w.Write(sent[at:min(at+7000, len(sent))])
			w.(http.Flusher).Flush()
		}
	}))
	defer srv.Close()
	s := &Source{
		URL:       strings.Replace(srv.URL, "http://", "http://op:s3cret@", 1) + "/tv.ts",
		Headers:   map[string]string{"x-token": "t", "Host": "tv.example"},
		UserAgent: "box",
	}
	got, err := run(t, s)
	if !errors.Is(err, ingest.ErrEnded) || !bytes.Equal(got, sent) {
		t.Errorf("%v, %d bytes of %d", err, len(got), len(sent))
	}
	if c := s.Count(); c.Bytes != uint64(len(sent)) || c.Packets != 5000 {
		t.Errorf("counted %+v", c)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(ingesttest.Packets(100))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer srv.Close()
	got := ingesttest.NewRecorder(t)
	ended := make(chan error)
	go func() { ended <- (&Source{URL: srv.URL + "/tv.ts", Now: ingesttest.Now}).Run(ctx, got) }()
	got.Wait(100 * 188)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-gone
}

func TestErrorsSayWhatTheServerDid(t *testing.T) {
	mux := http.NewServeMux()
	for _, code := range []int{401, 403, 404, 410, 500, 503, 204} {
		mux.HandleFunc("/status/"+strconv.Itoa(code), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>no such channel</html>") })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "ftp://h/x", http.StatusFound) })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	secure := httptest.NewUnstartedServer(mux)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for address, want := range map[string]string{
		srv.URL + "/page?token=hidden": "the server sends \"text/html; charset=utf-8\": expected a transport stream",
		srv.URL + "/loop?token=hidden": "expected at most 5 redirects",
		srv.URL + "/away":              "expected a redirect to http or https, got one to \"ftp\"",
		strings.Replace(srv.URL, "http:", "https:", 1) + "/page?token=hidden": "expected TLS",
		secure.URL + "/page?token=hidden":                                     "certificate of the server is not trusted",
		"http://" + closed.Addr().String() + "/x?token=hidden":                "connection refused",
		"http://op:hidden@no-such-host.invalid/x":                             "host name no-such-host.invalid does not exist",
	} {
		_, err := run(t, &Source{URL: address})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") || errors.Is(err, ingest.ErrPermanent) {
			t.Errorf("%s:\ngot  %v\nwant %s", address, err, want)
		}
	}
	for _, code := range []int{401, 403, 404, 410, 500, 503, 204} {
		_, err := run(t, &Source{URL: srv.URL + "/status/" + strconv.Itoa(code)})
		if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != code || errors.Is(err, ingest.ErrPermanent) {
			t.Errorf("status %d: got %v", code, err)
		}
	}
}

func TestWrongAddressIsPermanent(t *testing.T) {
	for _, address := range []string{"", "http://", "ftp://h/x", "http://h:x/", "tv.ts"} {
		if _, err := run(t, &Source{URL: address}); !errors.Is(err, ingest.ErrPermanent) {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

// A password must not follow a redirect to another host.
func TestRedirectDropsPassword(t *testing.T) {
	sent := ingesttest.Packets(10)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); ok {
			t.Error("the password went to another host")
		}
		_, _ = w.Write(sent)
	}))
	defer other.Close()
	u, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost:"+u.Port()+"/tv.ts", http.StatusFound)
	}))
	defer first.Close()
	got, err := run(t, &Source{URL: strings.Replace(first.URL, "http://", "http://op:pw@", 1)})
	if !errors.Is(err, ingest.ErrEnded) || !bytes.Equal(got, sent) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
}
