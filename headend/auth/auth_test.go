package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestHash(t *testing.T) {
	h := NewHasher(1)
	enc, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.Hash(t.Context(), "correct horse")
	if err != nil || again == enc {
		t.Errorf("two hashes are the same, or %v", err)
	}
	for secret, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false} {
		if got, err := h.Verify(t.Context(), enc, secret); got != want || err != nil {
			t.Errorf("%q: %v, %v", secret, got, err)
		}
	}
	if got, err := h.Verify(t.Context(), "", "anything"); got || err != nil {
		t.Errorf("no hash: %v, %v", got, err)
	}
}

// TestHashOfReference checks a hash made by the reference implementation:
// echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24 -e
func TestHashOfReference(t *testing.T) {
	h := NewHasher(1)
	const ref = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if got, err := h.Verify(t.Context(), ref, "password"); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestHasherIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hasher{running: make(chan struct{}, 1), waiting: make(chan struct{}, 2)}
		h.running <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := h.Hash(ctx, "x")
				errs <- err
			}()
		}
		synctest.Wait()
		if _, err := h.Verify(ctx, "", "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
		cancel()
		for range 2 {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// What was right is known for a while without hashing, and only that.
func TestHasherKnowsWhatWasRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(1)
		one, err := h.Hash(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		other, err := h.Hash(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		if good, err := h.Verify(t.Context(), one, "two"); good || err != nil {
			t.Fatal(good, err)
		}
		if good, err := h.Verify(t.Context(), one, "one"); !good || err != nil {
			t.Fatal(good, err)
		}
		h.running <- struct{}{} // nothing can be hashed now
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if good, err := h.Verify(ended, one, "one"); !good || err != nil {
			t.Errorf("right a moment ago: got %v, %v", good, err)
		}
		for _, c := range [][2]string{{one, "two"}, {one, ""}, {other, "one"}, {"", "one"}} {
			if good, err := h.Verify(ended, c[0], c[1]); good || !errors.Is(err, context.Canceled) {
				t.Errorf("%s with %q: got %v, %v", c[0], c[1], good, err)
			}
		}
		time.Sleep(proofTime)
		if good, err := h.Verify(ended, one, "one"); good || !errors.Is(err, context.Canceled) {
			t.Errorf("right long ago: got %v, %v", good, err)
		}
	})
}

func TestRules(t *testing.T) {
	for pw, good := range map[string]bool{"short": false, "aaaaaaaaaaaa": false, "ann-ann-ann": false, "nine char": false,
		"ten chars!": true, "mật khẩu dài": true, strings.Repeat("ab", 129): false, "my name is ann indeed": true} {
		if err := CheckPassword("ann", pw); (err == nil) != good {
			t.Errorf("%q: %v", pw, err)
		}
	}
	for name, good := range map[string]bool{"ann": true, "a.b-c_9": true, "": false, "Ann": false, "9a": false, "a b": false, "é": false, strings.Repeat("a", 33): false} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRoleText(t *testing.T) {
	for _, r := range []Role{Nobody, Viewer, Operator, Admin} {
		b, err := r.MarshalText()
		var back Role
		if err != nil || back.UnmarshalText(b) != nil || back != r {
			t.Errorf("%v reads back as %v", r, back)
		}
	}
	var r Role
	if r.UnmarshalText([]byte("root")) == nil {
		t.Error("root was read as a role")
	}
}

func line(t testing.TB, key any) string {
	p, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p)))
}

