package headend

import (
	"context"
	"slices"
	"time"

	"sigma/headend/config"
	"sigma/headend/frames"
	"sigma/headend/serve/dash"
	"sigma/headend/serve/hls"
	"sigma/headend/serve/mss"
	"sigma/headend/serve/preview"
	"sigma/headend/serve/route"
	"sigma/headend/serve/webrtc"
	"sigma/headend/subtitle"
	"sigma/headend/supervise"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// playout is what viewers may take of a channel. It is immutable; a change of the
// configuration makes a new one.
type playout struct {
	protocols []string // allowed
	hls       *hls.Channel
	dash      *dash.Channel
	mss       *mss.Channel
	frames    *frames.Face
	timeline  *timeline.Timeline // nil when no protocol needs one
	preview   *preview.Channel   // nil when pictures are not allowed
}

// allows reports whether viewers may take the channel by one of the protocols.
func (p *playout) allows(protocols ...string) bool {
	return p != nil && slices.ContainsFunc(protocols, func(x string) bool { return slices.Contains(p.protocols, x) })
}

// protocolsOf returns the protocols of config.AllProtocols that an address belongs to.
// Segments and their headers are shared by several.
func protocolsOf(r route.Route) []string {
	switch r.Kind {
	case route.Multivariant, route.Media:
		if r.Form == "ll" {
			return []string{"cmaf"}
		}
		return []string{"hls"}
	case route.Segment:
		if r.Form == "ts" {
			return []string{"hls"}
		}
		return []string{"hls", "cmaf"}
	case route.Part:
		return []string{"cmaf"}
	case route.Init:
		return []string{"hls", "cmaf", "dash"}
	case route.Manifest, route.Patch, route.Fragment, route.Clock:
		return []string{"dash"}
	case route.WHEP:
		return []string{"webrtc"}
	case route.Stream:
		return []string{"mpegts"}
	case route.SmoothManifest, route.SmoothFragment:
		return []string{"mss"}
	case route.Embed, route.Preview, route.MediaInfo:
		return pagesOf(r.Kind)
	case route.None:
	}
	return nil
}

// cueForm returns the form of splice cues that the configuration names.
func cueForm(name string) hls.CueForm {
	switch name {
	case "none":
		return hls.CueNone
	case "aws":
		return hls.CueTags
	case "both":
		return hls.CueBoth
	}
	return hls.CueDateRange
}

// playFrom offers a channel to viewers as cfg wants it, and cuts its timeline where a
// protocol needs one. What was offered before must have been withdrawn by st.cut.
func (e *engine) playFrom(st *station, cfg config.Channel) {
	st.offerStream(!cfg.Disabled && slices.Contains(cfg.Protocols, "mpegts"))
	if cfg.Disabled {
		st.cut = func() {}
		return
	}
	life, end := context.WithCancel(st.life)
	p := &playout{protocols: cfg.Protocols, frames: &frames.Face{Packets: st.channel.Ring()}}
	tasks := supervise.NewGroup(life)
	if p.allows("hls", "cmaf", "dash", "mss", "jpeg") {
		tl := e.timeline(cfg, p.allows("cmaf", "dash"))
		ring := st.channel.Ring()
		tasks.Go(supervise.Task{Name: "timeline " + cfg.Name, Run: func(ctx context.Context) error {
			cur := ring.Open(ctx, flow.Live)
			defer cur.Close()
			return tl.Run(ctx, cur)
		}, Failed: func(err error, pause time.Duration) {
			e.Logger.Error("timeline stopped", "channel", cfg.Name, "err", err, "again_in", pause)
		}})
		p.hls = &hls.Channel{Source: tl, Cues: cueForm(cfg.HLSSCTE35), Start: func() string { return st.doors.Load().start }}
		p.dash = &dash.Channel{Source: tl}
		p.mss = &mss.Channel{Source: tl}
		p.timeline = tl
		if p.allows("jpeg") {
			p.preview = &preview.Channel{Source: tl}
		}
	}
	st.cut = func() {
		st.played.Store(nil)
		end()
		tasks.Stop()
	}
	st.played.Store(p)
}

func (e *engine) timeline(cfg config.Channel, parts bool) *timeline.Timeline {
	tl := &timeline.Timeline{
		Name: cfg.Name, SegmentDuration: cfg.SegmentDuration.Std(), SegmentCount: cfg.SegmentCount,
		UTC: wallTime, Memory: e.Memory, Texts: subtitle.Texts,
	}
	if parts {
		tl.PartTarget = cfg.ChunkDuration.Std()
	}
	return tl
}

// segments, manifests, smooth and pictures are what the servers of protocols take; nil when the
// channel is not offered.
func (p *playout) segments() *hls.Channel {
	if p == nil {
		return nil
	}
	return p.hls
}

func (p *playout) manifests() *dash.Channel {
	if p == nil {
		return nil
	}
	return p.dash
}

func (p *playout) smooth() *mss.Channel {
	if p == nil {
		return nil
	}
	return p.mss
}

func (p *playout) pictures() webrtc.Frames {
	if !p.allows("webrtc") {
		return nil
	}
	return p.frames
}

// playedOf returns what viewers may take of a channel, or nil.
func (e *engine) playedOf(name string) *playout {
	st, ok := e.station(name)
	if !ok {
		return nil
	}
	return st.played.Load()
}
