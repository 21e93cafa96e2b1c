package session

import (
	"errors"
	"net/http"
	"slices"

	"sigma/headend/serve/reply"
)

// Visit says what a request of a viewer belongs to.
type Visit struct {
	Channel string
	// Protocols are those that the request can be of; the session of the first that the
	// viewer has is meant. It begins one of the first if there is none, unless
	// it is for a picture. None means that the request is of no session.
	Protocols []string
	// Part says that the request is part of a session that began with another: by itself
	// it begins none, unless somebody has to decide.
	Part bool
}

// Serve lets next answer a request of single answers, if the viewer may watch, and counts
// what it sent.
func (r *Registry) Serve(w http.ResponseWriter, q *http.Request, v Visit, next http.Handler) {
	if len(v.Protocols) == 0 || q.Method == http.MethodOptions {
		next.ServeHTTP(w, q)
		return
	}
	e, err := r.visit(q, v)
	if err != nil {
		reply.Allow(w.Header())
		Refuse(w, err)
		return
	}
	if e == nil {
		next.ServeHTTP(w, q)
		return
	}
	c := &counter{ResponseWriter: w}
	next.ServeHTTP(c, q)
	if c.status < http.StatusBadRequest && (c.status != 0 || c.bytes > 0) {
		r.took(e, c.bytes, 0)
	}
}

// visit returns the session a request belongs to.
func (r *Registry) visit(q *http.Request, v Visit) (*entry, error) {
	k := identify(q, v.Channel, v.Protocols[0])
	if len(v.Protocols) > 1 || v.Part {
		now := r.Now()
		r.mu.Lock()
		for _, p := range v.Protocols {
			k.protocol = p
			if e := r.find(k, now); e != nil {
				r.mu.Unlock()
				return e, nil
			}
		}
		open := v.Part && (r.Authorizer == nil || r.Authorizer(v.Channel) == nil)
		r.mu.Unlock()
		if open {
			return nil, nil
		}
		if k.protocol = v.Protocols[0]; slices.Contains(v.Protocols, picture) {
			k.protocol = picture
		}
	}
	return r.admit(q, k, nil)
}

// Refuse answers with a *Refusal.
func Refuse(w http.ResponseWriter, err error) {
	f := denied(err.Error())
	_ = errors.As(err, &f) // there is no other
	if f.Status != http.StatusForbidden {
		w.Header().Set("Retry-After", "2")
	}
	reply.Refuse(w, f.Status, reply.NoCache, f.Text)
}

// counter counts what goes through.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader keeps the status of the answer: those before it are information.
func (c *counter) WriteHeader(status int) {
	if status >= http.StatusOK {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
