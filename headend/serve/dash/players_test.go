package dash_test

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
	Fatal, Errors []string
	Stalls        int
	Frames        int
	Started       float64 // ms
	At, Wall      float64 // s played, and s that it took
	Latencies     []float64
	Audio         []string
	Heights       []int
	Patches       int
	Offered       struct {
		Audio, Text []string
		Heights     []int
	}
	Cues []struct {
		Start, End float64
		Text       string
	}
}

// TestBrowserPlays plays live in Chromium with dash.js and Shaka, with and without low
// latency, with a change of rung and of audio and subtitles on, or through a discontinuity
// and a change of tracks. The limits are for machines that do much else.
func TestBrowserPlays(t *testing.T) {
	if os.Getenv("HEADEND_PLAYERS") == "" {
		t.Skip("takes minutes of a machine with little else to do: make players asks for it")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("needs chromium")
	}
	ladder := timelinetest.Inspected(timelinetest.Ladder(t, 100, 25), 0)
	other := timelinetest.Inspected(timelinetest.Capture(t, 40, 25), 0)
	playwright := npm(t, "playwright-core", "1.64.1")
	dirs := map[string]string{"dashjs": npm(t, "dashjs", "5.2.1"), "shaka-player": npm(t, "shaka-player", "5.2.12")}
	for _, c := range []struct {
		path, player string
		low, broken  bool
		limit        float64 // s of latency
	}{
		{"index.mpd", "dashjs", false, false, 15}, {"index.mpd", "shaka-player", false, false, 25},
		{"index.ll.mpd", "dashjs", true, false, 5}, {"index.ll.mpd", "shaka-player", true, false, 8},
		{"index.mpd", "dashjs", false, true, 15}, {"index.mpd", "shaka-player", false, true, 25},
		{"index.ll.mpd", "dashjs", true, true, 5}, {"index.ll.mpd", "shaka-player", true, true, 8},
	} {
		t.Run(fmt.Sprintf("%s/%s/%v", c.player, c.path, c.broken), func(t *testing.T) {
			next := other
			if !c.broken {
				next = nil
			}
			l := run(t, ladder, next)
			defer l.stop()
			srv := httptest.NewServer(l.around(offer(l)))
			defer srv.Close()
			cmd := exec.Command("node", "testdata/play.mjs", c.player, dirs[c.player], playwright, srv.URL+"/tv/news/"+c.path, fmt.Sprint(c.low), fmt.Sprint(!c.broken), "27")
			out, err := cmd.CombinedOutput()
			var got seenByBrowser
			if err != nil || json.Unmarshal(out, &got) != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
			stalls := 3
			switch {
			case c.broken && c.low && c.player == "shaka-player":
				// It holds on to the live edge of before the break, which is too near by then,
				// and waits a moment for each segment.
				stalls = 12
			case c.broken:
				stalls = 5
			}
			checkBrowser(t, got, c.broken, stalls, c.limit)
		})
	}
}

func checkBrowser(t *testing.T, got seenByBrowser, broken bool, stalls int, limit float64) {
	t.Helper()
	if len(got.Fatal) > 0 || got.Stalls > stalls || got.Started == 0 || got.At < 12 || got.Frames < 280 {
		t.Errorf("%+v", got)
	}
	if len(got.Offered.Audio) != 2 || len(got.Offered.Heights) != 3 || len(got.Offered.Text) != 1 {
		t.Errorf("offered: %+v", got.Offered)
	}
	if len(got.Latencies) == 0 || got.Latencies[len(got.Latencies)-1] > limit {
		t.Errorf("latencies %v, limit %v", got.Latencies, limit)
	}
	if !broken && (len(got.Audio) == 0 || got.Audio[len(got.Audio)-1] != "en" || len(got.Heights) < 2) {
		t.Errorf("audio %v, heights %v", got.Audio, got.Heights)
	}
	if !broken && len(got.Cues) < 4 {
		t.Errorf("cues %v", got.Cues)
	}
	if got.Patches == 0 {
		t.Error("no patches were asked for")
	}
}
