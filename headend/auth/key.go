package auth

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxKeyLine bounds a line of an authorized_keys file: an RSA key of 16384 bits
// with its comment takes under 3 KiB.
const maxKeyLine = 8 << 10

// minRSA is the shortest RSA key taken, in bits.
const minRSA = 2048

// Key is an SSH public key.
type Key struct {
	Fingerprint string // SHA256:… as ssh-keygen -l shows it
	Comment     string
	Line        string // type and key, as in authorized_keys, without the comment
}

// ParseKey reads one line of an authorized_keys file (sshd(8)). Options before the
// key are refused: they would be promises that nobody keeps here.
func ParseKey(line string) (Key, error) {
	line = strings.TrimSpace(line)
	switch {
	case line == "":
		return Key{}, errors.New("the key is empty: paste the line of a .pub file")
	case len(line) > maxKeyLine:
		return Key{}, fmt.Errorf("the key is %d bytes long: expected at most %d", len(line), maxKeyLine)
	case strings.Contains(line, "PRIVATE KEY"):
		return Key{}, errors.New("this is a private key: never show it to anybody; paste the line of the .pub file")
	case strings.ContainsAny(line, "\r\n"):
		return Key{}, errors.New("the key has several lines: paste one line of a .pub file at a time")
	}
	pub, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return Key{}, errors.New("this is not an SSH public key: expected a line such as 'ssh-ed25519 AAAA… name'")
	}
	if len(options) > 0 {
		return Key{}, fmt.Errorf("the option %q before the key is not supported: take it out", options[0])
	}
	if _, isCert := pub.(*ssh.Certificate); isCert || pub.Type() == "ssh-dss" {
		return Key{}, fmt.Errorf("keys of type %s are not taken: expected ed25519, ecdsa or rsa", pub.Type())
	}
	if c, ok := pub.(ssh.CryptoPublicKey); ok {
		if k, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < minRSA {
			return Key{}, fmt.Errorf("the RSA key has %d bits: expected at least %d", k.N.BitLen(), minRSA)
		}
	}
	return Key{
		Fingerprint: ssh.FingerprintSHA256(pub),
		Comment:     comment,
		Line:        strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub))),
	}, nil
}
