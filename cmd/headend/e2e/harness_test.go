package e2e

import (
	"bytes"
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"sigma/multicast/rig"
	"sigma/mux/ts"
)

// patience is how long anything may take on a machine that is busy with other work.
const patience = time.Minute

// until waits for a condition of the daemon; what is the condition in words.
func (d *Daemon) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := d.Until(ctx, func() (bool, error) { return f(), nil }); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// get asks the API; it fails the test on an error.
func (d *Daemon) get(t *testing.T, path string, out any) {
	t.Helper()
	if err := d.API(t.Context(), http.MethodGet, path, nil, out); err != nil {
		t.Fatal(err)
	}
}

// do changes something by the API; it fails the test on an error.
func (d *Daemon) do(t *testing.T, method, path string, in any) {
	t.Helper()
	if err := d.API(t.Context(), method, path, in, nil); err != nil {
		t.Fatal(err)
	}
}

// object is JSON.
type object = map[string]any

// alarmState is an alarm as the API shows it.
type alarmState struct {
	ID                   int64
	Code, Object, Detail string
}

// alarm returns the raised alarm of a code about an object.
func (d *Daemon) alarm(t *testing.T, code, about string) (alarmState, bool) {
	t.Helper()
	var list struct{ Alarms []alarmState }
	d.get(t, "/alarms?limit=1000", &list)
	for _, a := range list.Alarms {
		if a.Code == code && a.Object == about {
			return a, true
		}
	}
	return alarmState{}, false
}

// raised waits for an alarm whose detail names the cause.
func (d *Daemon) raised(t *testing.T, code, about, detail string) {
	t.Helper()
	d.until(t, "alarm "+code+" about "+about+" with "+detail, func() bool {
		a, on := d.alarm(t, code, about)
		return on && strings.Contains(a.Detail, detail)
	})
}

// cleared waits for the end of an alarm.
func (d *Daemon) cleared(t *testing.T, code, about string) {
	t.Helper()
	d.until(t, "the end of alarm "+code+" about "+about, func() bool {
		_, on := d.alarm(t, code, about)
		return !on
	})
}

// state is what a channel does.
type state struct {
	State   string
	Active  int `json:"active_input"`
	Bitrate int64
	Inputs  []struct {
		State     string
		LastError string `json:"last_error"`
		Counters  struct{ Packets uint64 }
	}
	Outputs []struct {
		URL, State string
		LastError  string `json:"last_error"`
		Datagrams  uint64
	}
}

// state returns what a channel does.
func (d *Daemon) state(t *testing.T, channel string) state {
	t.Helper()
	var s struct{ Stats state }
	d.get(t, "/streams/"+channel, &s)
	return s.Stats
}

// reaches waits until a channel is in a state.
func (d *Daemon) reaches(t *testing.T, channel, want string) {
	t.Helper()
	d.until(t, channel+" to be "+want, func() bool { return d.state(t, channel).State == want })
}

// recorded returns a recording by its name.
func recorded(t *testing.T, name string) (Recording, []byte) {
	t.Helper()
	for _, r := range Recordings() {
		if r.Name == name {
			b, err := r.Record(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return r, b
		}
	}
	t.Fatalf("there is no recording %s", name)
	return Recording{}, nil
}

// send sends to a group from the source until stop is called or the test ends.
func (d *Daemon) send(t *testing.T, data []byte, rate int64, groups ...netip.AddrPort) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- rig.Sender{Host: source, Groups: groups, Data: data, Rate: rate}.Run(ctx, d.Net) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// arrival is one datagram of a tape.
type arrival struct {
	at   time.Time // by the kernel
	data []byte
}

// tape keeps what arrives at the receiver while a test does other things.
type tape struct {
	mu   sync.Mutex
	got  [][]arrival
	stop func()
}

// record begins to capture groups at the receiver. The datagrams that the kernel
// dropped fail the test.
func (d *Daemon) record(t *testing.T, groups ...netip.AddrPort) *tape {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &tape{got: make([][]arrival, len(groups))}
	done := make(chan struct{})
	go func() {
		defer close(done)
		drops, err := d.Net.Capture(ctx, receiver, groups, func(g int, a rig.Datagram) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.got[g] = append(p.got[g], arrival{a.At, bytes.Clone(a.Data)})
		})
		if err != nil || drops > 0 {
			t.Errorf("capture: %d datagrams dropped by the receiver, %v", drops, err)
		}
	}()
	p.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(p.stop)
	return p
}

// of returns what has arrived of a group.
func (p *tape) of(group int) []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got[group]
}

// runs waits until the group gets programme packets after now.
func (p *tape) runs(t *testing.T, d *Daemon, group int) {
	t.Helper()
	from := len(p.of(group))
	d.until(t, "programme packets", func() bool {
		for _, a := range p.of(group)[from:] {
			if programme(a.data) {
				return true
			}
		}
		return false
	})
}

// rtp takes the fixed header of RTP (RFC 3550 clause 5.1) off, if there is one.
func rtp(b []byte) (seq uint16, packets []byte) {
	if len(b)%188 == 12 {
		return uint16(b[2])<<8 | uint16(b[3]), b[12:]
	}
	return 0, b
}

// programme reports whether a datagram has a packet that is neither a table nor null.
func programme(b []byte) bool {
	_, b = rtp(b)
	for ; len(b) >= 188; b = b[188:] {
		if pid := ts.PID(b); pid >= 0x100 && pid != 0x1000 && pid != ts.NullPID {
			return true
		}
	}
	return false
}

// gap is the longest time between datagrams that a condition holds for.
func gap(list []arrival, holds func([]byte) bool) (longest time.Duration, begin time.Time) {
	var last time.Time
	for _, a := range list {
		if !holds(a.data) {
			continue
		}
		if g := a.at.Sub(last); !last.IsZero() && g > longest {
			longest, begin = g, last
		}
		last = a.at
	}
	return longest, begin
}

// packets returns the transport stream of a tape and the number of RTP packets missing.
func packets(list []arrival) (data []byte, missing int) {
	var next uint16
	for i, a := range list {
		seq, p := rtp(a.data)
		if len(p) != len(a.data) && i > 0 && seq != next {
			missing += int(seq - next)
		}
		next = seq + 1
		data = append(data, p...)
	}
	return data, missing
}