func TestParseKey(t *testing.T) {
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := line(t, pub)
	k, err := ParseKey("  " + good + " ann@laptop\n")
	if err != nil || k.Comment != "ann@laptop" || k.Line != good || !strings.HasPrefix(k.Fingerprint, "SHA256:") {
		t.Errorf("got %+v, %v", k, err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{
		"empty": "", "words": "hello world", "weak": line(t, &weak.PublicKey), "options": `command="x" ` + good,
		"two": good + "\n" + good, "private": "-----BEGIN OPENSSH PRIVATE KEY-----", "long": strings.Repeat("a", maxKeyLine+1),
	} {
		if _, err := ParseKey(in); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestFingerprintAsSSHKeygen(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.CommandContext(t.Context(), keygen, "-q", "-t", "ecdsa", "-N", "", "-C", "me here", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	show, err := exec.CommandContext(t.Context(), keygen, "-l", "-f", file+".pub").Output()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := exec.CommandContext(t.Context(), keygen, "-y", "-f", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKey(string(pub))
	if err != nil || !strings.Contains(string(show), k.Fingerprint) {
		t.Errorf("%s: %+v, %v", show, k, err)
	}
}

func TestToken(t *testing.T) {
	token, id, hash := NewToken()
	if got, ok := TokenID(token); !ok || got != id {
		t.Errorf("id %q %v of %q", got, ok, token)
	}
	if !TokenMatches(token, hash) || TokenMatches(token+"x", hash) || TokenMatches(token, nil) {
		t.Error("the hash does not tell tokens apart")
	}
	for _, bad := range []string{"", "headend_", token[:len(token)-1], "x" + token[1:], strings.Replace(token, id, strings.Repeat("z", 16), 1)} {
		if _, ok := TokenID(bad); ok {
			t.Errorf("%q has the form of a token", bad)
		}
	}
}

func TestCode(t *testing.T) {
	a := NewCode()
	if len(a) != 14 || a[4] != '-' || a[9] != '-' || a == NewCode() {
		t.Errorf("code %q", a)
	}
	if NormalCode(strings.ToLower(" "+strings.ReplaceAll(a, "-", " "))) != NormalCode(a) {
		t.Error("a code typed in small letters with spaces is another code")
	}
}

func TestLockout(t *testing.T) {
	var l Lockout
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 4 {
		first, caused := l.Fail("ann", "10.0.0.1:999", now)
		if first != (i == 0) || len(caused) != 0 {
			t.Fatalf("failure %d: first %v caused %v", i, first, caused)
		}
	}
	if !l.Locked("ann", "10.0.0.1:5", now).IsZero() {
		t.Error("locked after 4")
	}
	_, caused := l.Fail("ann", "10.0.0.1", now)
	if len(caused) != 1 || !l.Locked("ann", "10.0.0.1:7", now).Equal(now.Add(5*time.Minute)) {
		t.Errorf("after 5: %v", caused)
	}
	for who, where := range map[string]string{"bob": "10.0.0.1", "ann": "10.0.0.2"} {
		if !l.Locked(who, where, now).IsZero() {
			t.Errorf("%s from %s is locked too", who, where)
		}
	}
	if !l.Locked("ann", "", now).IsZero() {
		t.Error("the local terminal is locked")
	}
	now = now.Add(5 * time.Minute)
	if !l.Locked("ann", "10.0.0.1", now).IsZero() {
		t.Error("still locked")
	}
	for range 5 {
		_, caused = l.Fail("ann", "10.0.0.1", now)
	}
	if len(caused) != 1 || !caused[0].Until.Equal(now.Add(10*time.Minute)) {
		t.Errorf("the second lock: %v", caused)
	}
	var fresh Lockout
	fresh.Restore(caused, now)
	if !fresh.Locked("ann", "10.0.0.1", now).Equal(caused[0].Until) || fresh.NameLocked("ann", now).IsZero() {
		t.Error("a lock does not outlast a restart")
	}
	if keys := l.Unlock("ann"); len(keys) != 2 || !l.NameLocked("ann", now).IsZero() {
		t.Errorf("unlocked %v", keys)
	}
}

func TestLockoutOfAddress(t *testing.T) {
	var l Lockout
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range hostFailures {
		l.Fail(fmt.Sprintf("user%d", i), fmt.Sprintf("[2001:db8::%x]:22", i+1), now)
	}
	if l.Locked("new", "[2001:db8::ffff]:22", now).IsZero() {
		t.Error("one /64 may try as many names as it likes")
	}
	if !l.Locked("new", "[2001:db8:0:1::1]:22", now).IsZero() {
		t.Error("the next /64 is locked too")
	}
	l.Succeed("user1", "[2001:db8::1]:22")
	if l.Locked("user1", "[2001:db8::1]:22", now).IsZero() {
		t.Error("a good login excuses the address")
	}
}

func TestLockoutMemoryIsBounded(t *testing.T) {
	var l Lockout
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 5 {
		l.Fail("ann", "10.0.0.1", now)
	}
	for i := range 3 * maxTracked / 2 {
		if i%1000 == 0 {
			now = now.Add(6 * time.Second)
		}
		l.Fail(fmt.Sprint("x", i), fmt.Sprintf("10.%d.%d.%d", i>>16+1, i>>8&255, i&255), now)
		if len(l.rows) > maxTracked {
			t.Fatalf("%d rows", len(l.rows))
		}
		if i == 1000 {
			now = now.Add(lockWindow + time.Second)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=4294967295,t=2,p=1$$")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseHash(s)
		if err == nil && (p.memory > maxMemory || p.time == 0 || p.time > maxTime || p.threads == 0 || p.threads > maxThreads || len(p.salt) < 8 || len(p.key) < 16 || len(p.key) > 64) {
			t.Errorf("%q gives %+v", s, p)
		}
	})
}

func FuzzAuthorizedKey(f *testing.F) {
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line(f, pub))
	f.Add(`no-pty,command="x" ssh-ed25519 AAAA`)
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		if err != nil {
			return
		}
		again, err := ParseKey(k.Line)
		if err != nil || again.Fingerprint != k.Fingerprint {
			t.Errorf("%q reads back as %+v, %v", k.Line, again, err)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := NewHasher(1)
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}
