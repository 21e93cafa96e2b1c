package hls

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"sigma/headend/serve/language"
	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// multivariant is a multivariant playlist in the making (RFC 8216 clause 4.3.4).
type multivariant struct {
	text
	selected
	v        *timeline.View
	l        *timeline.Layout
	key      key
	groups   []group
	captions bool // of any rung
	ranges   bool // a rung is of high dynamic range
}

// group is the audio tracks that can take each other's place: of one codec, so that a
// client that has no decoder for it can leave the whole.
type group struct {
	id     string
	tracks []*timeline.Track
	muxed  bool // the first is in the segments of the variants
}

// renderMultivariant returns the multivariant playlist, nil when no track fits.
func renderMultivariant(v *timeline.View, k key, start string) *reply.Body {
	l := layoutOf(v)
	if l == nil {
		return renderWhole(v, k)
	}
	if k.kind == kindAuto {
		k.kind = automatic(l)
	}
	m := &multivariant{v: v, l: l, key: k, selected: selectTracks(l, k.kind, k.tracks)}
	if len(m.video)+len(m.audio) == 0 {
		return nil
	}
	m.lead(start)
	m.group()
	for _, t := range m.video {
		m.captions = m.captions || len(t.Format.Captions) > 0
		m.ranges = m.ranges || videoRange(t) != "SDR"
	}
	m.begin()
	m.media()
	m.variants()
	m.intra()
	return m.body(v.TargetDuration)
}

// lead puts a video track in front: clients that have not measured anything yet begin
// with the first variant they can play.
func (m *multivariant) lead(id string) {
	if i := slices.IndexFunc(m.video, func(t *timeline.Track) bool { return t.ID == id }); i > 0 {
		t := m.video[i]
		m.video = slices.Insert(slices.Delete(m.video, i, i+1), 0, t)
	}
}

// renderWhole is for a channel whose tracks are not known: one variant with all of it.
func renderWhole(v *timeline.View, k key) *reply.Body {
	if k.kind != kindAuto && k.kind != kindTS {
		return nil
	}
	m := &multivariant{v: v, key: key{kind: kindTS}}
	m.begin()
	m.int("#EXT-X-STREAM-INF:BANDWIDTH=", max(1, v.Peak))
	m.int(",AVERAGE-BANDWIDTH=", max(1, v.Average))
	m.str("\n")
	m.uri("mono.m3u8")
	m.str("\n")
	return m.body(v.TargetDuration)
}

