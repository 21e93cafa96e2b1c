package headend

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"sigma/headend/alarm"
	"sigma/headend/config"
)

// lastStates keeps the newest state of each alarm.
type lastStates struct {
	mu sync.Mutex
	m  map[alarm.Code]string
}

func (s *lastStates) Set(code alarm.Code, _ string, on bool, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[alarm.Code]string{}
	}
	delete(s.m, code)
	if on {
		s.m[code] = detail
	}
}

func (s *lastStates) detail(code alarm.Code) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[code]
}

func secureWeb(t *testing.T, alarms alarm.Reporter, client *http.Client) *web {
	w := &web{
		Root: t.Context(), Alarms: alarms, Log: slog.New(slog.DiscardHandler),
		Certs:   &certificates{Root: t.Context(), Data: t.TempDir(), Alarms: alarms, Client: client},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "here "+r.Proto) }),
		Console: func(l net.Listener) error { _, err := l.Accept(); return err },
	}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func claim(t *testing.T, w *web, b config.Box) {
	t.Helper()
	release, err := w.Claim(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// free returns an address of the loopback interface that is not in use.
func free(t *testing.T) string {
	l := hold(t)
	_ = l.Close()
	return l.Addr().String()
}

// issue writes a certificate of its own authority that holds until end, and its key.
func issue(t *testing.T, dir string, serial int64, end time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "tv.example.net"}, DNSNames: []string{"tv.example.net"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-90 * 24 * time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// run runs a judge and returns what it says.
func run(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s: %v", name, err)
	}
	return string(out)
}

// TestHTTPSWithFiles has curl and openssl look at the door while its certificate changes.
func TestHTTPSWithFiles(t *testing.T) {
	alarms, dir := &lastStates{}, t.TempDir()
	w := secureWeb(t, alarms, nil)
	certificate, key := issue(t, dir, 1, time.Now().Add(100*24*time.Hour))
	box := config.Box{HTTP: free(t), SSH: "127.0.0.1:0", HTTPS: free(t), TLSCertificate: certificate, TLSKey: key}
	if err := w.Check(t.Context(), box); err != nil {
		t.Fatal(err)
	}
	claim(t, w, box)
	url := "https://" + box.HTTPS + "/"
	for option, want := range map[string]string{"--http2": "here HTTP/2.0", "--http1.1": "here HTTP/1.1", "--tls-max=1.2": "here HTTP/2.0"} {
		args := append([]string{"-sS", "--cacert", certificate}, strings.Split(option, "=")...)
		if got := run(t, "", "curl", append(args, url)...); got != want {
			t.Errorf("curl %s: %q", option, got)
		}
	}
	if out := run(t, "", "openssl", "s_client", "-connect", box.HTTPS, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"); !strings.Contains(out, "alert") {
		t.Errorf("TLS 1.1 is spoken: %s", out)
	}
	if out := run(t, "", "openssl", "s_client", "-connect", box.HTTPS, "-alpn", "h2", "-CAfile", certificate); !strings.Contains(out, "Verify return code: 0") || !strings.Contains(out, "ALPN protocol: h2") {
		t.Errorf("openssl: %s", out)
	}

	old, err := tls.Dial("tcp", box.HTTPS, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if _, err := io.WriteString(old, "GET / HTTP/1.1\r\nHost: tv\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	issue(t, dir, 2, time.Now().Add(10*24*time.Hour))
	waitFor(t, "the new certificate is shown", func() bool { return serial(t, box.HTTPS) == 2 })
	if d := alarms.detail(alarm.CertificateEnds); !strings.Contains(d, "tv.example.net ends at") {
		t.Errorf("ten days before the end: %q", d)
	}
	if err := os.WriteFile(key, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "an alarm about a key that is none", func() bool { return strings.Contains(alarms.detail(alarm.CertificateFailed), "key.pem") })
	if serial(t, box.HTTPS) != 2 {
		t.Error("the certificate that works was given up for one that does not")
	}
	issue(t, dir, 3, time.Now().Add(100*24*time.Hour))
	waitFor(t, "the third certificate is shown", func() bool { return serial(t, box.HTTPS) == 3 })
	waitFor(t, "no alarm is left", func() bool { return alarms.detail(alarm.CertificateFailed)+alarms.detail(alarm.CertificateEnds) == "" })

	// HTTPS moves and goes; who is connected stays.
	moved := box
	moved.HTTPS = free(t)
	claim(t, w, moved)
	if serial(t, moved.HTTPS) != 3 {
		t.Error("not there where it moved to")
	}
	none := config.Box{HTTP: box.HTTP, SSH: box.SSH}
	claim(t, w, none)
	if c, err := net.Dial("tcp", moved.HTTPS); err == nil {
		c.Close()
		t.Error("HTTPS is still listened on")
	}
	if _, err := io.WriteString(old, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(old); err != nil || !bytes.HasSuffix(got, []byte("here HTTP/1.0")) || bytes.Count(got, []byte("200 OK")) != 2 {
		t.Errorf("the connection from before: %q %v", got, err)
	}
	box.TLSKey = filepath.Join(dir, "none.pem")
	if err := w.Check(t.Context(), box); err == nil || !strings.Contains(err.Error(), "box.tls_key") {
		t.Errorf("a key that is not there: %v", err)
	}
}

func serial(t *testing.T, addr string) int64 {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return 0
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// authority is an ACME server on the loopback interface that asks ports of the box.
func authority(t *testing.T, plain, secure int) (directory string, client *http.Client, roots *x509.CertPool) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	names := free(t)
	dns, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{names}, Log: log.New(io.Discard, "", 0)})
	if err != nil {
		t.Fatal(err)
	}
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	go dns.Run()
	t.Cleanup(dns.Shutdown)
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "usual", ValidityPeriod: 90 * 24 * 3600}})
	asks := va.New(quiet, plain, secure, true, names, store)
	front := wfe.New(quiet, store, asks, issuer, []string{"ca.example.net"}, true, false, 1, 1)
	srv := httptest.NewTLSServer(front.Handler())
	t.Cleanup(srv.Close)
	roots = x509.NewCertPool()
	block, _ := pem.Decode(issuer.GetRootCert(0).PEM())
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(root)
	return srv.URL + wfe.DirectoryPath, srv.Client(), roots
}

