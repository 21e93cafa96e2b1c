package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pageState is what the player page shows at a moment.
type pageState struct {
	Played         bool
	Proto, Status  string
	At             float64 // s of the media
	Frames         int
	Latency, Audio string
	Audios, Protos []string
	Sound          float64 // bytes or samples decoded
	Qualities      int
	Heard          any // track of the player
}

// pageSeen is what watch.mjs prints.
type pageSeen struct {
	Plays []struct {
		Proto                  string
		Begin                  float64 // ms from load to the first picture
		Before, After          pageState
		Violations, Complaints []string
	}
	Phone struct {
		Order, Complaints, Violations, Names []string
		Wide, High, Paused                   bool
		Video                                int
	}
	Archive struct {
		Shown    bool
		Problems []string
		Asked    int
	}
	Refused struct{ RTMP, Later string }
	Cut     struct {
		Said  string
		Again bool
	}
	Front struct {
		Complaints, Violations []string
		Pictures               []int
		Played                 bool
	}
}

// pageModules returns the folder with the packages of testdata/page, installed once.
func pageModules(t *testing.T) string {
	t.Helper()
	dir, err := Cache("page")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "axe-core")); err == nil {
		return dir
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", "page", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir).CombinedOutput(); err != nil {
		t.Skipf("npm cannot install the judges: %v\n%s", err, out)
	}
	return dir
}

// pageClip makes two rungs without B-frames and sound in two languages, which every
// protocol carries.
func pageClip(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.ts")
	args := strings.Fields("-v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=440:sample_rate=48000 -f lavfi -i sine=880:sample_rate=48000 " +
		"-filter_complex [0:v]split=2[a][b0];[b0]scale=320:180[b] -map [a] -map [b] -map 1 -map 2 -t 20 " +
		"-c:v libx264 -preset ultrafast -bf 0 -g 25 -keyint_min 25 -sc_threshold 0 -pix_fmt yuv420p -b:v:0 800k -b:v:1 300k " +
		"-c:a aac -b:a 64k -metadata:s:a:0 language=eng -metadata:s:a:1 language=vie -f mpegts " + path)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return path
}

// TestBrowserPage opens the player page of the real daemon in Chromium by every
// protocol, on a phone, over a connection that breaks; and the list of channels.
func TestBrowserPage(t *testing.T) {
	if os.Getenv("HEADEND_PLAYERS") == "" {
		t.Skip("takes minutes of a machine with little else to do: make players asks for it")
	}
	for _, name := range []string{"node", "npm", "chromium", "ffmpeg"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	if out, err := exec.Command("../../../.ci/player").CombinedOutput(); err != nil {
		t.Skipf("no scripts for the page: %v\n%s", err, out)
	}
	modules, clip := pageModules(t), pageClip(t)
	d := network(t, `
box: {name: test, viewer_page: true, webrtc: "127.0.0.1:8189"}
channels:
  - name: tv/news
    title: News & more
    segment_duration: 2s
    inputs: [{url: "file://`+clip+`"}]
  - name: bare
    protocols: [hls, player]
    inputs: [{url: "file://`+clip+`"}]
`)
	d.mustStart(t)
	d.until(t, "the channel to have media", func() bool { return d.answers("/tv/news/preview.jpg") && d.answers("/bare/index.m3u8") })
	out, err := d.Net.Command(box, "node", append([]string{"testdata/page/watch.mjs", modules, "http://" + HTTPAddr, "tv/news"}, pageProtos...)...).Output()
	var got pageSeen
	if err != nil || json.Unmarshal(out, &got) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, p := range got.Plays {
		t.Logf("%s: %.0f ms from load to first picture, %s behind live, %d pictures", p.Proto, p.Begin, p.Before.Latency, p.After.Frames)
		checkPlay(t, p.Proto, p.Begin, p.Before, p.After)
		clean(t, p.Proto, p.Violations, p.Complaints)
	}
	checkPages(t, &got)
}

// pageProtos are the protocols that the page is opened with.
var pageProtos = []string{"auto", "hls", "ll-hls", "dash", "ll-dash", "mss", "webrtc"}

func checkPlay(t *testing.T, proto string, delay float64, before, after pageState) {
	t.Helper()
	switch {
	case !after.Played || before.Proto != proto && proto != "auto":
		t.Errorf("%s: %+v", proto, after)
	case delay <= 0 || delay > 2000:
		t.Errorf("%s: the first picture %.0f ms after load, want at most 2 s", proto, delay)
	case len(before.Audios) != 2 || before.Qualities != 3 || !slices.Contains(before.Protos, "webrtc"):
		t.Errorf("%s: %v to hear, %d qualities, %v to play by", proto, before.Audios, before.Qualities, before.Protos)
	case before.Heard == after.Heard || before.Audio == after.Audio:
		t.Errorf("%s: %v is heard after %v, shown %s after %s", proto, after.Heard, before.Heard, after.Audio, before.Audio)
	case after.Frames < before.Frames+75 && proto != "webrtc" || after.Status != "":
		t.Errorf("%s: %d pictures after the change of sound, %d before; %s", proto, after.Frames, before.Frames, after.Status)
	case before.Latency == "":
		t.Errorf("%s: the page does not say how far it is behind", proto)
	}
}

// clean holds that a page breaks no rule of accessibility and has nothing to complain of.
func clean(t *testing.T, what string, violations, complaints []string) {
	t.Helper()
	if len(violations)+len(complaints) > 0 {
		t.Errorf("%s: violations %q, complaints %q", what, violations, complaints)
	}
}

func checkPages(t *testing.T, got *pageSeen) {
	t.Helper()
	clean(t, "phone", got.Phone.Violations, got.Phone.Complaints)
	clean(t, "list of channels", got.Front.Violations, got.Front.Complaints)
	clean(t, "archive", got.Archive.Problems, nil)
	if p := got.Phone; p.Wide || p.High || p.Video < 200 || len(p.Names) > 0 || !p.Paused ||
		!slices.Equal(p.Order[:7], []string{"play", "mute", "live", "quality", "audio", "proto", "full"}) {
		t.Errorf("phone: %+v", p)
	}
	if a := got.Archive; !a.Shown || a.Asked == 0 {
		t.Errorf("archive: %+v", a)
	}
	if !strings.Contains(got.Refused.RTMP, "rtmp") || !strings.Contains(got.Refused.Later, "the configuration does not allow it") {
		t.Errorf("what cannot be played: %+v", got.Refused)
	}
	if got.Cut.Said == "" || !got.Cut.Again {
		t.Errorf("a connection that breaks: %+v", got.Cut)
	}
	if f := got.Front; !f.Played || len(f.Pictures) != 1 || f.Pictures[0] != 640 {
		t.Errorf("list of channels: %+v", f)
	}
}
