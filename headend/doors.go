package headend

import (
	"net/url"
	"slices"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/api"
	"sigma/headend/config"
	"sigma/headend/control"
	"sigma/headend/serve/route"
	"sigma/headend/serve/session"
)

// doors is how viewers come to a channel. It is immutable; a change of the
// configuration makes a new one, and nobody who watches notices.
type doors struct {
	auth    session.Authorizer // nil lets everybody in
	prepush time.Duration
	start   string // video track to begin with
}

// hooks is how all channels ask about viewers: connections are shared.
var hooks = session.HookClient()

// doorsOf returns what the configuration of a channel says about viewers.
func (e *engine) doorsOf(cfg config.Channel) *doors {
	d := &doors{prepush: cfg.Prepush.Std(), start: cfg.StartTrack}
	if cfg.OnPlay != "" && cfg.OnPlay != config.NoOnPlay {
		d.auth = &session.Hook{URL: cfg.OnPlay, Default: e.allow.Load, Client: hooks, Told: func(err error) { e.hookTold(cfg.OnPlay, err) }}
	}
	return d
}

// hookTold notes whether what decides about viewers answers. An answer that comes when
// the configuration knows it no more says nothing.
func (e *engine) hookTold(address string, err error) {
	object, detail := hookObject(address), ""
	if !slices.Contains(hooksOf(e.onAir().config), object) {
		return
	}
	if err != nil {
		detail = hostOf(address) + ": " + plain(err)
	}
	e.Alarms.Set(alarm.OnPlayFailed, object, err != nil, detail)
}

// hookObject is what an alarm about a hook is about. The rest of its address may hold
// secrets.
func hookObject(address string) string { return "on_play " + hostOf(address) }

// hooksOf returns the objects of the hooks of a configuration.
func hooksOf(c config.Config) (objects []string) {
	for _, ch := range c.Channels {
		if ch.OnPlay != "" && ch.OnPlay != config.NoOnPlay {
			objects = append(objects, hookObject(ch.OnPlay))
		}
	}
	return objects
}

// plain returns an error without the URL that it is about, which may hold secrets.
func plain(err error) string {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // only the outermost one writes the URL
		return u.Err.Error()
	}
	return err.Error()
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return "on_play"
}

// doors returns how viewers come to a channel; nothing special of one that is not there.
func (e *engine) doors(name string) *doors {
	if st, ok := e.station(name); ok {
		if d := st.doors.Load(); d != nil {
			return d
		}
	}
	return &doors{prepush: config.DefaultPrepush.Std()}
}

// authorizer returns what decides about the viewers of a channel, nil if nothing does.
func (e *engine) authorizer(name string) session.Authorizer { return e.doors(name).auth }

// sessionsOf returns the protocols of sessions that an address can belong to. Those that
// are sessions of connections are counted where they are served.
func sessionsOf(rt route.Route) []string {
	switch rt.Kind {
	case route.Multivariant, route.Media, route.Segment, route.Part:
		return []string{"hls"}
	case route.Init:
		return []string{"hls", "dash"}
	case route.Manifest, route.Patch, route.Fragment:
		return []string{"dash"}
	case route.SmoothManifest, route.SmoothFragment:
		return []string{"mss"}
	case route.Preview: // pictures of a channel are for those who may watch it
		return []string{"hls", "dash", "mss", "jpeg"}
	case route.None, route.Clock, route.Stream, route.WHEP, route.Embed, route.MediaInfo:
	}
	return nil
}

// sessions are the viewers of now.
func (a *app) sessions() []api.Session { return a.engine.Sessions(false) }

// Sessions implements control.Engine.
func (e *engine) Sessions(ended bool) []control.Session {
	list := e.Seats.List
	if ended {
		list = e.Seats.Ended
	}
	all := list()
	out := make([]control.Session, len(all))
	for i, s := range all {
		out[i] = control.Session(s)
	}
	return out
}

// CloseSession implements control.Engine.
func (e *engine) CloseSession(id, why string) bool { return e.Seats.Close(id, why) }

// Reauthorize implements control.Engine.
func (e *engine) Reauthorize(channel string) { e.Seats.Reauthorize(channel) }
