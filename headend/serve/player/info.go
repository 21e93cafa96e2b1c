package player

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"

	"sigma/headend/serve/language"
	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// Info is media_info.json.
type Info struct {
	Name       string     `json:"name"`
	Title      string     `json:"title"`
	ServerTime int64      `json:"server_time"` // UTC in ms
	Bitrate    int64      `json:"bitrate"`     // bit/s of the transport stream, over the live window; 0 when unknown
	Tracks     []Track    `json:"tracks"`
	Protocols  []Protocol `json:"protocols"`
	Preview    string     `json:"preview,omitempty"` // address of the picture, beside this one
	DVR        *DVR       `json:"dvr"`               // null: nothing is recorded
}

// DVR is what there is of the past.
type DVR struct {
	Ranges []Range `json:"ranges"` // oldest first
}

// Range is a run of recording.
type Range struct {
	From     int64 `json:"from"`     // UTC in s
	Duration int64 `json:"duration"` // s
}

// Track is one track of a channel.
type Track struct {
	ID           string            `json:"track_id"`
	Content      string            `json:"content"` // "video", "audio" or "text"
	Codec        string            `json:"codec"`
	CodecName    string            `json:"codec_name"`                // as people call it
	Codecs       string            `json:"codecs,omitempty"`          // RFC 6381
	Language     string            `json:"language,omitempty"`        // ISO 639-2
	LanguageName string            `json:"language_name,omitempty"`   // in itself
	Role         string            `json:"role"`                      // "main", "alternate", "description", "hard_of_hearing" or "commentary"
	Bitrate      int64             `json:"bitrate,omitempty"`         // bit/s over the live window
	Peak         int64             `json:"peak_bitrate,omitempty"`    // bit/s of the fastest segment
	Width        int               `json:"width,omitempty"`           // luma samples
	Height       int               `json:"height,omitempty"`          //
	SAR          string            `json:"sar,omitempty"`             // "16:11", shape of a luma sample
	FPS          float64           `json:"fps,omitempty"`             // frames per second
	Interlaced   bool              `json:"interlaced,omitempty"`      //
	Reordered    bool              `json:"b_frames,omitempty"`        //
	Captions     []string          `json:"closed_captions,omitempty"` // "CC1", "SERVICE1"
	SampleRate   int               `json:"sample_rate,omitempty"`     // Hz
	Channels     int               `json:"channels,omitempty"`        //
	LeftOut      map[string]string `json:"left_out,omitempty"`        // protocols that do not carry it, with the reason
}

// Protocol is a way to play a channel.
type Protocol struct {
	Name      string `json:"name"`             // as Protocols
	URL       string `json:"url"`              // beside media_info.json
	Available bool   `json:"available"`        //
	Reason    string `json:"reason,omitempty"` // why it is not
}

// Protocols returns the names of all protocols, in the order they are told.
func Protocols() []string {
	return []string{"hls", "ll-hls", "dash", "ll-dash", "mss", "webrtc", "mpegts"}
}

// address returns where a protocol is played, beside the pages of a channel.
func address(protocol, channel string) string {
	switch protocol {
	case "hls":
		return "index.m3u8"
	case "ll-hls":
		return "index.ll.m3u8"
	case "dash":
		return "index.mpd"
	case "ll-dash":
		return "index.ll.mpd"
	case "mss":
		return "../" + path.Base(channel) + ".isml/manifest"
	case "webrtc":
		return "whep"
	default:
		return "mpegts"
	}
}

func (h *Handler) info(w http.ResponseWriter, r *http.Request, c *Channel) {
	i := Describe(c)
	i.ServerTime = h.Now().UnixMilli()
	text, err := json.Marshal(i)
	if err != nil {
		reply.Refuse(w, http.StatusInternalServerError, reply.NoCache, "the description cannot be made")
		return
	}
	reply.NewBody(text, "application/json", reply.NoCache).Serve(w, r)
}

