package dash_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// judge gives an MPD to an independent parser, whose types are made of the schema: what
// it writes must have the same elements in the same order, and the same attributes. The
// schema itself judges too where DASH_SCHEMA names it.
func judge(t *testing.T, text string) {
	t.Helper()
	m, err := mpd.ReadFromString(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := m.WriteToString("", true)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "", parse(t, text), parse(t, again))
	schema := os.Getenv("DASH_SCHEMA")
	if schema == "" {
		return
	}
	file := filepath.Join(t.TempDir(), "a.mpd")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, text)
	}
}

func compare(t *testing.T, path string, a, b *node) {
	t.Helper()
	path += "/" + a.name
	if a.name != b.name || len(a.kids) != len(b.kids) && a.name != "Event" {
		t.Fatalf("%s: %s\nread as %s", path, a, b)
	}
	for k, v := range a.attrs {
		if _, ok := b.attrs[k]; !ok && v != "0" && v != "false" {
			t.Errorf("%s/@%s=%s is not known", path, k, v)
		}
	}
	if a.name == "Event" {
		return // of another name space
	}
	for i := range a.kids {
		compare(t, path, a.kids[i], b.kids[i])
	}
}

// timed checks the rules of timelines (DASH-IF, restricted timing model) in an MPD: no
// holes and overlaps, media within the period, and that each segment can be had.
func timed(t *testing.T, h http.Handler, text string) {
	t.Helper()
	root := parse(t, text)
	for _, p := range root.all("Period") {
		for _, r := range p.all("Representation") {
			var end uint64
			for i, s := range r.all("S") {
				at, _ := strconv.ParseUint(s.attrs["t"], 10, 64)
				d, _ := strconv.ParseUint(s.attrs["d"], 10, 64)
				n, _ := strconv.ParseUint(s.attrs["r"], 10, 64)
				if i > 0 && at != end || d == 0 || at > 1<<53 {
					t.Errorf("period %s, %s: S at %d, the one before ends at %d", p.attrs["id"], r.attrs["id"], at, end)
				}
				for k := range n + 1 {
					url := strings.ReplaceAll(r.all("SegmentTemplate")[0].attrs["media"], "$Time$", strconv.FormatUint(at+k*d, 10))
					if x := get(t, h, "HEAD", "/tv/news/"+url); x.StatusCode != 200 {
						t.Errorf("%s: %d", url, x.StatusCode)
					}
				}
				end = at + d*(n+1)
			}
		}
	}
}

