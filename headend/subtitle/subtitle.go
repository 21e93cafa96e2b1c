// Package subtitle makes the text tracks of a channel: of the subtitle pages of its
// teletext, and of the closed captions in its pictures.
//
// It owns which of them become tracks, their languages and how their lines become cues.
// It refuses to read bytes, which mux/teletext and mux/captions do, and pictures of
// text: DVB subtitles stay what they are.
package subtitle

import (
	"fmt"
	"slices"

	"sigma/headend/timeline"
	"sigma/mux/captions"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/teletext"
)

// Teletext types of EN 300 468 table 100.
const (
	subtitlePage = 2
	hearingPage  = 5
)

// maxPages bounds the pages of a track that are decoded.
const maxPages = 16

// Texts implements timeline.Timeline.Texts: the subtitle pages that descriptors tell,
// then the captions of the first video track that has any. SERVICE1 repeats CC1 for
// newer receivers, so it is there only without CC1.
func Texts(l *flow.Layout, formats map[flow.TrackID]*es.Format) (out []timeline.Text) {
	for i := range l.Tracks {
		if t := &l.Tracks[i]; t.Codec == flow.CodecTeletext {
			out = append(out, pages(t)...)
		}
	}
	for i := range l.Tracks {
		t := &l.Tracks[i]
		f := formats[t.ID]
		if t.Kind != flow.KindVideo || f == nil || len(f.Captions) == 0 {
			continue
		}
		return append(out, closed(t, f.Captions)...)
	}
	return out
}

// pages returns the subtitle pages of a teletext track.
func pages(t *flow.Track) (out []timeline.Text) {
	loop, err := psi.ParseDescriptors(psi.TablePMT, t.Info)
	if err != nil {
		return nil
	}
	var list []psi.TeletextPage
	for d := range psi.All[*psi.Teletext](loop) {
		list = append(list, d.Pages...)
	}
	for d := range psi.All[*psi.VBITeletext](loop) {
		list = append(list, d.Pages...)
	}
	for _, p := range list {
		text := timeline.Text{From: t.ID, Language: p.Language, Name: fmt.Sprintf("%d%02X", magazine(p), p.Page)}
		known := slices.ContainsFunc(out, func(o timeline.Text) bool { return o.Name == text.Name })
		if p.Type != subtitlePage && p.Type != hearingPage || known || len(out) == maxPages {
			continue
		}
		if p.Type == hearingPage {
			text.Role = timeline.RoleHardOfHearing
		}
		text.Decoder = &pageDecoder{page: teletext.Decoder{Magazine: magazine(p), Page: p.Page, Group: group(p.Language)}}
		out = append(out, text)
	}
	return out
}

// magazine returns the magazine of a page, which is 8 where it is coded as 0.
func magazine(p psi.TeletextPage) uint8 {
	if p.Magazine == 0 {
		return 8
	}
	return p.Magazine
}

// group returns the character sets that broadcasters in a language use without telling.
func group(language string) teletext.Group {
	switch language {
	case "rus", "bul", "ukr", "bel", "mkd", "mac", "est", "lav", "lit":
		return teletext.GroupCyrillic
	case "pol":
		return teletext.GroupEast
	case "tur":
		return teletext.GroupTurkey
	case "hrv", "scr", "slv", "srp", "scc", "bos", "ron", "rum":
		return teletext.GroupSouthEast
	case "ell", "gre":
		return teletext.GroupGreece
	}
	return teletext.GroupWest
}

// closed returns the captions of a video track.
func closed(t *flow.Track, names []string) (out []timeline.Text) {
	languages := services(t.Info)
	for _, name := range names {
		var d captions.Decoder
		switch name {
		case "CC1", "CC2", "CC3", "CC4":
			d = &captions.Line21{Channel: int(name[2] - '0')}
		case "SERVICE1":
			if slices.Contains(names, "CC1") {
				continue
			}
			d = &captions.DTVCC{Service: 1}
		default:
			continue
		}
		out = append(out, timeline.Text{
			From: t.ID, Name: name, Language: languages[name], Role: timeline.RoleHardOfHearing,
			Decoder: &captionDecoder{follow: es.NewFollower(t.Codec), captions: d},
		})
	}
	return out
}

// services returns the languages that a caption_service_descriptor tells (ATSC A/65
// clause 6.9.2).
func services(info []byte) map[string]string {
	const tag = 0x86
	out := map[string]string{}
	for b := info; len(b) >= 2 && len(b) >= 2+int(b[1]); b = b[2+int(b[1]):] {
		if b[0] != tag || b[1] == 0 {
			continue
		}
		for list := b[3 : 2+int(b[1])]; len(list) >= 6; list = list[6:] {
			name := "CC1"
			switch {
			case list[3]&0x80 != 0:
				name = fmt.Sprint("SERVICE", list[3]&0x3F)
			case list[3]&1 != 0: // line21_field
				name = "CC3"
			}
			if _, ok := out[name]; !ok && letters(list[:3]) {
				out[name] = string(list[:3])
			}
		}
	}
	if out["CC1"] == "" {
		out["CC1"] = out["SERVICE1"]
	}
	return out
}

// letters reports whether b could be a code of ISO 639-2.
func letters(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c < 'a' || c > 'z' })
}
