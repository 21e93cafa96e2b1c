package mss

import (
	"fmt"
	"strings"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// plain takes the markup of WebVTT away and makes lines those of TTML. Other characters
// are escaped already.
var plain = strings.NewReplacer("<b>", "", "</b>", "", "<i>", "", "</i>", "", "<u>", "", "</u>", "", "\n", "<br/>")

// appendTTML appends the text of a fragment (TTML 1 clause 8), whose times count from its
// begin. Cues are cut to it.
func appendTTML(b []byte, p *timeline.Period, m *timeline.Media, c *chunk) []byte {
	b = append(b, `<?xml version="1.0" encoding="utf-8"?><tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling" xml:lang="`...)
	b = append(b, languageOf(m.Track)...)
	b = append(b, `"><head><layout><region xml:id="r" tts:origin="10% 10%" tts:extent="80% 80%" tts:displayAlign="after" tts:textAlign="center"/></layout></head><body region="r"><div>`...)
	for _, cue := range m.Cues {
		from := max(at(p, uint64(max(cue.Start, 0)), flow.TicksPerSecond)-int64(c.time), 0)
		to := min(at(p, uint64(max(cue.End, 0)), flow.TicksPerSecond)-int64(c.time), int64(c.long))
		if from >= to || cue.Text == "" {
			continue
		}
		b = fmt.Appendf(b, `<p begin="%s" end="%s">`, clock(from), clock(to))
		b = append(append(b, plain.Replace(cue.Text)...), "</p>"...)
	}
	return append(b, "</div></body></tt>"...)
}

// clock returns a clock-time of TTML with milliseconds.
func clock(t int64) string {
	ms := t / (unit / 1000)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// languageOf returns the language of a track, "und" when it is unknown.
func languageOf(t *timeline.Track) string {
	if len(t.Language) < 2 || len(t.Language) > 3 {
		return "und"
	}
	for _, c := range []byte(t.Language) {
		if c < 'a' || c > 'z' {
			return "und"
		}
	}
	return t.Language
}
