package rig

import (
	"context"
	"net"
	"net/http"
)

// Dial connects from host i.
func (w *Net) Dial(ctx context.Context, i int, network, addr string) (c net.Conn, err error) {
	err = w.Do(i, func() error {
		d := net.Dialer{FallbackDelay: -1} // no second goroutine: it would be elsewhere
		c, err = d.DialContext(ctx, network, addr)
		return err
	})
	return c, err
}

// Client returns an HTTP client on host i. Addresses must be numeric.
func (w *Net) Client(i int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return w.Dial(ctx, i, network, addr)
		},
	}}
}
