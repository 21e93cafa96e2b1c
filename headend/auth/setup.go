package auth

import (
	"crypto/rand"
	"math/big"
	"strings"
)

// codeLetters has no letter or digit that is taken for another: no 0 O, 1 I L, U V.
const codeLetters = "23456789ABCDEFGHJKMNPQRSTWXYZ"

// CodeTries is how often a setup code may be tried before a new one is needed.
const CodeTries = 5

// NewCode returns a one-time setup code of 58 random bits, such as K7QM-2WXR-9HTB.
// Keep only its hash: Hasher.Hash(NormalCode(code)).
func NewCode() string {
	b := make([]byte, 0, 14)
	for i := range 12 {
		if i == 4 || i == 8 {
			b = append(b, '-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(codeLetters))))
		if err != nil {
			panic("random numbers: " + err.Error()) //nolint:forbidigo // crypto/rand.Reader never fails
		}
		b = append(b, codeLetters[n.Int64()])
	}
	return string(b)
}

// NormalCode takes out of a code what people add or leave out when they type it.
func NormalCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(s))
}
