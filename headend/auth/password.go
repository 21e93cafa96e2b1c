package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The cost of a password hash: argon2id, RFC 9106, with the parameters of its
// memory-constrained choice lowered to what takes about 50 ms on a small machine.
const (
	hashTime    = 2
	hashMemory  = 32 << 10 // KiB
	hashThreads = 1
	hashSalt    = 16 // bytes
	hashLength  = 32 // bytes
)

// What an encoded hash may ask for at most, so that a row of the database cannot
// exhaust the machine.
const (
	maxTime    = 16
	maxMemory  = 256 << 10 // KiB
	maxThreads = 16
)

// MinPassword is the least length of a password, in characters; MaxPassword the
// greatest, in bytes.
const (
	MinPassword = 10
	MaxPassword = 256
)

// ErrBusy means that too many passwords are being checked at once.
var ErrBusy = errors.New("too many logins at once: try again in a moment")

// CheckPassword says what is wrong with a new password for the user name, or nil.
func CheckPassword(name, password string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		return fmt.Errorf("the password has %d characters: expected at least %d", n, MinPassword)
	case len(password) > MaxPassword:
		return fmt.Errorf("the password is %d bytes long: expected at most %d", len(password), MaxPassword)
	case name != "" && strings.Contains(strings.ToLower(password), strings.ToLower(name)) && n < len(name)+MinPassword:
		return errors.New("the password is little more than the name: choose other words")
	}
	first, _ := utf8.DecodeRuneInString(password)
	if strings.Trim(password, string(first)) == "" {
		return errors.New("the password is one character again and again: choose words")
	}
	return nil
}

// CheckName says what is wrong with the name of a user, or nil.
func CheckName(name string) error {
	ok := name != "" && len(name) <= 32 && name[0] >= 'a' && name[0] <= 'z'
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._-", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("%q is not a user name: expected 1 to 32 small letters, digits and . _ -, a letter first", name)
	}
	return nil
}

// Hasher hashes passwords. It is safe for concurrent use, and bounds how many are
// hashed at once, for each takes 32 MiB. What was right a short while ago it knows
// without hashing, for clients of the API send the password with every request.
type Hasher struct {
	running chan struct{}
	waiting chan struct{}
	proofs  proofs
}

const (
	proofTime = 5 * time.Minute // how long a password that was right is known
	maxProofs = 64
)

// proofs are the passwords that were right of late, by what only this process can
// compute of them.
type proofs struct {
	mu    sync.Mutex
	key   [32]byte
	until map[[sha256.Size]byte]time.Time
}

func (p *proofs) of(encoded, secret string) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, p.key[:])
	fmt.Fprintf(m, "%d %s%s", len(encoded), encoded, secret)
	return [sha256.Size]byte(m.Sum(nil))
}

func (p *proofs) known(encoded, secret string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.until[p.of(encoded, secret)])
}

func (p *proofs) add(encoded, secret string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(p.until, func(_ [sha256.Size]byte, until time.Time) bool { return !now.Before(until) })
	if len(p.until) < maxProofs {
		p.until[p.of(encoded, secret)] = now.Add(proofTime)
	}
}

// NewHasher returns a Hasher for parallel hashes at once and 16 times as many that
// wait for their turn.
func NewHasher(parallel int) *Hasher {
	h := &Hasher{running: make(chan struct{}, parallel), waiting: make(chan struct{}, 16*parallel)}
	h.proofs.until = map[[sha256.Size]byte]time.Time{}
	rand.Read(h.proofs.key[:]) // never fails: it ends the program instead
	return h
}

// enter takes a place, and returns a function that gives it back.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		return func() { <-h.running }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Hash returns the hash of a secret with a new salt, in the PHC string format:
// $argon2id$v=19$m=32768,t=2,p=1$salt$hash. It blocks until it has a place; the
// error is ErrBusy or that of ctx.
func (h *Hasher) Hash(ctx context.Context, secret string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, hashSalt)
	rand.Read(salt) // never fails: it ends the program instead
	key := argon2.IDKey([]byte(secret), salt, hashTime, hashMemory, hashThreads, hashLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// Verify reports whether secret has the encoded hash. With an empty hash it takes
// as long and answers false, so that its time does not tell whether a user exists.
// It blocks until it has a place; for 5 minutes after secret was right it answers at
// once.
func (h *Hasher) Verify(ctx context.Context, encoded, secret string) (bool, error) {
	p := params{time: hashTime, memory: hashMemory, threads: hashThreads, salt: make([]byte, hashSalt), key: make([]byte, hashLength)}
	if encoded != "" {
		var err error
		if p, err = parseHash(encoded); err != nil {
			return false, err
		}
	}
	if encoded != "" && h.proofs.known(encoded, secret) {
		return true, nil
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	key := argon2.IDKey([]byte(secret), p.salt, p.time, p.memory, p.threads, uint32(len(p.key)))
	good := subtle.ConstantTimeCompare(key, p.key) == 1 && encoded != ""
	if good {
		h.proofs.add(encoded, secret)
	}
	return good, nil
}

type params struct {
	time, memory uint32
	threads      uint8
	salt, key    []byte
}

// parseHash reads the PHC string format of argon2id, version 19.
func parseHash(s string) (p params, err error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v=19" {
		return p, errors.New("password hash: expected $argon2id$v=19$m=…,t=…,p=…$salt$hash")
	}
	costs := strings.Split(f[3], ",")
	if len(costs) != 3 {
		return p, fmt.Errorf("password hash: %q: expected m=…,t=…,p=…", f[3])
	}
	var v [3]uint64
	for i, c := range []struct {
		key  string
		most uint64
	}{{"m=", maxMemory}, {"t=", maxTime}, {"p=", maxThreads}} {
		digits, ok := strings.CutPrefix(costs[i], c.key)
		if v[i], err = strconv.ParseUint(digits, 10, 32); err != nil || !ok || v[i] == 0 || v[i] > c.most {
			return p, fmt.Errorf("password hash: %q: expected %s1 to %d", costs[i], c.key, c.most)
		}
	}
	p.memory, p.time, p.threads = uint32(v[0]), uint32(v[1]), uint8(v[2])
	if len(s) > 512 {
		return p, fmt.Errorf("password hash: %d bytes long: expected at most 512", len(s))
	}
	p.salt, err = base64.RawStdEncoding.Strict().DecodeString(f[4])
	if err != nil || len(p.salt) < 8 || len(p.salt) > 64 {
		return p, errors.New("password hash: expected a salt of 8 to 64 bytes in base64")
	}
	p.key, err = base64.RawStdEncoding.Strict().DecodeString(f[5])
	if err != nil || len(p.key) < 16 || len(p.key) > 64 {
		return p, errors.New("password hash: expected a hash of 16 to 64 bytes in base64")
	}
	return p, nil
}
