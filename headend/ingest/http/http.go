// Package http owns the source of http:// and https:// addresses that serve an
// endless transport stream: the request, its headers, redirects and limits, and
// errors that say what the server did.
//
// It refuses playlists, and it does not retry or watch for silence: the supervisor
// and the channel do.
package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sigma/headend/ingest"
	"sigma/mux/flow"
)

const (
	connectTimeout = 5 * time.Second  // TCP connection, and again TLS handshake
	headerTimeout  = 10 * time.Second // from the request to the header of the response
	maxRedirects   = 5
	maxHeader      = 64 << 10 // bytes of the header of the response
	readBuffer     = 64 << 10

	defaultAgent = "SigmaHeadend"
)

// Source pulls one transport stream. The exported fields are arguments; a Source
// can run again after Run has returned.
type Source struct {
	URL       string            // http or https; user:password@ is sent as basic authorisation
	Headers   map[string]string // request headers in addition to ours
	UserAgent string            // empty is "SigmaHeadend"
	Now       func() time.Duration

	counters ingest.Counters
}

var _ flow.Source = (*Source)(nil)

// StatusError is an answer other than 200. Every one of them is worth a retry: what
// is forbidden or missing now may be mended at the server.
type StatusError struct {
	Code int // HTTP status code
}

// Error names the status and, where there is one usual remedy, the remedy.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("expected status 200, got %d %s", e.Code, http.StatusText(e.Code))
	switch e.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return text + ": check user, password and token of the address"
	case http.StatusNotFound:
		return text + ": check the path of the address"
	}
	return text
}

// Count returns what was received since the Source was made. It is safe for
// concurrent use.
func (s *Source) Count() ingest.Count { return s.counters.Snapshot() }

// Run requests the stream and appends batches until ctx ends, and then returns nil,
// or until the stream fails. Errors match ingest.ErrPermanent (wrong address or
// header), *StatusError, ingest.ErrNotTS or ingest.ErrEnded where they apply, and
// hold neither password nor query of the address.
func (s *Source) Run(ctx context.Context, to flow.Appender[flow.Batch]) error {
	req, err := s.request(ctx)
	if err != nil {
		return ingest.Permanent(err)
	}
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize:         readBuffer,
		DisableCompression:     true,
		DisableKeepAlives:      true,
	}
	client := &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	resp, err := client.Do(req)
	if ctx.Err() != nil {
		if err == nil {
			resp.Body.Close()
		}
		return nil
	}
	if err != nil {
		return s.wrap(explain(err))
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return s.wrap(&StatusError{Code: resp.StatusCode})
	}
	kind := resp.Header.Get("Content-Type")
	err = ingest.Cutter{Now: s.Now, Counters: &s.counters}.Run(ctx, resp.Body, to)
	if errors.Is(err, ingest.ErrNotTS) {
		err = fmt.Errorf("the server sends %s: %w", orUnnamed(kind), err)
	}
	return s.wrap(err)
}

func orUnnamed(kind string) string {
	if kind == "" {
		return "content without a type"
	}
	return fmt.Sprintf("%.80q", kind)
}

func (s *Source) request(ctx context.Context) (*http.Request, error) {
	u, err := url.Parse(s.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("expected an address such as http://host:port/path.ts")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	req.Header.Set("User-Agent", defaultAgent)
	for k, v := range s.Headers {
		if strings.EqualFold(k, "Host") {
			req.Host = v
		}
		req.Header.Set(k, v)
	}
	if s.UserAgent != "" {
		req.Header.Set("User-Agent", s.UserAgent)
	}
	return req, nil
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("expected at most %d redirects, got another one to %s", maxRedirects, req.URL.Host)
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return fmt.Errorf("expected a redirect to http or https, got one to %.20q", s)
	}
	return nil
}

// explain puts the cause of a failed request in words. It drops the address that
// package net/http adds: it may hold a token.
func explain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return fmt.Errorf("host name %s does not exist: check the address and the name servers: %w", dns.Name, err)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("certificate of the server is not trusted: %w", err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return fmt.Errorf("expected TLS, the server speaks something else: use http:// or another port: %w", err)
	}
	return err
}

// wrap names the source without password and query; nil stays nil.
func (s *Source) wrap(err error) error {
	if err == nil {
		return nil
	}
	u, _ := url.Parse(s.URL) // parsed before
	return fmt.Errorf("%s://%s%s: %w", u.Scheme, u.Host, u.EscapedPath(), err)
}