func TestManifest(t *testing.T) {
	s := newShow(full())
	section := []byte{0xFC, 0x30, 1, 2, 3}
	at := showMedia + 21*flow.TicksPerSecond
	s.events = []*timeline.Event{
		{ID: "7", Kind: timeline.EventOut, Time: at, UTC: showStart.Add(21 * time.Second), Duration: 30 * time.Second, Section: section},
		{ID: "7", Kind: timeline.EventIn, Time: at + 30*flow.TicksPerSecond, UTC: showStart.Add(51 * time.Second), Section: section},
		{ID: "8", Kind: timeline.EventIn, Time: at, UTC: showStart.Add(21 * time.Second)},
	}
	s.at(40, 40)
	h := offer(s)
	text := mpdOf(t, h, "index.mpd")
	judge(t, text)
	timed(t, h, text)
	for _, want := range []string{
		`availabilityStartTime="1970-01-01T00:00:00Z"`, `publishTime="2026-11-22T08:06:50.066Z"`, `timeShiftBufferDepth="PT12S"`, `minimumUpdatePeriod="PT2S"`, `maxSegmentDuration="PT2.5S"`,
		`<PatchLocation ttl="30">index.mpp?publishTime=2026-11-22T08:06:50.066Z</PatchLocation>`,
		`<Period id="p0" start="PT1795334790S">`,
		`<AdaptationSet id="1" contentType="video"`, `<AdaptationSet id="3" contentType="video"`, `<AdaptationSet id="102" lang="de"`, `<Label>Deutsch</Label>`,
		`<Accessibility schemeIdUri="urn:scte:dash:cc:cea-608:2015" value="CC1=en;CC3=en"/><Accessibility schemeIdUri="urn:scte:dash:cc:cea-708:2015" value="1=lang:en"/>`,
		`<Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/><Role schemeIdUri="urn:mpeg:dash:role:2011" value="description"/>`,
		`<AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="6"/>`,
		`<Representation id="v1" bandwidth="3000000" codecs="avc1.640028" width="1440" height="1080" sar="4:3" frameRate="30000/1001" scanType="interlaced">`,
		`timescale="90000" presentationTimeOffset="161580131100000" initialization="tracks-v1/init-fv1.mp4" media="dash/v1/$Time$.m4s"`,
		`<S t="161580131826006" d="180000" r="5"/>`, `audioSamplingRate="48000"`, `value="caption"`, `codecs="wvtt"`,
		`<Event presentationTime="1890000" duration="2700000" id="7"><Signal xmlns="http://www.scte.org/schemas/35/2016"><Binary>/DABAgM=</Binary></Signal></Event>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "v4") || strings.Count(text, "<Event ") != 2 || strings.Contains(text, "availabilityTimeOffset") {
		t.Error("what is not to be in it")
	}
	if t.Failed() {
		t.Log(text)
	}
	low := mpdOf(t, h, "index.ll.mpd?filter=tracks:v2a1&token=a$b")
	judge(t, low)
	for _, want := range []string{
		`<Latency target="2000" min="1000" max="6000" referenceId="0"/>`, `availabilityTimeOffset="1.5" availabilityTimeComplete="false"`,
		`media="dash/v2/$Time$.m4s?token=a$$b"`, `index.ll.mpp?publishTime=2026-11-22T08:06:50.066Z&amp;filter=tracks:v2a1&amp;token=a$b<`, `value="time?token=a$b"`, `minimumUpdatePeriod="PT0.5S"`,
		`wallClockTime="2026-11-22T08:06:30.000Z" presentationTime="161580131100000"`,
	} {
		if !strings.Contains(low, want) {
			t.Errorf("no %s in %s", want, low)
		}
	}
	if strings.Contains(low, "dash/v1") || strings.Contains(low, "dash/a2") {
		t.Error("filtered tracks are there")
	}
}

// TestUpdates follows the MPDs of a programme with a loss of a track, a new time base, a
// correction of dates and a segment of another length, at every part: each is valid,
// keeps what the one before said, and is what the patch makes of the one before, and of
// one some versions ago.
func TestUpdates(t *testing.T) {
	for _, path := range []string{"index.mpd", "index.ll.mpd"} {
		s := newShow(full())
		s.gaps[5], s.gaps[9] = "a2", "a1"
		s.periods[7], s.periods[12] = 5*time.Second, -1500*time.Millisecond
		s.long[15] = 3
		s.events = []*timeline.Event{{ID: "1", Kind: timeline.EventOut, UTC: showStart.Add(10 * time.Second), Section: []byte{1}}}
		h := offer(s)
		s.at(5, 5)
		old := []string{mpdOf(t, h, path)}
		for n := 6; n < 90; n++ {
			if n == 30 {
				s.events = append(s.events, &timeline.Event{ID: "2", Kind: timeline.EventOut, UTC: showStart.Add(20 * time.Second), Section: []byte{2}})
			}
			if n == 60 {
				s.events = nil
			}
			s.at(n, n-n%2)
			now := mpdOf(t, h, path)
			if now == old[len(old)-1] {
				continue
			}
			judge(t, now)
			if path == "index.mpd" {
				timed(t, h, now)
			}
			grows(t, parse(t, old[len(old)-1]), parse(t, now))
			for _, back := range []int{1, 4, 9} {
				if len(old) < back {
					continue
				}
				from := old[len(old)-back]
				patch := get(t, h, "GET", "/tv/news/"+parse(t, from).all("PatchLocation")[0].text)
				b := body(t, patch)
				if patch.StatusCode != 200 || patch.Header.Get("Content-Type") != "application/dash-patch+xml" {
					t.Fatalf("%d %s", patch.StatusCode, b)
				}
				if got, want := apply(t, from, b), parse(t, now).String(); got != want {
					t.Fatalf("at %d, patch\n%s\nmakes\n%s\nof\n%s\nwant\n%s", n, b, got, from, want)
				}
			}
			old = append(old, now)
		}
		if len(old) < 15 {
			t.Errorf("%s: %d versions", path, len(old))
		}
		if all := strings.Join(old, ""); strings.Count(all, "period-continuity") == 0 {
			t.Error("no periods that go on")
		}
	}
}

// grows holds that now says of each period what was said before, and is newer.
func grows(t *testing.T, was, now *node) {
	t.Helper()
	if was.attrs["publishTime"] >= now.attrs["publishTime"] || was.attrs["id"] != now.attrs["id"] {
		t.Errorf("%v, then %v", was.attrs, now.attrs)
	}
	for _, p := range now.all("Period") {
		for _, o := range was.all("Period") {
			if o.attrs["id"] != p.attrs["id"] {
				continue
			}
			if a, b := outline(o), outline(p); a != b {
				t.Errorf("period %s was\n%s\nis\n%s", p.attrs["id"], a, b)
			}
		}
	}
}

// outline is a period without its timelines and events.
func outline(p *node) string {
	var b strings.Builder
	fmt.Fprint(&b, p.attrs)
	for _, s := range p.all("AdaptationSet") {
		fmt.Fprint(&b, "\n", s.attrs)
		for _, r := range s.all("Representation") {
			fmt.Fprint(&b, "\n ", r.attrs, r.all("SegmentTemplate")[0].attrs)
		}
	}
	return b.String()
}

func TestNothingToServe(t *testing.T) {
	s := newShow(&timeline.Layout{Tracks: full().Tracks[3:4]})
	s.at(8, 8)
	r := get(t, offer(s), "GET", "/tv/news/index.mpd")
	if b := body(t, r); r.StatusCode != 404 || !strings.Contains(b, "v4: MPEG-2 video") || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", r.StatusCode, b)
	}
}
