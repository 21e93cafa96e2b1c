package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"sigma/headend/control"
)

// requestIDHeader names a request in answers and in the log.
const requestIDHeader = "X-Request-Id"

// contextKey is the type of the two things a request carries in its context.
type contextKey uint8

const (
	actorKey contextKey = iota
	requestKey
)

func actor(ctx context.Context) control.Actor {
	a, _ := ctx.Value(actorKey).(control.Actor)
	return a
}

// requestID keeps the identifier a proxy gave the request, or gives it one.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !goodID(id) {
			id = rand.Text()
		}
		w.Header().Set(requestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey, id)))
	})
}

func goodID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// recover turns a panic into an answer and a log line.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p) //nolint:forbidigo // how a handler ends a connection: net/http wants to see it
			}
			s.Log.Error("request panicked", slog.Any("panic", p), slog.String("path", r.URL.Path), slog.String("stack", string(debug.Stack())))
			writeProblem(w, &Problem{status: http.StatusInternalServerError, Code: "internal", Text: "internal error: see the log for request " + w.Header().Get(requestIDHeader)})
		}()
		next.ServeHTTP(w, r)
	})
}

// sameSite refuses changes that the page of another site makes a browser ask for: the
// browser adds the credentials of its user by itself.
func sameSite(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, &Problem{status: http.StatusForbidden, Code: "cross_origin", Text: "a page of another site asked for this: changes come from this address or from programs"})
	}))
	return p.Handler(next)
}

// typed refuses bodies that do not say what they are, which is what forms of other
// sites send.
func typed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		document := r.URL.Path == Base+"/config" || r.URL.Path == Base+"/config/propose"
		if r.ContentLength != 0 && kind != "application/json" && (!document || !isText(kind)) {
			writeProblem(w, &Problem{status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Text: fmt.Sprintf("expected Content-Type: application/json, found %.60q", kind)})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isText reports whether a media type is that of a configuration as text.
func isText(kind string) bool {
	return kind == "text/plain" || kind == "application/yaml" || kind == "text/yaml"
}

// authenticate lets only requests through that prove who asks.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := s.identify(r)
		if err != nil {
			p := s.problem(r.Context(), err)
			if p.status == http.StatusUnauthorized {
				w.Header().Add("WWW-Authenticate", `Basic realm="headend", charset="UTF-8"`)
				w.Header().Add("WWW-Authenticate", `Bearer realm="headend"`)
			}
			writeProblem(w, p)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey, a)))
	})
}

// identify asks control who the credentials of a request belong to: Basic, Bearer
// with a token, or Bearer with base64 of name:password.
func (s *Server) identify(r *http.Request) (control.Actor, error) {
	remote := address(r)
	if name, password, ok := r.BasicAuth(); ok {
		return s.Control.Authenticate(r.Context(), name, password, "http", remote)
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return control.Actor{}, errNoCredentials
	}
	if b, err := base64.StdEncoding.DecodeString(token); err == nil {
		if name, password, ok := strings.Cut(string(b), ":"); ok {
			return s.Control.Authenticate(r.Context(), name, password, "http", remote)
		}
	}
	return s.Control.AuthenticateToken(r.Context(), token, "http", remote)
}

// address returns the address of the other side without its port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// slashes lets names of streams be written with plain slashes as well as with %2F,
// which is what the router tells apart.
func slashes(next http.Handler) http.Handler {
	const prefix = Base + "/streams/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, prefix)
		if !ok || r.URL.RawPath != "" {
			next.ServeHTTP(w, r)
			return
		}
		name, action := splitAction(rest)
		if strings.Contains(name, "/") {
			u := *r.URL
			u.RawPath = prefix + url.PathEscape(name) + action
			r2 := *r
			r2.URL = &u
			r = &r2
		}
		next.ServeHTTP(w, r)
	})
}

// splitAction parts the name of a stream from what follows it.
func splitAction(rest string) (name, action string) {
	if name, ok := strings.CutSuffix(rest, "/stop"); ok {
		return name, "/stop"
	}
	if head, ok := strings.CutSuffix(rest, "/select"); ok {
		if i := strings.LastIndex(head, "/inputs/"); i > 0 && !strings.Contains(head[i+len("/inputs/"):], "/") {
			return rest[:i], rest[i:]
		}
	}
	return rest, ""
}
