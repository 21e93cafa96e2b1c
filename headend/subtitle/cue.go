package subtitle

import (
	"strings"

	"sigma/headend/timeline"
	"sigma/mux/captions"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/teletext"
)

// upper is how far down, in percent, a text begins that is put where it was: the
// others are at the bottom, where players put them by themselves and above their
// controls.
const upper = 60

// shower makes cues of what is shown from when on.
type shower struct {
	cue   timeline.Cue
	shown bool
}

// show takes what is shown from a time on; nothing is "". With the time of the one
// before it takes its place.
func (s *shower) show(from flow.Ticks, text string, line int, emit func(timeline.Cue)) {
	if s.shown && (from != s.cue.Start || text == "") {
		s.cue.End = max(from, s.cue.Start)
		emit(s.cue)
	}
	if s.shown = text != ""; s.shown {
		s.cue = timeline.Cue{Start: from, Text: text}
		if line < upper {
			s.cue.Line = max(line, 1)
		}
		emit(s.cue)
	}
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// pageDecoder makes cues of a teletext page.
type pageDecoder struct {
	page   teletext.Decoder
	shower shower
}

// Push implements timeline.Decoder.
func (d *pageDecoder) Push(f flow.Item[flow.Frame], emit func(timeline.Cue)) {
	for _, unit := range f.V.Units {
		d.page.Push(f.V.PTS, unit, func(from flow.Ticks, lines []teletext.Line) {
			text := make([]string, len(lines))
			for i, l := range lines {
				text[i] = escaper.Replace(l.Text)
			}
			line := 0
			if len(lines) > 0 {
				line = lines[0].Row * 4 // of 25 rows
			}
			d.shower.show(from, strings.Join(text, "\n"), line, emit)
		})
	}
}

// captionDecoder makes cues of the captions in a video track.
type captionDecoder struct {
	follow   *es.Follower
	queue    es.CaptionQueue
	captions captions.Decoder
	shower   shower
}

// Push implements timeline.Decoder.
func (d *captionDecoder) Push(f flow.Item[flow.Frame], emit func(timeline.Cue)) {
	var packets []es.CaptionPacket
	d.follow.Captions(f.V.Units, func(p es.CaptionPacket) { packets = append(packets, p) })
	d.queue.Push(f.V.PTS, packets)
	d.queue.Pop(f.V.DTS, func(pts flow.Ticks, packets []es.CaptionPacket) {
		d.captions.Push(pts, packets, func(from flow.Ticks, lines []captions.Line) {
			var text strings.Builder
			for i, l := range lines {
				if i > 0 {
					text.WriteByte('\n')
				}
				for _, r := range l.Runs {
					styled(&text, r)
				}
			}
			line := 0
			if len(lines) > 0 {
				line = lines[0].Top
			}
			d.shower.show(from, text.String(), line, emit)
		})
	})
}

// styled appends a run in the markup of WebVTT.
func styled(b *strings.Builder, r captions.Run) {
	open, shut := "", ""
	if r.Italic {
		open, shut = "<i>", "</i>"
	}
	if r.Underline {
		open, shut = open+"<u>", "</u>"+shut
	}
	b.WriteString(open)
	b.WriteString(escaper.Replace(r.Text))
	b.WriteString(shut)
}

var (
	_ timeline.Decoder = (*pageDecoder)(nil)
	_ timeline.Decoder = (*captionDecoder)(nil)
)