func (m *multivariant) begin() {
	version := int64(4) // I-frames
	switch m.key.kind {
	case kindCMAF:
		version = 7
	case kindLL:
		version = 9
	default:
		if m.captions {
			version = 7 // SERVICE of INSTREAM-ID
		}
	}
	m.int("#EXTM3U\n#EXT-X-VERSION:", version)
	m.str("\n")
	if m.v.Independent() {
		m.str("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
}

// group sorts the audio tracks into groups.
func (m *multivariant) group() {
	apart := m.key.kind != kindTS || m.key.separate && len(m.video) > 0
	if len(m.audio) == 0 || len(m.audio) == 1 && (!apart || len(m.video) == 0) {
		return
	}
	for _, t := range m.audio {
		i := slices.IndexFunc(m.groups, func(g group) bool { return g.tracks[0].Format.RFC6381 == t.Format.RFC6381 })
		if i < 0 {
			i = len(m.groups)
			id := "audio"
			if i > 0 {
				id += strconv.Itoa(i + 1)
			}
			m.groups = append(m.groups, group{id: id, muxed: !apart || len(m.video) == 0})
		}
		m.groups[i].tracks = append(m.groups[i].tracks, t)
	}
	for _, g := range m.groups {
		slices.SortStableFunc(g.tracks, func(a, b *timeline.Track) int { return second(a) - second(b) })
	}
}

// second is 1 of a track that nobody should hear unasked.
func second(t *timeline.Track) int {
	if t.Role == timeline.RoleDescription || t.Role == timeline.RoleCommentary {
		return 1
	}
	return 0
}

func (m *multivariant) media() {
	for _, g := range m.groups {
		var n namer
		for i, t := range g.tracks {
			m.str("#EXT-X-MEDIA:TYPE=AUDIO")
			m.quoted(",GROUP-ID=", g.id)
			m.rendition(&n, t, i == 0)
			if c := t.Format.Channels; c > 0 {
				m.quoted(",CHANNELS=", strconv.Itoa(c))
			}
			if i > 0 || !g.muxed {
				m.str(`,URI="`)
				m.uri(m.playlist(t.ID))
				m.str(`"`)
			}
			m.str("\n")
		}
	}
	var n namer
	for _, t := range m.selected.text {
		m.str(`#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs"`)
		m.rendition(&n, t, false)
		m.str(`,FORCED=NO,URI="`)
		m.uri("tracks-", t.ID, "/index.vtt.m3u8")
		m.str("\"\n")
	}
	var seen []string
	for _, t := range m.video {
		for _, c := range t.Format.Captions {
			if slices.Contains(seen, c) {
				continue
			}
			seen = append(seen, c)
			m.str(`#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc"`)
			m.quoted(",NAME=", c)
			m.str(",DEFAULT=NO,AUTOSELECT=YES")
			m.quoted(",INSTREAM-ID=", c)
			m.str("\n")
		}
	}
}

// namer gives the renditions of one group names of their own, and lets at most one of
// a language and purpose be chosen by itself (RFC 8216 clause 4.3.4.1.1).
type namer struct {
	names map[string]bool
	auto  map[string]bool
}

func (n *namer) name(want string) string {
	name := want
	for i := 2; n.names[name]; i++ {
		name = want + " " + strconv.Itoa(i)
	}
	if n.names == nil {
		n.names, n.auto = map[string]bool{}, map[string]bool{}
	}
	n.names[name] = true
	return name
}

// rendition appends what audio and subtitles have in common.
func (m *multivariant) rendition(n *namer, t *timeline.Track, first bool) {
	tag, name := language.Tag(t.Language)
	if name == "" {
		name = map[flow.Kind]string{flow.KindAudio: "Audio", flow.KindText: "Subtitles"}[t.Kind]
	}
	traits := ""
	switch t.Role {
	case timeline.RoleDescription:
		traits, name = "public.accessibility.describes-video", name+" (audio description)"
	case timeline.RoleHardOfHearing:
		name += " (hard of hearing)"
		if t.Kind == flow.KindText {
			traits = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
		} else {
			traits = "public.accessibility.enhances-speech-intelligibility"
		}
	case timeline.RoleCommentary:
		name += " (commentary)"
	case timeline.RoleMain, timeline.RoleAlternate:
	}
	m.quoted(",NAME=", n.name(name))
	if tag != "" {
		m.quoted(",LANGUAGE=", tag)
	}
	same := tag + " " + traits
	auto := first || !n.auto[same] && t.Role != timeline.RoleCommentary
	n.auto[same] = n.auto[same] || auto
	m.str(",DEFAULT=", yes(first), ",AUTOSELECT=", yes(auto))
	if traits != "" {
		m.quoted(",CHARACTERISTICS=", traits)
	}
}

func yes(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

// playlist returns the URI of a media playlist.
func (m *multivariant) playlist(selector string) string {
	switch m.key.kind {
	case kindCMAF:
		return "tracks-" + selector + "/index.fmp4.m3u8"
	case kindLL:
		return "tracks-" + selector + "/index.ll.m3u8"
	default:
		return "tracks-" + selector + "/mono.m3u8"
	}
}

// variants appends a variant for each rung with each group of audio.
func (m *multivariant) variants() {
	groups := m.groups
	if len(groups) == 0 {
		groups = []group{{tracks: m.audio, muxed: true}} // at most one track
	}
	for _, g := range groups {
		if len(m.video) == 0 {
			m.variant(nil, g)
		}
		for _, t := range m.video {
			m.variant(t, g)
		}
	}
}

func (m *multivariant) variant(video *timeline.Track, g group) {
	in := make([]*timeline.Track, 0, 2) // what its segments hold
	if video != nil {
		in = append(in, video)
	}
	if g.muxed && len(g.tracks) > 0 {
		in = append(in, g.tracks[0])
	}
	selector := ""
	for _, t := range in {
		selector += t.ID
	}
	uri := m.playlist(selector)
	if m.key.kind == kindTS && covers(m.l, selector) {
		uri = "mono.m3u8"
	}
	peak, average := m.bandwidth(in, g, uri == "mono.m3u8")
	m.int("#EXT-X-STREAM-INF:BANDWIDTH=", peak)
	m.int(",AVERAGE-BANDWIDTH=", average)
	if c := codecs(append(in, g.tracks...)); c != "" {
		m.quoted(",CODECS=", c)
	}
	if video != nil {
		m.picture(video)
		if n, d := video.Format.RateNum, video.Format.RateDen; n > 0 && d > 0 {
			m.str(",FRAME-RATE=", strconv.FormatFloat(float64(n)/float64(d), 'f', 3, 64))
		}
	}
	if g.id != "" {
		m.quoted(",AUDIO=", g.id)
	}
	if len(m.selected.text) > 0 {
		m.str(`,SUBTITLES="subs"`)
	}
	switch { // NONE is for all variants or for none of them
	case video == nil:
	case !m.captions:
		m.str(",CLOSED-CAPTIONS=NONE")
	case len(video.Format.Captions) > 0:
		m.str(`,CLOSED-CAPTIONS="cc"`)
	}
	m.str("\n")
	m.uri(uri)
	m.str("\n")
}

// picture appends size and range of a video track. The size is the one to show it at:
// pixels of another shape than square are stretched.
func (m *multivariant) picture(t *timeline.Track) {
	f := &t.Format
	if f.Width > 0 && f.Height > 0 {
		width := int64(f.Width)
		if f.SARNum > 0 && f.SARDen > 0 && f.SARNum < 1<<16 && f.SARDen < 1<<16 {
			width = (width*int64(f.SARNum)/int64(f.SARDen) + 1) &^ 1
		}
		m.int(",RESOLUTION=", width)
		m.int("x", int64(f.Height))
	}
	if m.ranges {
		m.str(",VIDEO-RANGE=", videoRange(t))
	}
}

// videoRange reads transfer_characteristics of ISO/IEC 23091-2.
func videoRange(t *timeline.Track) string {
	switch t.Format.Colour.Transfer {
	case 16:
		return "PQ"
	case 18:
		return "HLG"
	default:
		return "SDR"
	}
}

// codecs returns the CODECS of tracks, each once; empty when one of them has no name.
func codecs(tracks []*timeline.Track) string {
	var all []string
	for _, t := range tracks {
		if t.Format.RFC6381 == "" {
			return ""
		}
		if !slices.Contains(all, t.Format.RFC6381) {
			all = append(all, t.Format.RFC6381)
		}
	}
	return strings.Join(all, ",")
}

// bandwidth returns the largest and the average rate that playing a variant needs:
// what is in its segments, and the largest rendition that can be played beside it.
func (m *multivariant) bandwidth(in []*timeline.Track, g group, whole bool) (peak, average int64) {
	for _, t := range in {
		r := trackRates(m.v, t)
		peak, average = peak+r.Peak, average+r.Average
	}
	if m.key.kind == kindTS {
		peak, average = m.packets(peak), m.packets(average)
		if whole {
			peak, average = max(1, m.v.Peak), max(1, m.v.Average)
		}
	}
	beside := timeline.Rates{}
	for i, t := range g.tracks {
		if i > 0 || !g.muxed {
			r := trackRates(m.v, t)
			beside.Peak, beside.Average = max(beside.Peak, r.Peak), max(beside.Average, r.Average)
		}
	}
	if m.key.kind == kindTS {
		beside.Peak, beside.Average = m.packets(beside.Peak), m.packets(beside.Average)
	}
	return peak + beside.Peak, average + beside.Average
}

// packets returns the rate in packets of what has a rate in CMAF, at the proportion
// the whole stream has.
func (m *multivariant) packets(rate int64) int64 {
	var sum int64
	for _, t := range m.l.Tracks {
		sum += m.v.Rates[t.ID].Peak
	}
	factor := 1.1
	if sum > 0 {
		factor = min(max(float64(m.v.Peak)/float64(sum), 1.03), 1.5)
	}
	return int64(float64(rate) * factor)
}

// trackRates returns the rates of a track, a guess when nothing was measured.
func trackRates(v *timeline.View, t *timeline.Track) timeline.Rates {
	r := v.Rates[t.ID]
	if r.Peak > 0 {
		r.Average = max(r.Average, 1)
		return r
	}
	if t.Kind == flow.KindVideo {
		return timeline.Rates{Peak: max(v.Peak, 1_000_000), Average: max(v.Average, 1_000_000)}
	}
	return timeline.Rates{Peak: 128_000, Average: 128_000}
}

// intra appends the I-frame playlists (RFC 8216 clause 4.3.4.3).
func (m *multivariant) intra() {
	name := "/iframes.ts.m3u8"
	if m.key.kind != kindTS {
		name = "/iframes.fmp4.m3u8"
	}
	for _, t := range m.video {
		if m.key.kind == kindTS && !es.Judges(t.Format.Codec) {
			continue
		}
		m.int("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=", intraRate(m.v, t))
		if t.Format.RFC6381 != "" {
			m.quoted(",CODECS=", t.Format.RFC6381)
		}
		m.picture(t)
		m.str(`,URI="`)
		m.uri("tracks-", t.ID, name)
		m.str("\"\n")
	}
}

// intraRate returns the peak rate of the I-frames of a track: the first of each
// segment.
func intraRate(v *timeline.View, t *timeline.Track) int64 {
	peak := int64(0)
	for _, s := range v.Segments {
		if m := s.Track(t.ID); m != nil && s.Duration >= 100*time.Millisecond {
			if n := intraSize(m); n > 0 {
				peak = max(peak, int64(float64(n*8)/s.Duration.Seconds()))
			}
		}
	}
	if peak == 0 {
		return trackRates(v, t).Peak
	}
	return peak + peak/10 // in packets
}

// intraSize returns the length of the begin of a CMAF segment up to the end of its
// first sample, 0 when that is not a random access point.
func intraSize(m *timeline.Media) int {
	if len(m.Parts) == 0 || len(m.Parts[0].Samples) == 0 || !m.Parts[0].Samples[0].Sync {
		return 0
	}
	s := m.Parts[0].Samples[0]
	return s.Offset + s.Size
}
