package headend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/supervise"
)

const (
	// certificateLook is how often the files of a certificate are looked at.
	certificateLook = 5 * time.Second
	// certificateWarn is how long before its end a certificate is an alarm. Those that
	// last for less than twice as long are one in the last third of their life.
	certificateWarn = 14 * 24 * time.Hour
)

// certificates owns what HTTPS shows to clients: the files of the configuration, read
// again when they change, or what an ACME server gives. The exported fields are
// arguments. It is safe for concurrent use.
type certificates struct {
	Root   context.Context
	Data   string // folder where keys and certificates of ACME are kept
	Alarms alarm.Reporter
	Log    *slog.Logger
	Client *http.Client // to the ACME server; nil takes the usual one

	mu    sync.Mutex
	of    config.Box // what the source is made of, and nothing else
	tasks *supervise.Group
	over  func() // ends what the source does by itself
	now   atomic.Pointer[certificateSource]
}

// certificateSource is one origin of certificates.
type certificateSource interface {
	// get returns the certificate for a client.
	get(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// look gets what is new, and returns the certificates at hand and how long to wait
	// before the next time.
	look(ctx context.Context) (have []*tls.Certificate, next time.Duration, err error)
	// challenge answers an ACME server on the plain port.
	challenge(http.ResponseWriter, *http.Request)
}

var (
	_ certificateSource = (*certificateFiles)(nil)
	_ certificateSource = (*certificateOrder)(nil)
)

// only returns of a box what certificates depend on.
func only(b config.Box) config.Box {
	if b.HTTPS == "" {
		return config.Box{}
	}
	return config.Box{
		HTTPS: "on", TLSCertificate: b.TLSCertificate, TLSKey: b.TLSKey,
		ACMEDomains: b.ACMEDomains, ACMEEmail: b.ACMEEmail, ACMEDirectory: b.ACMEDirectory,
	}
}

// use goes over to the certificates of b. Files are read before it returns; an ACME
// server is asked in the background. Connections that are open go on.
func (c *certificates) use(b config.Box) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b = only(b)
	if b == c.of {
		return
	}
	c.end()
	c.of = b
	if b.HTTPS == "" {
		c.now.Store(nil)
		c.Alarms.Set(alarm.CertificateFailed, "box", false, "")
		c.Alarms.Set(alarm.CertificateEnds, "box", false, "")
		return
	}
	life, over := context.WithCancel(c.Root)
	c.over = over
	var s certificateSource
	if b.ACMEDomains != "" {
		s = newOrder(life, b, filepath.Join(c.Data, acmeFolder), c.Client)
	} else {
		f := &certificateFiles{certificate: b.TLSCertificate, key: b.TLSKey}
		c.report(f.look(c.Root))
		s = f
	}
	c.now.Store(&s)
	c.tasks = supervise.NewGroup(c.Root)
	c.tasks.Go(supervise.Task{Name: "certificates", Run: func(ctx context.Context) error { return c.watch(ctx, s) }})
}

// stop ends what runs.
func (c *certificates) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

func (c *certificates) end() {
	if c.tasks != nil {
		c.tasks.Stop()
		c.over() // after the task, which would make an alarm of it
		c.tasks, c.over = nil, nil
	}
}

// watch looks after a source until ctx ends.
func (c *certificates) watch(ctx context.Context, s certificateSource) error {
	for {
		have, next, err := s.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		c.report(have, next, err)
		t := time.NewTimer(next)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// report tells the alarms how a source is.
func (c *certificates) report(have []*tls.Certificate, _ time.Duration, err error) {
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	c.Alarms.Set(alarm.CertificateFailed, "box", err != nil, detail)
	detail = ""
	for _, cert := range have {
		if d := ending(cert.Leaf, time.Now()); d != "" {
			detail = d
		}
	}
	c.Alarms.Set(alarm.CertificateEnds, "box", detail != "", detail)
}

// ending says that a certificate has ended or soon will, or nothing.
func ending(leaf *x509.Certificate, now time.Time) string {
	name := leaf.Subject.CommonName
	if len(leaf.DNSNames) > 0 {
		name = strings.Join(leaf.DNSNames, ", ")
	}
	warn := certificateWarn
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life < 2*certificateWarn {
		warn = life / 3
	}
	end := leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		return "the certificate of " + name + " ended at " + end
	case left < warn:
		return "the certificate of " + name + " ends at " + end
	case now.Before(leaf.NotBefore):
		return "the certificate of " + name + " does not hold before " + leaf.NotBefore.UTC().Format("2006-01-02 15:04 UTC")
	}
	return ""
}

var errNoCertificate = errors.New("there is no certificate yet")

// config returns the settings of TLS.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1", acme.ALPNProto},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if s := c.now.Load(); s != nil {
				return (*s).get(h)
			}
			return nil, errNoCertificate
		},
	}
}

// challenges answers ACME servers, and gives everything else to next.
func (c *certificates) challenges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, challengePath) {
			if s := c.now.Load(); s != nil {
				(*s).challenge(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// check says whether the files of b can be used, unless they are in use already.
func (c *certificates) check(b config.Box) error {
	b = only(b)
	c.mu.Lock()
	same := b == c.of
	c.mu.Unlock()
	if same || b.TLSCertificate == "" {
		return nil
	}
	_, err := tls.LoadX509KeyPair(b.TLSCertificate, b.TLSKey)
	if err == nil {
		return nil
	}
	path := "box.tls_certificate"
	if _, unreadable := os.ReadFile(b.TLSKey); unreadable != nil {
		path, err = "box.tls_key", unreadable
	}
	return config.FieldErrors{{Path: path, Text: "cannot be used: " + err.Error()}}
}

// certificateFiles is a certificate and its key in files.
type certificateFiles struct {
	certificate, key string

	seen [2]os.FileInfo // of the last attempt; one task at a time
	err  error          // of it
	now  atomic.Pointer[tls.Certificate]
}

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := f.now.Load(); c != nil {
		return c, nil
	}
	return nil, errNoCertificate
}

func (f *certificateFiles) challenge(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// look reads the files if they are not what they were. What cannot be used does not
// take the place of what can.
func (f *certificateFiles) look(context.Context) (have []*tls.Certificate, next time.Duration, err error) {
	if f.changed() {
		var pair tls.Certificate
		if pair, f.err = tls.LoadX509KeyPair(f.certificate, f.key); f.err == nil {
			f.now.Store(&pair)
		} else {
			f.err = fmt.Errorf("%s and %s: %w", f.certificate, f.key, f.err)
		}
	}
	if c := f.now.Load(); c != nil {
		have = append(have, c)
	}
	return have, certificateLook, f.err
}

// changed reports whether one of the files is another than at the last attempt.
func (f *certificateFiles) changed() (changed bool) {
	for i, name := range []string{f.certificate, f.key} {
		info, err := os.Stat(name)
		was := f.seen[i]
		same := err == nil && was != nil && os.SameFile(info, was) && info.ModTime().Equal(was.ModTime()) && info.Size() == was.Size()
		if changed = changed || !same; err != nil {
			info = nil
		}
		f.seen[i] = info
	}
	return changed
}
