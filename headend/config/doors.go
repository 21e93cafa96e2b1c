package config

import (
	"net/mail"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// NoOnPlay is the OnPlay of a channel that everybody may watch, whatever the box says.
const NoOnPlay = "none"

// MaxDomains is how many host names the box gets certificates for at most.
const MaxDomains = 32

// tls checks that HTTPS has one source of certificates.
func (v *validator) tls(b Box) {
	files := b.TLSCertificate != "" || b.TLSKey != ""
	switch {
	case b.HTTPS != "" && !files && b.ACMEDomains == "":
		v.fail("box.https", "needs a certificate: give tls_certificate and tls_key, or acme_domains to get one by ACME")
	case files && b.ACMEDomains != "":
		v.fail("box.acme_domains", "expected either files or names for ACME: take out tls_certificate and tls_key, or this")
	case b.TLSCertificate == "" && b.TLSKey != "":
		v.fail("box.tls_certificate", "is empty, but tls_key is not: expected both")
	case b.TLSCertificate != "" && b.TLSKey == "":
		v.fail("box.tls_key", "is empty, but tls_certificate is not: expected both")
	}
	if b.HTTPS != "" && (b.HTTPS == b.HTTP || b.HTTPS == b.SSH) {
		v.fail("box.https", "%s is taken by box.http or box.ssh: expected another port", b.HTTPS)
	}
	for _, p := range []struct{ path, file string }{{"box.tls_certificate", b.TLSCertificate}, {"box.tls_key", b.TLSKey}} {
		if v.line(p.path, p.file, 4096); p.file != "" && !filepath.IsAbs(p.file) {
			v.fail(p.path, "%q is not a full path: expected one that begins with /", p.file)
		}
	}
	v.acme(b)
}

func (v *validator) acme(b Box) {
	domains := List(b.ACMEDomains)
	if len(domains) > MaxDomains {
		v.fail("box.acme_domains", "%d names: expected at most %d", len(domains), MaxDomains)
	}
	for _, name := range domains {
		if !hostName(name) {
			v.fail("box.acme_domains", "%q is not a host name: expected one such as tv.example.net", name)
		}
	}
	if a, err := mail.ParseAddress(b.ACMEEmail); b.ACMEEmail != "" && (err != nil || a.Address != b.ACMEEmail) {
		v.fail("box.acme_email", "%q is not an e-mail address: expected one such as noc@example.net", b.ACMEEmail)
	}
	if u, err := url.Parse(b.ACMEDirectory); b.ACMEDirectory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		v.fail("box.acme_directory", "expected the https:// address of an ACME directory")
	}
}

// hostName reports whether s is a name of two or more labels of letters, digits and
// dashes (RFC 1123 clause 2.1) whose last is no number.
func hostName(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, c := range []byte(l) {
			if !nameByte(c) || c == '_' || c == '.' {
				return false
			}
		}
	}
	_, err := strconv.Atoi(labels[len(labels)-1])
	return len(labels) > 1 && len(s) <= 253 && err != nil
}

// onPlay checks the URL of what decides about viewers.
func (v *validator) onPlay(path, s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	switch {
	case len(s) > 2048 || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "":
		v.fail(path, "expected an http:// or https:// address, such as http://middleware.example.net/auth")
	case strings.Contains(s, Mask):
		v.fail(path, "the secret is masked and not known here: write it out instead of %s", Mask)
	}
}

// videoTrack reports whether s is v1 to v99.
func videoTrack(s string) bool {
	number, ok := strings.CutPrefix(s, "v")
	n, err := strconv.Atoi(number)
	return ok && err == nil && n >= 1 && n <= 99 && strconv.Itoa(n) == number
}
