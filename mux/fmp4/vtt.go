package fmp4

// VTTCue is a cue of WebVTT as a sample holds it (ISO/IEC 14496-30 clause 7).
type VTTCue struct {
	ID       string // empty: none
	Settings string // "line:85% align:center"; empty: none
	Text     string // as in a WebVTT file: escaped, with its markup
}

// AppendVTTSample appends the body of a sample of a wvtt track to dst: what is shown
// from its begin to its end. Without cues that is nothing, and is said so. A cue that
// goes on over several samples is in each of them.
func AppendVTTSample(dst []byte, cues []VTTCue) []byte {
	a := appender{b: dst}
	if len(cues) == 0 {
		a.end(a.box("vtte"))
	}
	for i := range cues {
		c := &cues[i]
		at := a.box("vttc")
		a.optional("iden", c.ID)
		a.optional("sttg", c.Settings)
		payl := a.box("payl")
		a.text(c.Text)
		a.end(payl)
		a.end(at)
	}
	return a.b
}

// optional appends a box that holds a text, if there is one.
func (a *appender) optional(kind, text string) {
	if text == "" {
		return
	}
	at := a.box(kind)
	a.text(text)
	a.end(at)
}
