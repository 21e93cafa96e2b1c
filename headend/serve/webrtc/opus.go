package webrtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"sigma/headend/supervise"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// opusPrefix begins the id of a track that was made into Opus: "opus:a1".
const opusPrefix = "opus:"

var (
	errNoSound   = errors.New("the channel has no sound")
	errNoEncoder = errors.New("the sound would have to be made into Opus, and there is no ffmpeg")
)

func escape(channel string) string {
	parts := strings.Split(channel, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

func codecName(c flow.Codec) string { return es.Name(c) }

// profile returns profile_idc and constraints of H.264 in hexadecimal, or nothing.
func (t *track) profile() string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.h264
}

// formats are the demuxers of ffmpeg for what has no place in WebRTC.
var formats = map[flow.Codec]string{
	flow.CodecAAC: "aac", flow.CodecAACLATM: "loas", flow.CodecMPEGAudio: "mp3",
	flow.CodecAC3: "ac3", flow.CodecEAC3: "eac3",
}

// sound returns the audio track to send: the one wished for, or the first; itself if
// players know it, or the track of Opus that is made of it. Nil without an error means
// that there is none.
func (f *feed) sound(tracks []*track, wish string) (*track, error) {
	var from *track
	for _, t := range tracks {
		if !t.video && (from == nil || t.id == wish) {
			from = t
		}
	}
	switch {
	case from == nil:
		return nil, errNoSound
	case from.clock != 0:
		return from, nil
	case formats[from.codec] == "":
		return nil, fmt.Errorf("the sound is %s, which cannot be made into Opus", es.Name(from.codec))
	case f.server.FFmpeg == "":
		return nil, errNoEncoder
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return nil, errClosed
	}
	for _, o := range f.opus {
		if o.source == from.id && o.codec == from.codec {
			return o.out, nil
		}
	}
	o := &transcoder{
		feed: f, source: from.id, codec: from.codec, in: make(chan sample, 64),
		out: newTrack(opusPrefix+from.id, from.pid, flow.CodecOpus, audioHistory),
	}
	f.opus = append(f.opus, o)
	f.tasks.Go(supervise.Task{Name: "Opus of " + f.name, Run: o.run, Failed: func(err error, pause time.Duration) {
		f.server.Log.Error("sound for WebRTC stopped", "channel", f.name, "track", o.source, "err", err, "again_in", pause)
	}})
	return o.out, nil
}

// transcode hands a frame of a track to who makes Opus of it, if anybody does.
func (f *feed) transcode(t *track, units [][]byte, at flow.Ticks) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.opus {
		if o.source != t.id || o.codec != t.codec {
			continue
		}
		select {
		case o.in <- sample{units, at}:
		default:
			o.dropped++ // the child hangs: it is given no more, and found out by its silence
		}
	}
}

// sample is a frame of sound.
type sample struct {
	units [][]byte
	at    flow.Ticks
}

// transcoder makes Opus of one audio track of a channel by a child process, for all
// viewers. Time stamps go around the child: what comes out is counted in samples, and
// each sample has the time of the one that went in.
type transcoder struct {
	feed    *feed
	source  string // id of the track
	codec   flow.Codec
	in      chan sample
	out     *track
	dropped uint64 // guarded by feed.mu

	mu      sync.Mutex
	anchors []anchor   // of what went in, oldest first
	fed     flow.Ticks // position of the newest frame that went in
	last    flow.Ticks // its time
	usual   flow.Ticks // length of a frame
}

// anchor says what time a position in the sound belongs to.
type anchor struct{ position, at flow.Ticks }

const (
	// maxSlip is how far positions and time stamps may part before the later ones count:
	// what was lost is silence, not a shift.
	maxSlip    = flow.TicksPerSecond / 50
	maxAnchors = 1024
	maxFrame   = flow.TicksPerSecond / 5
	silence    = 10 * time.Second // of the child, while it is fed
)

var errSilent = errors.New("ffmpeg takes sound and gives none")

