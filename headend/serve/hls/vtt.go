package hls

import (
	"strconv"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

const (
	// vttStep is the grid of the local zero of WebVTT segments: whole seconds, so that
	// a cue that is in two segments is rounded to the same milliseconds in both.
	vttStep = 3600 * flow.TicksPerSecond
	// vttTick is a millisecond.
	vttTick = flow.TicksPerSecond / 1000
)

// appendVTT appends the WebVTT segment of a text track: a valid file even without
// cues. Local times count from one to two hours before the segment; X-TIMESTAMP-MAP
// ties them to the 90 kHz time stamps of the media, 33 bits (RFC 8216 clause 3.5).
func appendVTT(b []byte, s *timeline.Segment, cues []timeline.Cue) []byte {
	start := vttStart(s)
	zero := max(0, start/vttStep-1) * vttStep
	b = append(b, "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:"...)
	b = strconv.AppendInt(b, int64(zero%flow.WrapTicks/flow.TicksPer90k), 10)
	b = append(b, ",LOCAL:00:00:00.000\n"...)
	for _, c := range cues {
		if c.End <= c.Start || c.End <= zero || c.Text == "" {
			continue
		}
		b = append(b, '\n')
		b = appendVTTTime(b, max(c.Start, zero)-zero)
		b = append(b, " --> "...)
		b = appendVTTTime(b, c.End-zero)
		if c.Line > 0 && c.Line <= 100 {
			b = append(b, " line:"...)
			b = strconv.AppendInt(b, int64(c.Line), 10)
			b = append(b, '%')
		}
		if c.Align != "" {
			b = append(append(b, " align:"...), c.Align...)
		}
		b = append(b, '\n')
		b = appendVTTText(b, c.Text)
	}
	return b
}

// vttStart returns the media time a segment begins at.
func vttStart(s *timeline.Segment) flow.Ticks {
	if m := lead(s); m != nil && m.Track.Timescale > 0 {
		return ticks(m.Time, m.Track.Timescale)
	}
	if s.Period != nil {
		return s.Period.Media + flow.FromDuration(s.Start.Sub(s.Period.Start))
	}
	return 0
}

func appendVTTTime(b []byte, t flow.Ticks) []byte {
	ms := int64((t + vttTick/2) / vttTick)
	two := func(n int64) {
		if n < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	two(ms / 3_600_000)
	b = append(b, ':')
	two(ms / 60_000 % 60)
	b = append(b, ':')
	two(ms / 1000 % 60)
	b = append(b, '.')
	if ms%1000 < 100 {
		b = append(b, '0')
	}
	two(ms % 1000)
	return b
}

// appendVTTText appends the lines of a cue. An empty line would end it.
func appendVTTText(b []byte, text string) []byte {
	start := true
	for _, c := range []byte(text) {
		if c == '\r' || c == 0 || c == '\n' && start {
			continue
		}
		b = append(b, c)
		start = c == '\n'
	}
	if !start {
		b = append(b, '\n')
	}
	return b
}