// TestHTTPSWithACME gets certificates of a real ACME server by each way it proves a name.
func TestHTTPSWithACME(t *testing.T) {
	port := func(addr string) int {
		n, err := strconv.Atoi(portOf(addr))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, way := range []string{"tls-alpn-01", "http-01"} {
		t.Run(way, func(t *testing.T) {
			box := config.Box{HTTP: free(t), SSH: "127.0.0.1:0", HTTPS: free(t), ACMEDomains: "TV.example.net, www.example.net", ACMEEmail: "noc@example.net"}
			plain, secure := port(box.HTTP), port(box.HTTPS)
			if way == "http-01" {
				secure = port(free(t))
			} else {
				plain = port(free(t))
			}
			directory, client, roots := authority(t, plain, secure)
			box.ACMEDirectory = directory
			alarms := &lastStates{}
			w := secureWeb(t, alarms, client)
			claim(t, w, box)
			for _, name := range []string{"tv.example.net", "www.example.net", ""} {
				shown := func() bool {
					c, err := tls.Dial("tcp", box.HTTPS, &tls.Config{RootCAs: roots, ServerName: name, InsecureSkipVerify: name == ""})
					if err != nil {
						return false
					}
					return c.Close() == nil
				}
				waitFor(t, "a certificate for "+name, func() bool {
					if d := alarms.detail(alarm.CertificateFailed); d != "" {
						t.Fatal(d)
					}
					return shown()
				})
			}
			if d := alarms.detail(alarm.CertificateFailed) + alarms.detail(alarm.CertificateEnds); d != "" {
				t.Error(d)
			}
			// Another daemon on the same folder has it at once, without the server.
			again := secureWeb(t, alarms, &http.Client{Transport: &http.Transport{Proxy: nil, DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }}})
			again.Certs.Data = w.Certs.Data
			claim(t, again, config.Box{HTTP: "127.0.0.1:0", SSH: "127.0.0.1:0", HTTPS: free(t), ACMEDomains: "tv.example.net", ACMEDirectory: directory})
			addr := again.doors[alarm.HTTPSListenFailed].addr
			waitFor(t, "the certificate that is kept", func() bool { return serial(t, addr) != 0 })
		})
	}
}

// TestACMEFails: a name that does not lead here is an alarm, and clients do not make the
// box ask again.
func TestACMEFails(t *testing.T) {
	directory, client, _ := authority(t, 1, 1)
	alarms := &lastStates{}
	w := secureWeb(t, alarms, client)
	box := config.Box{HTTP: free(t), SSH: "127.0.0.1:0", HTTPS: free(t), ACMEDomains: "tv.example.net", ACMEDirectory: directory}
	claim(t, w, box)
	waitFor(t, "an alarm", func() bool { return strings.Contains(alarms.detail(alarm.CertificateFailed), "tv.example.net") })
	before := time.Now()
	for range 20 {
		if serial(t, box.HTTPS) != 0 {
			t.Fatal("a certificate out of nothing")
		}
	}
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("20 refused connections took %s", took)
	}
}
