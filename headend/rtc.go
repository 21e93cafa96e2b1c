package headend

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/serve/reply"
	"sigma/headend/serve/webrtc"
	"sigma/headend/supervise"
)

// rtc owns the WebRTC server of the box and the address it listens on. The exported
// fields are arguments. It is safe for concurrent use.
type rtc struct {
	Root    context.Context
	Lookup  func(name string) webrtc.Frames
	Viewers webrtc.Viewers
	Start   func(name string) string // the track viewers begin with
	Alarms  alarm.Reporter
	Log     *slog.Logger

	mu     sync.Mutex
	addr   string // of the server that runs, and what it tells players
	told   string
	tasks  *supervise.Group
	server atomic.Pointer[webrtc.Server] // nil while its address is not to be had
}

// Use serves on the address of b. When that or what players are told changes, those who
// watch are cut off and come back; a port that is taken is tried again, with an alarm.
func (r *rtc) Use(b config.Box) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tasks != nil && r.addr == b.WebRTC && r.told == b.WebRTCAddresses {
		return
	}
	if r.tasks != nil {
		r.tasks.Stop()
	}
	r.addr, r.told = b.WebRTC, b.WebRTCAddresses
	var addresses []netip.Addr
	for _, s := range config.List(b.WebRTCAddresses) {
		if a, err := netip.ParseAddr(s); err == nil { // the configuration was checked
			addresses = append(addresses, a)
		}
	}
	r.tasks = supervise.NewGroup(r.Root)
	r.tasks.Go(supervise.Task{
		Name: "WebRTC on " + b.WebRTC, Backoff: supervise.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second},
		Run: func(ctx context.Context) error { return r.run(ctx, b.WebRTC, addresses) },
		Failed: func(err error, pause time.Duration) {
			r.Alarms.Set(alarm.RTCListenFailed, "box", true, err.Error())
			r.Log.Error("WebRTC does not run, trying again", "err", err, "again_in", pause)
		},
	})
}

func (r *rtc) run(ctx context.Context, addr string, addresses []netip.Addr) error {
	s := &webrtc.Server{Lookup: r.Lookup, Viewers: r.Viewers, Start: r.Start, Log: r.Log, UDP: addr, TCP: addr, Addresses: addresses}
	if path, err := exec.LookPath("ffmpeg"); err == nil {
		s.FFmpeg = path
	}
	if err := s.Initialize(); err != nil {
		return err
	}
	r.Alarms.Set(alarm.RTCListenFailed, "box", false, "")
	r.server.Store(s)
	defer r.server.Store(nil)
	return s.Run(ctx)
}

// ServeHTTP answers for the server that runs.
func (r *rtc) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if s := r.server.Load(); s != nil {
		s.ServeHTTP(w, req)
		return
	}
	w.Header().Set("Retry-After", "1")
	reply.Refuse(w, http.StatusServiceUnavailable, reply.NoCache, "WebRTC does not run now: its address is taken")
}

// stop ends every session and returns when nothing runs any more.
func (r *rtc) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tasks != nil {
		r.tasks.Stop()
		r.tasks = nil
	}
}
