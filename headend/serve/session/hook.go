package session

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Hook is an Authorizer that asks by HTTP: GET of URL with what is known of the viewer as
// parameters. A status of 200 to 399 lets the viewer in and one of 400 to 499 does not;
// what else it answers, or nothing within 3 s, says nothing. The header X-AuthDuration
// says for how many seconds the answer holds (30 when absent), X-UserId whose session it
// is, X-Max-Sessions how many the user may have, X-Unique: true that the newest ends the
// others. The fields are arguments.
type Hook struct {
	URL     string
	Default func() bool // whether new viewers are let in when nothing is said
	Client  *http.Client
	Told    func(error) // is told of each answer: nil, or why there was none; nil tells nobody
}

var _ Authorizer = (*Hook)(nil)

// The least and the longest time for which an answer holds.
const (
	minFor      = 10 * time.Second
	maxFor      = 24 * time.Hour
	hookTimeout = 3 * time.Second
	// silentFor is how long a new viewer holds what the default says, before the hook is
	// asked again.
	silentFor = 10 * time.Second
	maxUser   = 128
)

// HookClient returns a client for hooks: it follows no redirection, because 302 lets a
// viewer in.
func HookClient() *http.Client {
	return &http.Client{
		Timeout:       hookTimeout,
		Transport:     &http.Transport{MaxConnsPerHost: maxChecks, MaxIdleConnsPerHost: maxChecks / 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 16 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Authorize implements Authorizer.
func (h *Hook) Authorize(ctx context.Context, r Request) (Decision, error) {
	d, err := h.ask(ctx, r)
	if h.Told != nil {
		h.Told(err)
	}
	if err != nil && !r.Update {
		return Decision{Allow: h.Default(), Reason: silent, For: silentFor}, nil
	}
	return d, err
}

func (h *Hook) ask(ctx context.Context, r Request) (Decision, error) {
	u, err := h.address(r)
	if err != nil {
		return Decision{}, err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return Decision{}, err
	}
	a, err := h.Client.Do(q)
	if err != nil {
		return Decision{}, err
	}
	defer a.Body.Close()
	_, _ = io.CopyN(io.Discard, a.Body, 64<<10) // so that the connection can be used again
	switch {
	case a.StatusCode >= 200 && a.StatusCode < 400:
		return decisionOf(a.Header, true), nil
	case a.StatusCode >= 400 && a.StatusCode < 500:
		return decisionOf(a.Header, false), nil
	}
	return Decision{}, fmt.Errorf("it answers %s", a.Status)
}

// address returns the URL of a question.
func (h *Hook) address(r Request) (string, error) {
	u, err := url.Parse(h.URL)
	if err != nil {
		return "", err
	}
	v := u.Query()
	kind := "new_session"
	if r.Update {
		kind = "update_session"
		v.Set("duration", strconv.FormatInt(int64(r.Duration.Seconds()), 10))
		v.Set("bytes", strconv.FormatInt(r.Bytes, 10))
	}
	for name, value := range map[string]string{
		"name": r.Channel, "proto": r.Protocol, "ip": r.Address, "token": r.Token, "referer": r.Referer, "user_agent": r.UserAgent,
		"qs": r.Query, "request_type": kind, "request_number": strconv.Itoa(r.Number), "session_id": r.Session,
		"stream_clients": strconv.Itoa(r.ChannelClients), "total_clients": strconv.Itoa(r.TotalClients),
	} {
		v.Set(name, value)
	}
	u.RawQuery = v.Encode()
	return u.String(), nil
}

// decisionOf reads the headers of an answer.
func decisionOf(h http.Header, allow bool) Decision {
	d := Decision{Allow: allow, Unique: strings.EqualFold(h.Get("X-Unique"), "true")}
	if n, err := strconv.ParseInt(h.Get("X-AuthDuration"), 10, 32); err == nil && n > 0 {
		d.For = min(max(time.Duration(n)*time.Second, minFor), maxFor)
	}
	if n, err := strconv.ParseInt(h.Get("X-Max-Sessions"), 10, 32); err == nil && n > 0 {
		d.MaxSessions = int(n)
	}
	user := h.Get("X-UserId")
	d.User = user[:min(len(user), maxUser)]
	return d
}
