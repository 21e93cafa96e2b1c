package auth

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// The limits of failed logins. They count within lockWindow; the first lock lasts
// lockFirst, each one after it twice as long, at most lockLongest.
const (
	lockWindow   = 10 * time.Minute
	lockFirst    = 5 * time.Minute
	lockLongest  = time.Hour
	lockForget   = 24 * time.Hour // after this long without a failure all is forgiven
	pairFailures = 5              // of one name from one address
	hostFailures = 20             // of any names from one address
	nameFailures = 100            // of one name from any addresses
	maxTracked   = 10_000
)

// TokenName stands where a user would be named and a token, which names nobody, is
// shown. It is counted by address alone: were all wrong tokens of the world one name,
// anybody could lock out those that are good.
const TokenName = "(token)"

// Lockout counts failed logins and locks out who fails too often: an address for
// one name, an address for all names, and a name for all addresses. The local
// terminal (an empty address) is never locked out. It is safe for concurrent use
// and its memory is bounded; the zero value is ready.
type Lockout struct {
	mu   sync.Mutex
	rows map[string]*lockRow
}

type lockRow struct {
	failures int
	first    time.Time // of the failures counted
	last     time.Time
	locks    int
	until    time.Time
}

// Lock is one lock, for keeping it over a restart.
type Lock struct {
	Key   string
	Locks int
	Until time.Time
}

// lockKeys names the counters of an attempt and their limits.
func lockKeys(name, remote string) (keys []string, limits []int) {
	host := hostOf(remote)
	keys, limits = []string{"pair " + name + " " + host, "host " + host}, []int{pairFailures, hostFailures}
	if name != TokenName {
		keys, limits = append(keys, "name "+name), append(limits, nameFailures)
	}
	return keys, limits
}

// hostOf cuts the port off an address, and an IPv6 address to its /64, which is
// what one machine can choose from.
func hostOf(remote string) string {
	a, err := netip.ParseAddr(strings.Trim(remote, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(remote)
		if err != nil {
			return remote
		}
		a = ap.Addr()
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.String()
		}
	}
	return a.String()
}

// Locked returns until when the name is locked out from remote, or the zero time.
func (l *Lockout) Locked(name, remote string, now time.Time) time.Time {
	if remote == "" {
		return time.Time{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var until time.Time
	keys, _ := lockKeys(name, remote)
	for _, k := range keys {
		if r := l.rows[k]; r != nil && r.until.After(now) && r.until.After(until) {
			until = r.until
		}
	}
	return until
}

// NameLocked returns until when any address is locked out for the name.
func (l *Lockout) NameLocked(name string, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var until time.Time
	for k, r := range l.rows {
		if (k == "name "+name || strings.HasPrefix(k, "pair "+name+" ")) && r.until.After(now) && r.until.After(until) {
			until = r.until
		}
	}
	return until
}

// Fail counts a failed login. It reports whether it is the first of its kind within
// the window, and the locks that it caused.
func (l *Lockout) Fail(name, remote string, now time.Time) (first bool, caused []Lock) {
	if remote == "" {
		return true, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	keys, limits := lockKeys(name, remote)
	for i, k := range keys {
		r := l.row(k, now)
		if r == nil {
			continue
		}
		if now.Sub(r.last) > lockForget {
			r.locks = 0
		}
		if r.failures == 0 || now.Sub(r.first) > lockWindow {
			r.failures, r.first = 0, now
		}
		r.failures++
		r.last = now
		first = first || i == 0 && r.failures == 1
		if r.failures >= limits[i] {
			length := min(lockFirst<<min(r.locks, 10), lockLongest)
			r.failures, r.locks, r.until = 0, r.locks+1, now.Add(length)
			caused = append(caused, Lock{Key: k, Locks: r.locks, Until: r.until})
		}
	}
	return first, caused
}

// row returns the counter of a key, or nil if there are as many locks as may be
// tracked.
func (l *Lockout) row(key string, now time.Time) *lockRow {
	if r := l.rows[key]; r != nil {
		return r
	}
	if l.rows == nil {
		l.rows = map[string]*lockRow{}
	}
	if len(l.rows) >= maxTracked {
		l.shrink(now)
	}
	if len(l.rows) >= maxTracked {
		return nil
	}
	r := &lockRow{}
	l.rows[key] = r
	return r
}

// shrink drops the counters that are over; if there are none, a tenth of those
// that lock nobody, whichever they are.
func (l *Lockout) shrink(now time.Time) {
	for k, r := range l.rows {
		if !r.until.After(now) && now.Sub(r.last) > lockWindow {
			delete(l.rows, k)
		}
	}
	excess := len(l.rows) - maxTracked*9/10
	for k, r := range l.rows {
		if excess <= 0 {
			break
		}
		if !r.until.After(now) {
			delete(l.rows, k)
			excess--
		}
	}
}

// Succeed forgets the failures of the name from remote. Those of the address
// alone stay: one good login does not excuse guessing at others.
func (l *Lockout) Succeed(name, remote string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys, _ := lockKeys(name, remote)
	delete(l.rows, keys[0])
}

// Unlock ends every lock of a name and forgets its failures. It returns the keys
// of the locks that ended. Locks of addresses stay.
func (l *Lockout) Unlock(name string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var keys []string
	for k := range l.rows {
		if k == "name "+name || strings.HasPrefix(k, "pair "+name+" ") {
			delete(l.rows, k)
			keys = append(keys, k)
		}
	}
	return keys
}

// Restore puts back locks from before a restart.
func (l *Lockout) Restore(locks []Lock, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range locks {
		if r := l.row(k.Key, now); r != nil {
			r.locks, r.until, r.last = k.Locks, k.Until, k.Until
		}
	}
}
