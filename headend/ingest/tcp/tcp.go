// Package tcp owns the source of tcp://host:port addresses: a connection on which
// the other side sends a bare transport stream.
//
// It refuses to listen and to write, and it does not retry or watch for silence:
// the supervisor and the channel do.
package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"sigma/headend/ingest"
	"sigma/mux/flow"
)

const connectTimeout = 5 * time.Second

// Source reads one transport stream. The exported fields are arguments; a Source can
// run again after Run has returned.
type Source struct {
	URL string // tcp://host:port
	Now func() time.Duration

	counters ingest.Counters
}

var _ flow.Source = (*Source)(nil)

// Count returns what was received since the Source was made. It is safe for
// concurrent use.
func (s *Source) Count() ingest.Count { return s.counters.Snapshot() }

// Run connects and appends batches until ctx ends, and then returns nil, or until
// the connection fails. Errors match ingest.ErrPermanent (wrong address),
// ingest.ErrNotTS or ingest.ErrEnded where they apply.
func (s *Source) Run(ctx context.Context, to flow.Appender[flow.Batch]) error {
	address, err := parse(s.URL)
	if err != nil {
		return ingest.Permanent(err)
	}
	conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp", address)
	if ctx.Err() != nil {
		if err == nil {
			conn.Close()
		}
		return nil
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return fmt.Errorf("tcp://%s: host name does not exist: check the address and the name servers: %w", address, err)
	}
	if err != nil {
		return fmt.Errorf("tcp://%s: %w", address, err)
	}
	if err := (ingest.Cutter{Now: s.Now, Counters: &s.counters}).Run(ctx, conn, to); err != nil {
		return fmt.Errorf("tcp://%s: %w", address, err)
	}
	return nil
}

// parse returns host:port of a tcp:// address.
func parse(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "tcp" || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return "", errors.New("expected an address such as tcp://host:port")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return "", fmt.Errorf("expected a port from 1 to 65535 in tcp://%s, got %q", u.Host, u.Port())
	}
	return u.Host, nil
}
