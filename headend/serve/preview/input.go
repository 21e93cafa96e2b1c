package preview

import (
	"slices"
	"time"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// Input is one key frame for a decoder: the parts of a file that ends behind it. The
// bytes are those of the timeline and not to be written to.
type Input struct {
	Format string // demuxer of ffmpeg: "mp4" or "mpegts"
	Data   [][]byte

	segment string
	at      time.Time
}

// wanted is the width in pixels a picture is made of if there is a choice: the smallest
// rung of at least that many costs the least.
const wanted = 640

// maxInput bounds what a decoder is given, in bytes: a key frame of 4K is 2 MiB.
const maxInput = 8 << 20

// newest returns the name of the newest segment with media, or nothing.
func newest(v *timeline.View) string {
	if n := len(v.Segments); n > 0 {
		return v.Segments[n-1].Name
	}
	return ""
}

// newestInput returns the first key frame of the newest segment that has one.
func newestInput(v *timeline.View) (Input, bool) {
	for _, s := range slices.Backward(v.Segments) {
		in, ok := intra(s)
		if !ok && s.Independent && len(s.TS) > 0 {
			in, ok = Input{Format: "mpegts", Data: begin(s.TS)}, hasVideo(s)
		}
		if ok {
			in.segment, in.at = s.Name, s.Start.Truncate(time.Second)
			return in, true
		}
	}
	return Input{}, false
}

// begin returns the pieces from the begin of a stream that a decoder is given.
func begin(stream timeline.Packets) [][]byte {
	size := 0
	for i, b := range stream {
		if size += len(b); size > maxInput {
			return stream[:i]
		}
	}
	return stream
}

// intra returns the key frame of the rung of a segment that suits best.
func intra(s *timeline.Segment) (in Input, ok bool) {
	best := 0
	for _, m := range s.Media {
		t := m.Track
		if t.Kind != flow.KindVideo || t.Init == nil || len(m.Parts) == 0 || len(m.Parts[0].Samples) == 0 {
			continue
		}
		first := m.Parts[0].Samples[0]
		end := first.Offset + first.Size
		if !first.Sync || end > len(m.Parts[0].Data) || end > maxInput {
			continue
		}
		if w := t.Format.Width; !ok || better(w, best) {
			in, ok, best = Input{Format: "mp4", Data: [][]byte{t.Init, m.Parts[0].Data[:end]}}, true, w
		}
	}
	return in, ok
}

// better reports whether a width is nearer to what is wanted than another.
func better(width, than int) bool {
	if than >= wanted {
		return width >= wanted && width < than
	}
	return width > than
}

func hasVideo(s *timeline.Segment) bool {
	return s.Layout == nil || len(s.Layout.Tracks) == 0 ||
		slices.ContainsFunc(s.Layout.Tracks, func(t *timeline.Track) bool { return t.Kind == flow.KindVideo })
}