// run runs the child until it ends or ctx does.
func (o *transcoder) run(ctx context.Context) error {
	o.mu.Lock()
	o.anchors, o.fed, o.usual = nil, 0, 0
	o.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// 20 ms a packet is what browsers expect; each goes out as it is made.
	cmd := exec.CommandContext(ctx, o.feed.server.FFmpeg, "-v", "error", "-nostdin",
		"-fflags", "nobuffer", "-flags", "low_delay", "-probesize", "4096", "-analyzeduration", "0",
		"-f", formats[o.codec], "-i", "pipe:0", "-vn", "-ac", "2", "-ar", "48000", "-c:a", "libopus", "-b:a", "128k",
		"-application", "audio", "-frame_duration", "20", "-page_duration", "20000", "-flush_packets", "1", "-f", "ogg", "pipe:1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	var said tail
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	var wg sync.WaitGroup
	watch := watchdog{bark: func() { cancel(errSilent) }}
	wg.Go(func() { o.feedChild(ctx, stdin, &watch) })
	err = o.takeFrom(stdout, watch.calm)
	watch.calm()
	cancel(err)
	wg.Wait()
	if end := cmd.Wait(); end != nil && err == nil {
		err = end
	}
	return fmt.Errorf("ffmpeg ended: %w: %s", errors.Join(err, context.Cause(ctx)), said.String())
}

// feedChild writes what comes to the child.
func (o *transcoder) feedChild(ctx context.Context, to io.WriteCloser, watch *watchdog) {
	defer to.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-o.in:
			o.note(s)
			watch.start()
			for _, u := range s.units {
				if _, err := to.Write(u); err != nil {
					return
				}
			}
		}
	}
}

// watchdog barks when nothing comes out for long after something went in.
type watchdog struct {
	bark  func()
	mu    sync.Mutex
	timer *time.Timer
}

func (w *watchdog) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(silence, w.bark)
	}
}

func (w *watchdog) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// note remembers the time of a frame that goes in. A frame lasts until the next; where
// that one is late, as long as the frames before.
func (o *transcoder) note(s sample) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.anchors)
	if n > 0 {
		d := s.at - o.last
		switch {
		case o.usual == 0 && d > 0 && d < maxFrame:
			o.usual = d
		case d < o.usual/2 || d > o.usual*3/2:
			d = o.usual
		}
		o.fed += d
	}
	o.last = s.at
	if n > 0 {
		last := o.anchors[n-1]
		if slip := s.at - (last.at + o.fed - last.position); slip > -maxSlip && slip < maxSlip {
			return
		}
	}
	if n == maxAnchors {
		o.anchors = o.anchors[1:]
	}
	o.anchors = append(o.anchors, anchor{o.fed, s.at})
}

// timeOf returns the time of a position in the sound that came out.
func (o *transcoder) timeOf(position flow.Ticks) (flow.Ticks, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.anchors) > 1 && o.anchors[1].position <= position {
		o.anchors = o.anchors[1:]
	}
	if len(o.anchors) == 0 {
		return 0, false
	}
	a := o.anchors[0]
	return a.at + position - a.position, true
}

// takeFrom packs the packets of Opus that the child gives.
func (o *transcoder) takeFrom(from io.Reader, alive func()) error {
	ogg := oggReader{from: from}
	position, skip := flow.Ticks(0), flow.Ticks(0)
	for {
		p, err := ogg.next()
		if err != nil {
			return err
		}
		switch {
		case len(p) >= 19 && string(p[:8]) == "OpusHead":
			skip = flow.Ticks(binary.LittleEndian.Uint16(p[10:])) * flow.TicksPerSecond / 48_000
			continue
		case len(p) >= 8 && string(p[:8]) == "OpusTags":
			continue
		}
		alive()
		at, ok := o.timeOf(position - skip)
		position += opusDuration(p)
		if ok && o.out.push([][]byte{p}, at, false) {
			o.feed.wake()
		}
	}
}

// tail keeps the end of what a child says.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b = append(t.b, b...); len(t.b) > 1000 {
		t.b = append([]byte(nil), t.b[len(t.b)-1000:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.b))
}
