package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// tokenPrefix lets people and secret scanners see what a string is.
const tokenPrefix = "headend_"

// NewToken returns a new token, the id to find it by, and the hash to keep. The
// secret in it has 256 random bits, which is why a plain hash suffices.
func NewToken() (token, id string, hash []byte) {
	var b [8 + 32]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	id = hex.EncodeToString(b[:8])
	token = tokenPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(b[8:])
	return token, id, hashToken(token)
}

// TokenID returns the id within a token, or false if it has not the form of one.
func TokenID(token string) (string, bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(rest) != 16+1+43 || rest[16] != '_' {
		return "", false
	}
	_, err := hex.DecodeString(rest[:16])
	return rest[:16], err == nil
}

// TokenMatches reports whether token has the hash, in a time that tells nothing.
func TokenMatches(token string, hash []byte) bool {
	return subtle.ConstantTimeCompare(hashToken(token), hash) == 1
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
