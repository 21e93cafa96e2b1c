package dash

import (
	"strconv"
	"strings"
	"time"

	"sigma/headend/serve/language"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// write appends the MPD. The order of elements is that of the schema.
func (d *document) write(t *text) {
	t.str(`<?xml version="1.0" encoding="UTF-8"?>`, "\n")
	t.str(`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"`)
	t.attr("id", d.id)
	t.str(` profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z"`)
	t.attr("publishTime", date(d.publish))
	for _, a := range d.attrs {
		t.attr(a.name, a.value)
	}
	t.str(">\n")
	d.location(t)
	if d.low {
		t.str(`<ServiceDescription id="0"><Latency`)
		t.attrInt("target", d.latency.Milliseconds())
		t.attrInt("min", d.latency.Milliseconds()/2)
		t.attrInt("max", d.latency.Milliseconds()*3)
		t.str(` referenceId="0"/><PlaybackRate min="0.96" max="1.1"/></ServiceDescription>`, "\n")
	}
	for _, p := range d.periods {
		d.period(t, p)
	}
	t.str(`<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="time`)
	t.marks = append(t.marks, mark{at: len(t.b)})
	t.str(`"/>`, "\n</MPD>\n")
}

// location appends where the patch that follows is (clause 5.15.2).
func (d *document) location(t *text) {
	t.str("<PatchLocation")
	t.attrInt("ttl", int64(patchTTL/time.Second))
	t.str(">")
	t.escaped(d.patchURL())
	t.marks = append(t.marks, mark{at: len(t.b), query: true})
	t.str("</PatchLocation>\n")
}

func (d *document) period(t *text, p *period) {
	t.str("<Period")
	t.attr("id", p.id)
	t.attr("start", duration(p.start))
	t.str(">\n")
	writeEvents(t, p.events)
	for _, s := range p.sets {
		d.set(t, p, s)
	}
	t.str("</Period>\n")
}

func (d *document) set(t *text, p *period, s *set) {
	first := s.reps[0].track
	t.str("<AdaptationSet")
	t.attrUint("id", s.id)
	tag, name := language.Tag(first.Language)
	switch first.Kind {
	case flow.KindAudio:
		t.attr("lang", or(tag, "und"))
		t.str(` contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1">`)
		channels(t, first)
	case flow.KindText:
		t.attr("lang", or(tag, "und"))
		t.str(` contentType="text" mimeType="application/mp4" segmentAlignment="true" startWithSAP="1">`)
	default:
		t.str(` contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">`)
	}
	if s.follows != "" {
		t.descriptor("SupplementalProperty", "urn:mpeg:dash:period-continuity:2015", s.follows)
	}
	if name != "" && first.Kind != flow.KindVideo {
		t.str("<Label>")
		t.escaped(name)
		t.str("</Label>")
	}
	if s.offset > 0 {
		t.str(`<ProducerReferenceTime id="0" inband="false" type="encoder"`)
		t.attr("wallClockTime", date(p.begun))
		t.attrUint("presentationTime", units(p.media, first.Timescale))
		t.str(`><UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="time`)
		t.marks = append(t.marks, mark{at: len(t.b)})
		t.str(`"/></ProducerReferenceTime>`)
	}
	if first.Kind == flow.KindVideo {
		captions(t, s)
	}
	roles(t, first)
	t.str("\n")
	for _, r := range s.reps {
		r.write(t, p, s)
	}
	t.str("</AdaptationSet>\n")
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// layouts are the ChannelConfiguration of ISO/IEC 23091-3 by number of channels.
var layouts = [...]int64{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 8: 12}

func channels(t *text, track *timeline.Track) {
	if n := track.Format.Channels; n > 0 && n < len(layouts) && layouts[n] > 0 {
		t.descriptor("AudioChannelConfiguration", "urn:mpeg:mpegB:cicp:ChannelConfiguration", strconv.FormatInt(layouts[n], 10))
	}
}

// captions appends descriptors of the closed captions in the pictures (ANSI/SCTE 214-1
// clauses 7.2.2 and 7.2.3).
func captions(t *text, s *set) {
	tag, _ := language.Tag(s.captions)
	var c608, c708 []string
	for _, c := range s.reps[0].track.Format.Captions {
		if n, ok := strings.CutPrefix(c, "SERVICE"); ok {
			c708 = append(c708, n+"=lang:"+or(tag, "und"))
		} else {
			c608 = append(c608, c+"="+or(tag, "und"))
		}
	}
	if len(c608) > 0 {
		t.descriptor("Accessibility", "urn:scte:dash:cc:cea-608:2015", strings.Join(c608, ";"))
	}
	if len(c708) > 0 {
		t.descriptor("Accessibility", "urn:scte:dash:cc:cea-708:2015", strings.Join(c708, ";"))
	}
}

const (
	roleScheme = "urn:mpeg:dash:role:2011" // clause 5.8.5.5
	// purposeScheme is AudioPurposeCS of ETSI TS 102 822-3-1: 1 is for the visually, 2
	// for the hearing impaired.
	purposeScheme = "urn:tva:metadata:cs:AudioPurposeCS:2007"
)

func roles(t *text, track *timeline.Track) {
	value := "main"
	audio := track.Kind == flow.KindAudio
	switch track.Role {
	case timeline.RoleMain:
		if track.Kind == flow.KindText {
			value = "subtitle"
		}
	case timeline.RoleAlternate:
		value = "alternate"
	case timeline.RoleCommentary:
		value = "commentary"
	case timeline.RoleDescription:
		value = "description"
		if audio {
			t.descriptor("Accessibility", purposeScheme, "1")
		}
	case timeline.RoleHardOfHearing:
		value = "caption"
		if audio {
			value = "enhanced-audio-intelligibility"
			t.descriptor("Accessibility", purposeScheme, "2")
		}
	}
	t.descriptor("Role", roleScheme, value)
}

func (r *representation) write(t *text, p *period, s *set) {
	track := r.track
	f := &track.Format
	t.str("<Representation")
	t.attr("id", track.ID)
	t.attrInt("bandwidth", r.bandwidth)
	t.attr("codecs", or(f.RFC6381, "wvtt"))
	if track.Kind == flow.KindVideo {
		t.attrInt("width", int64(f.Width))
		t.attrInt("height", int64(f.Height))
		if f.SARNum > 0 && f.SARDen > 0 {
			t.attr("sar", strconv.Itoa(f.SARNum)+":"+strconv.Itoa(f.SARDen))
		}
		switch {
		case f.RateNum <= 0 || f.RateDen <= 0:
		case f.RateDen == 1:
			t.attrInt("frameRate", int64(f.RateNum))
		default:
			t.attr("frameRate", strconv.Itoa(f.RateNum)+"/"+strconv.Itoa(f.RateDen))
		}
		if f.Interlaced {
			t.str(` scanType="interlaced"`)
		}
	}
	if track.Kind == flow.KindAudio && f.SampleRate > 0 {
		t.attrInt("audioSamplingRate", int64(f.SampleRate))
	}
	t.str(">\n<SegmentTemplate")
	t.attrUint("timescale", uint64(track.Timescale))
	t.attrUint("presentationTimeOffset", units(p.media, track.Timescale))
	if s.offset > 0 {
		t.attr("availabilityTimeOffset", seconds(s.offset))
		t.str(` availabilityTimeComplete="false"`)
	}
	t.str(` initialization="tracks-`, track.ID, "/init-", r.init, ".mp4")
	t.marks = append(t.marks, mark{at: len(t.b), template: true})
	t.str(`" media="dash/`, track.ID, "/$Time$.m4s")
	t.marks = append(t.marks, mark{at: len(t.b), template: true})
	t.str("\">\n<SegmentTimeline>")
	for _, s := range r.runs {
		s.write(t)
	}
	t.str("</SegmentTimeline>\n</SegmentTemplate>\n</Representation>\n")
}

// write appends an S element. Each says its time, so that the first can be taken away
// without touching the second.
func (s run) write(t *text) {
	t.str("<S")
	t.attrUint("t", s.t)
	t.attrUint("d", s.d)
	if s.r > 0 {
		t.attrInt("r", int64(s.r))
	}
	t.str("/>")
}
