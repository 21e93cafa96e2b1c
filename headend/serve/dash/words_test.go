package dash_test

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

// checkWords reads a track of text with mp4ff: samples without holes, each with cues or
// said to be empty, and the ticks of the programme in them.
func checkWords(t *testing.T, data string, segments int) {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader([]byte(data)))
	if err != nil {
		t.Fatal(err)
	}
	trex := f.Init.Moov.Mvex.Trex
	var at uint64
	fragments, cues := 0, 0
	for _, s := range f.Segments {
		for _, fr := range s.Fragments {
			fragments++
			samples, err := fr.GetFullSamples(trex)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range samples {
				if at != 0 && x.DecodeTime != at {
					t.Errorf("sample at %d, the one before ends at %d", x.DecodeTime, at)
				}
				at = x.DecodeTime + uint64(x.Dur)
				for b := x.Data; len(b) > 0; {
					box, err := mp4.DecodeBox(x.DecodeTime, bytes.NewReader(b))
					if err != nil {
						t.Fatal(err)
					}
					if box.Type() == "vttc" {
						cues++
					} else if box.Type() != "vtte" {
						t.Errorf("box %s", box.Type())
					}
					b = b[box.Size():]
				}
			}
		}
	}
	if fragments != segments || cues < 2*segments {
		t.Errorf("%d fragments of %d segments, %d cues", fragments, segments, cues)
	}
}
