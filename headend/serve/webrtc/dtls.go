package webrtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
)

// certificate is what the box shows to all viewers, made anew at each start.
type certificate struct {
	tls         tls.Certificate
	fingerprint string // SHA-256, as in SDP
}

func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key of DTLS: %w", err)
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate of DTLS: %w", err)
	}
	sum := sha256.Sum256(der)
	return &certificate{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, colons(sum[:])}, nil
}

// colons writes bytes as fingerprints are written (RFC 8122 clause 5).
func colons(b []byte) string {
	var s strings.Builder
	for i, c := range b {
		if i > 0 {
			s.WriteByte(':')
		}
		s.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	return s.String()
}

// fingerprint is what an SDP says of the certificate of its sender.
type fingerprint struct{ algorithm, value string }

// matches reports whether a certificate is the one.
func (f fingerprint) matches(der []byte) bool {
	var sum []byte
	switch strings.ToLower(f.algorithm) {
	case "sha-1":
		s := sha1.Sum(der)
		sum = s[:]
	case "sha-256":
		s := sha256.Sum256(der)
		sum = s[:]
	case "sha-384":
		s := sha512.Sum384(der)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(der)
		sum = s[:]
	default:
		return false
	}
	return strings.EqualFold(colons(sum), f.value)
}

var errFingerprint = errors.New("the certificate of the player is not the one its SDP names")

// handshake sets DTLS up and returns the connection.
func (c *certificate) handshake(ctx context.Context, over *dtlsPipe, client bool, peer fingerprint) (*dtls.Conn, error) {
	both := []dtls.Option{
		dtls.WithCertificates(c.tls), dtls.WithSRTPProtectionProfiles(profiles...), dtls.WithInsecureSkipVerify(true),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithFlightInterval(200 * time.Millisecond), dtls.WithMTU(1200),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !peer.matches(raw[0]) {
				return errFingerprint
			}
			return nil
		}),
	}
	var conn *dtls.Conn
	var err error
	if client {
		var options []dtls.ClientOption
		for _, o := range both {
			options = append(options, o)
		}
		conn, err = dtls.ClientWithOptions(over, pipeAddr{}, options...)
	} else {
		options := []dtls.ServerOption{
			dtls.WithClientAuth(dtls.RequireAnyClientCert),
			dtls.WithInsecureSkipVerifyHello(true), // who is here was found by ICE
		}
		for _, o := range both {
			options = append(options, o)
		}
		conn, err = dtls.ServerWithOptions(over, pipeAddr{}, options...)
	}
	if err == nil {
		if err = conn.HandshakeContext(ctx); err != nil {
			conn.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("DTLS: %w", err)
	}
	return conn, nil
}

// pipeAddr is the address of a dtlsPipe: wherever ICE says.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "ice" }
func (pipeAddr) String() string  { return "ice" }

// dtlsPipe is the net.PacketConn that DTLS of one session runs over.
type dtlsPipe struct {
	out func([]byte)
	in  chan []byte

	mu      sync.Mutex
	expire  chan struct{} // closed when the read deadline has passed
	timer   *time.Timer
	closed  chan struct{}
	closing sync.Once
}

var _ net.PacketConn = (*dtlsPipe)(nil)

func newDTLSPipe(out func([]byte)) *dtlsPipe {
	return &dtlsPipe{out: out, in: make(chan []byte, 32), expire: make(chan struct{}), closed: make(chan struct{})}
}

// deliver hands a datagram in. It keeps a copy, and does not block: what is too much is
// dropped, and comes again.
func (p *dtlsPipe) deliver(b []byte) {
	select {
	case p.in <- append([]byte(nil), b...):
	default:
	}
}

// ReadFrom implements net.PacketConn.
func (p *dtlsPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	expire := p.expire
	p.mu.Unlock()
	select {
	case <-p.closed:
		return 0, nil, net.ErrClosed
	default:
	}
	select {
	case d := <-p.in:
		return copy(b, d), pipeAddr{}, nil
	case <-expire:
		return 0, nil, os.ErrDeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (p *dtlsPipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	default:
	}
	p.out(b)
	return len(b), nil
}

// Close implements net.PacketConn.
func (p *dtlsPipe) Close() error {
	p.closing.Do(func() { close(p.closed) })
	return p.SetReadDeadline(time.Time{})
}

// LocalAddr implements net.PacketConn.
func (p *dtlsPipe) LocalAddr() net.Addr { return pipeAddr{} }

// SetDeadline implements net.PacketConn.
func (p *dtlsPipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *dtlsPipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	select {
	case <-p.expire:
		p.expire = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return nil
	}
	expire := p.expire
	d := time.Until(t)
	if d <= 0 {
		close(expire)
		return nil
	}
	p.timer = time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.expire == expire {
			select {
			case <-expire:
			default:
				close(expire)
			}
		}
	})
	return nil
}

// SetWriteDeadline implements net.PacketConn: writing never blocks.
func (p *dtlsPipe) SetWriteDeadline(time.Time) error { return nil }
