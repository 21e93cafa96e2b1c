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
	used   config.Box // what concerns the server that runs
	tasks  *supervise.Group
	server atomic.Pointer[webrtc.Server] // nil while its address is not to be had
}

// Use serves as b says. When that changes, those who watch are cut off and come back; a
// port that is taken is tried again, with an alarm.
func (r *rtc) Use(b config.Box) {
	r.mu.Lock()
	defer r.mu.Unlock()
	used := config.Box{
		WebRTC: b.WebRTC, WebRTCAddresses: b.WebRTCAddresses, WebRTCICEServers: b.WebRTCICEServers,
		WebRTCHistory: b.WebRTCHistory, WebRTCRetransmit: b.WebRTCRetransmit,
	}
	if r.tasks != nil && r.used == used {
		return
	}
	if r.tasks != nil {
		r.tasks.Stop()
	}
	r.used = used
	r.tasks = supervise.NewGroup(r.Root)
	r.tasks.Go(supervise.Task{
		Name: "WebRTC on " + b.WebRTC, Backoff: supervise.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second},
		Run: func(ctx context.Context) error { return r.run(ctx, used) },
		Failed: func(err error, pause time.Duration) {
			r.Alarms.Set(alarm.RTCListenFailed, "box", true, err.Error())
			r.Log.Error("WebRTC does not run, trying again", "err", err, "again_in", pause)
		},
	})
}

// run serves until ctx ends. The configuration was checked.
func (r *rtc) run(ctx context.Context, b config.Box) error {
	s := &webrtc.Server{
		Lookup: r.Lookup, Viewers: r.Viewers, Start: r.Start, Log: r.Log, UDP: b.WebRTC, TCP: b.WebRTC,
		History: b.WebRTCHistory, Retransmit: b.WebRTCRetransmit.Std(),
	}
	for _, w := range config.List(b.WebRTCAddresses) {
		if a, err := netip.ParseAddr(w); err == nil {
			s.Addresses = append(s.Addresses, a)
		}
	}
	for _, w := range config.List(b.WebRTCICEServers) {
		if i, err := config.ParseICEServer(w); err == nil {
			s.ICEServers = append(s.ICEServers, webrtc.ICEServer(i))
		}
	}
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
