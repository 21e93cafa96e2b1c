package fmp4

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

func TestVTTSamples(t *testing.T) {
	if _, ok := decodeBox(t, AppendVTTSample(nil, nil)).(*mp4.VtteBox); !ok {
		t.Error("nothing is not said to be nothing")
	}
	cues := []VTTCue{{Text: "xin <i>chào</i>\nbạn &amp; tôi"}, {ID: "7", Settings: "line:85% align:center", Text: "b"}}
	b := AppendVTTSample(nil, cues)
	n := 0
	for x, err := range boxes(b) {
		if err != nil {
			t.Fatal(err)
		}
		v := decodeBox(t, x.raw).(*mp4.VttcBox)
		got := VTTCue{Text: v.Payl.CueText}
		if v.Iden != nil {
			got.ID = v.Iden.CueID
		}
		if v.Sttg != nil {
			got.Settings = v.Sttg.Settings
		}
		if got != cues[n] {
			t.Errorf("cue %d is %+v, want %+v", n, got, cues[n])
		}
		n++
	}
	if n != len(cues) {
		t.Errorf("%d cues", n)
	}
	if got := AppendVTTSample([]byte("x"), nil); !bytes.Equal(got, []byte("x\x00\x00\x00\x08vtte")) {
		t.Errorf("%q", got)
	}
}