// Describe returns what is known of a channel now, but for the time.
func Describe(c *Channel) Info {
	i := Info{Name: c.Name, Title: c.title(), Tracks: []Track{}}
	if c.Pictures {
		i.Preview = "preview.jpg"
	}
	var l *timeline.Layout
	var v *timeline.View
	if c.Source != nil {
		v = c.Source.View()
		l = layoutOf(v)
		i.Bitrate = v.Average
	}
	if l != nil {
		f := fitter{channel: c, view: v, layout: l, cmaf: needsCMAF(l)}
		for _, t := range l.Tracks {
			i.Tracks = append(i.Tracks, f.describe(t))
		}
	}
	for _, name := range Protocols() {
		i.Protocols = append(i.Protocols, offer(c, name, i.Tracks))
	}
	return i
}

// layoutOf returns the tracks of now, nil when they are not known.
func layoutOf(v *timeline.View) *timeline.Layout {
	for _, s := range slices.Backward(v.Segments) {
		if s.Layout != nil && len(s.Layout.Tracks) > 0 {
			return s.Layout
		}
	}
	return nil
}

// offer says whether a protocol is there and why not. Where nothing is known of the
// tracks, those that need to know them are not.
func offer(c *Channel, name string, tracks []Track) Protocol {
	p := Protocol{Name: name, URL: address(name, c.Name)}
	switch {
	case !slices.Contains(c.Offered, name):
		p.Reason = "the configuration does not allow it"
	case name == "mpegts" || name == "webrtc" && len(tracks) == 0:
		p.Available = true
	case len(tracks) == 0:
		p.Reason = "the channel has no media now"
	default:
		p.Available, p.Reason = carried(name, tracks)
	}
	return p
}

// carried reports whether a protocol has something to show of the tracks: a picture, if
// there is one at all. Reason is why not.
func carried(name string, tracks []Track) (ok bool, reason string) {
	for _, content := range []string{"video", "audio"} {
		there := false
		for _, t := range tracks {
			if t.Content != content {
				continue
			}
			if t.LeftOut[name] == "" {
				return true, ""
			}
			if !there {
				there, reason = true, t.LeftOut[name]
			}
		}
		if there {
			return false, reason
		}
	}
	return false, "the channel has neither picture nor sound"
}

// describe returns a track as told.
func (f *fitter) describe(t *timeline.Track) Track {
	o := Track{
		ID: t.ID, Content: contents[t.Kind], Codec: codecWord(t.Format.Codec), CodecName: es.Name(t.Format.Codec), Codecs: t.Format.RFC6381,
		Language: t.Language, Role: roles[t.Role], Bitrate: f.view.Rates[t.ID].Average, Peak: f.view.Rates[t.ID].Peak,
		Width: t.Format.Width, Height: t.Format.Height, Interlaced: t.Format.Interlaced, Reordered: t.Kind == flow.KindVideo && f.reordered(t),
		Captions: t.Format.Captions, SampleRate: t.Format.SampleRate, Channels: t.Format.Channels,
	}
	if t.Kind == flow.KindText {
		o.Codec, o.CodecName = "wvtt", "WebVTT"
	}
	_, o.LanguageName = language.Tag(t.Language)
	if n, d := t.Format.SARNum, t.Format.SARDen; t.Kind == flow.KindVideo && n > 0 && d > 0 {
		o.SAR = itoa(n) + ":" + itoa(d)
	}
	if n, d := t.Format.RateNum, t.Format.RateDen; n > 0 && d > 0 {
		o.FPS = float64(int64(float64(n)/float64(d)*1000+0.5)) / 1000
	}
	for _, name := range Protocols() {
		if why := f.leftOut(name, t); why != "" {
			if o.LeftOut == nil {
				o.LeftOut = map[string]string{}
			}
			o.LeftOut[name] = why
		}
	}
	return o
}

var (
	contents = map[flow.Kind]string{flow.KindVideo: "video", flow.KindAudio: "audio", flow.KindText: "text"}
	roles    = map[timeline.Role]string{
		timeline.RoleMain: "main", timeline.RoleAlternate: "alternate", timeline.RoleDescription: "description",
		timeline.RoleHardOfHearing: "hard_of_hearing", timeline.RoleCommentary: "commentary",
	}
)

// codecWord returns the name of a codec in one word of small letters: "h264", "eac3".
func codecWord(c flow.Codec) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return -1
		}
	}, es.Name(c))
}
