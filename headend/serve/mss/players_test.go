package mss_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"sigma/headend/timeline/timelinetest"
)

// seenByBrowser is what play.mjs prints.
type seenByBrowser struct {
	Fatal     []string
	Stalls    int
	Frames    int
	Started   float64 // ms
	At, Wall  float64 // s played, and s that it took
	Latencies []float64
	Audio     []string
	Heights   []int
	Offered   struct {
		Audio, Text []string
		Heights     []int
	}
	Cues []string
}

// TestBrowserPlays plays live in Chromium with dash.js and its module for Smooth
// Streaming, with a change of audio, of rung and subtitles on; or through a break of the
// source after which the pictures are of another size. The limits are for machines that
// do much else.
func TestBrowserPlays(t *testing.T) {
	if os.Getenv("HEADEND_PLAYERS") == "" {
		t.Skip("takes minutes of a machine with little else to do: make players asks for it")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("needs chromium")
	}
	ladder := timelinetest.Inspected(timelinetest.Ladder(t, 100, 25), 0)
	again := timelinetest.Inspected(timelinetest.Ladder(t, 50, 50), 0)
	playwright, dashjs := npm(t, "playwright-core", "1.64.1"), npm(t, "dashjs", "5.2.1")
	for _, broken := range []bool{false, true} {
		t.Run(fmt.Sprint("broken=", broken), func(t *testing.T) {
			next := again
			if !broken {
				next = nil
			}
			l := run(t, ladder, next)
			defer l.stop()
			srv := httptest.NewServer(l.around(offer(l)))
			defer srv.Close()
			cmd := exec.Command("node", "testdata/play.mjs", dashjs, playwright, srv.URL+"/tv/news.isml/manifest", fmt.Sprint(!broken), "36")
			out, err := cmd.CombinedOutput()
			var got seenByBrowser
			if err != nil || json.Unmarshal(out, &got) != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
			checkBrowser(t, &got, broken)
		})
	}
}

func checkBrowser(t *testing.T, got *seenByBrowser, broken bool) {
	t.Helper()
	stalls := 3
	if broken {
		stalls = 5
	}
	if len(got.Fatal) > 0 || got.Stalls > stalls || got.Started == 0 || got.At < 20 || got.Frames < 450 {
		t.Errorf("%+v", got)
	}
	if len(got.Offered.Audio) != 2 || len(got.Offered.Heights) != 3 || len(got.Offered.Text) != 1 {
		t.Errorf("offered: %+v", got.Offered)
	}
	if n := len(got.Latencies); n == 0 || got.Latencies[n-1] > 25 {
		t.Errorf("latencies %v", got.Latencies)
	}
	if len(got.Cues) < 4 {
		t.Errorf("cues %v", got.Cues)
	}
	if broken {
		return
	}
	if last := len(got.Audio) - 1; last < 1 || got.Audio[last] == got.Audio[0] || len(got.Heights) < 2 {
		t.Errorf("audio %v, heights %v", got.Audio, got.Heights)
	}
}
