package headend

import (
	"cmp"
	"context"
	"net/http"
	"os/exec"
	"time"

	"sigma/headend/config"
	"sigma/headend/serve/player"
	"sigma/headend/serve/preview"
	"sigma/headend/serve/route"
)

// pages are what people look at: the player, pictures of channels, the list of channels.
type pages struct {
	player   *player.Handler
	pictures *preview.Handler
	list     func() bool // whether the list of channels is shown
}

// pages makes what answers people.
func (a *app) pages(life context.Context) pages {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		ffmpeg = ""
	}
	p := pages{
		player: &player.Handler{Lookup: func(name string) *player.Channel { return a.engine.page(name, ffmpeg != "") }, Now: time.Now},
		pictures: &preview.Handler{Root: life, FFmpeg: ffmpeg, Log: a.log, Lookup: func(name string) *preview.Channel {
			if played := a.engine.playedOf(name); played != nil {
				return played.preview
			}
			return nil
		}},
		list: func() bool { return a.engine.box().ViewerPage },
	}
	p.player.Title = func() string { return cmp.Or(a.engine.box().Name, "Sigma Headend") }
	p.player.List = func() (list []*player.Channel) {
		for _, name := range a.engine.names() {
			if c := a.engine.page(name, ffmpeg != ""); c != nil && a.engine.playedOf(name).allows("player") {
				list = append(list, c)
			}
		}
		return list
	}
	return p
}

// of returns what answers an address of people, nil for one that is none.
func (p *pages) of(path string) http.Handler {
	switch {
	case path == "/" && p.list():
		return http.HandlerFunc(p.player.Front)
	case player.Owns(path):
		return p.player
	}
	return nil
}

// page returns a channel as the pages show it, nil when viewers may not take it. Sound
// says that there is what makes Opus.
func (e *engine) page(name string, sound bool) *player.Channel {
	played, cfg := e.playedOf(name), e.onAir().config.Channel(name)
	if played == nil || cfg == nil {
		return nil
	}
	c := &player.Channel{Name: name, Title: cfg.Title, Pictures: played.preview != nil, Sound: sound}
	if played.timeline != nil {
		c.Source = played.timeline
	}
	for _, p := range played.protocols {
		c.Offered = append(c.Offered, ways[p]...)
	}
	return c
}

// ways are the protocols that media_info.json tells, by those of the configuration.
var ways = map[string][]string{
	"hls": {"hls"}, "cmaf": {"ll-hls"}, "dash": {"dash", "ll-dash"}, "mss": {"mss"}, "webrtc": {"webrtc"}, "mpegts": {"mpegts"},
}

// pagesOf are the protocols of config.AllProtocols that an address of people belongs to.
func pagesOf(k route.Kind) []string {
	switch k {
	case route.Embed:
		return []string{"player"}
	case route.Preview:
		return []string{"jpeg"}
	case route.MediaInfo: // of whatever is offered
		return config.AllProtocols()
	default:
		return nil
	}
}
