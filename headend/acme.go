package headend

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"sigma/headend/config"
)

// certificateOrder gets certificates of an ACME server (RFC 8555), by HTTP-01 on the
// plain port or TLS-ALPN-01 (RFC 8737), and has them renewed. Clients never make it ask
// for one: a server counts what fails.
type certificateOrder struct {
	domains []string
	manager *autocert.Manager
	plain   http.Handler
	pause   time.Duration
	now     atomic.Pointer[map[string]*tls.Certificate]
}

const (
	// challengePath is where an ACME server looks for its token (RFC 8555 clause 8.3).
	challengePath = "/.well-known/acme-challenge/"
	acmeFolder    = "acme" // in the data folder

	orderPause   = 2 * time.Minute // after a failure, doubled up to orderLongest
	orderLongest = 2 * time.Hour
	orderLook    = time.Hour
)

// newOrder returns one that asks its server for nothing any more when life has ended: the
// manager renews for ever.
func newOrder(life context.Context, b config.Box, folder string, client *http.Client) *certificateOrder {
	o := &certificateOrder{domains: config.List(strings.ToLower(b.ACMEDomains))}
	o.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(folder), Email: b.ACMEEmail,
		HostPolicy: autocert.HostWhitelist(o.domains...),
		Client:     &acme.Client{DirectoryURL: b.ACMEDirectory, HTTPClient: located(life, client), UserAgent: "sigma-headend"},
	}
	if b.ACMEDirectory == "" {
		o.manager.Client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	o.plain = o.manager.HTTPHandler(http.NotFoundHandler())
	return o
}

// challenge gives the token that the server looks for. A port in the name it asks for
// is that of a test: the usual one is not written.
func (o *certificateOrder) challenge(w http.ResponseWriter, r *http.Request) {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		r = r.WithContext(r.Context())
		r.Host = host
	}
	o.plain.ServeHTTP(w, r)
}

// get returns the certificate of the name a client asks for, of the first for those who
// name none or another.
func (o *certificateOrder) get(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(h.SupportedProtos) == 1 && h.SupportedProtos[0] == acme.ALPNProto {
		return o.manager.GetCertificate(h)
	}
	m := o.now.Load()
	if m == nil {
		return nil, errNoCertificate
	}
	for _, name := range append([]string{strings.ToLower(strings.TrimSuffix(h.ServerName, "."))}, o.domains...) {
		if c := (*m)[name]; c != nil {
			return c, nil
		}
	}
	return nil, errNoCertificate
}

// look takes the newest certificate of each name, and orders what is missing.
func (o *certificateOrder) look(ctx context.Context) (have []*tls.Certificate, next time.Duration, err error) {
	now := map[string]*tls.Certificate{}
	if m := o.now.Load(); m != nil {
		maps.Copy(now, *m)
	}
	var failed []error
	for _, name := range o.domains {
		c, err := o.order(ctx, name)
		if err != nil {
			failed = append(failed, fmt.Errorf("a certificate for %s: %w", name, err))
			continue
		}
		now[name] = c
		shown := maps.Clone(now)
		o.now.Store(&shown)
	}
	for _, c := range now {
		have = append(have, c)
	}
	if len(failed) == 0 {
		o.pause = 0
		return have, orderLook, nil
	}
	o.pause = min(max(2*o.pause, orderPause), orderLongest)
	return have, o.pause, errors.Join(failed...)
}

// order returns the certificate of a name, which may take minutes when there is none
// yet. The manager takes no context: when ctx ends it is left to its own time limit.
func (o *certificateOrder) order(ctx context.Context, name string) (*tls.Certificate, error) {
	type answer struct {
		c   *tls.Certificate
		err error
	}
	came := make(chan answer, 1)
	go func() {
		c, err := o.manager.GetCertificate(&tls.ClientHelloInfo{ // ECDSA: every client of TLS 1.2 that players have takes it
			ServerName:       name,
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			SupportedCurves:  []tls.CurveID{tls.CurveP256},
			CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		})
		came <- answer{c, err}
	}()
	select {
	case a := <-came:
		return a.c, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// located returns a client like c that tells the address of an order where the server
// does not: a server need not name it when an order is finalised (RFC 8555 clause 7.4),
// but the client of x/crypto asks there for the certificate. It works while life lasts.
func located(life context.Context, c *http.Client) *http.Client {
	out := http.Client{Timeout: time.Minute}
	if c != nil {
		out = *c
	}
	next := out.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	out.Transport = &locator{life: life, next: next}
	return &out
}

// locator remembers which order a finalisation belongs to.
type locator struct {
	life context.Context // no request outlives it
	next http.RoundTripper

	mu     sync.Mutex
	orders map[string]string // URL of the order by that of its finalisation
}

const (
	maxOrders = 256
	maxOrder  = 64 << 10 // bytes of an order that are read
)

// RoundTrip implements http.RoundTripper.
func (l *locator) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.life.Err() != nil {
		return nil, context.Cause(l.life)
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(l.life, cancel)
	a, err := l.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	body := a.Body
	a.Body = joined{body, func() error {
		stop()
		defer cancel()
		return body.Close()
	}}
	at, finalize := a.Header.Get("Location"), ""
	if at != "" && a.StatusCode == http.StatusCreated {
		begin, err := io.ReadAll(io.LimitReader(a.Body, maxOrder))
		a.Body = joined{io.MultiReader(bytes.NewReader(begin), body), a.Body.Close}
		var order struct {
			Finalize string `json:"finalize"`
		}
		if err == nil && json.Unmarshal(begin, &order) == nil {
			finalize = order.Finalize
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case at == "" && l.orders[r.URL.String()] != "":
		a.Header.Set("Location", l.orders[r.URL.String()])
	case finalize != "":
		if l.orders == nil || len(l.orders) >= maxOrders {
			l.orders = map[string]string{}
		}
		l.orders[finalize] = at
	}
	return a, nil
}

// joined reads from one place and closes another.
type joined struct {
	io.Reader
	close func() error
}

// Close implements io.Closer.
func (j joined) Close() error { return j.close() }
