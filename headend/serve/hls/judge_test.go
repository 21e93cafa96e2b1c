package hls_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigma/headend/serve/hls"
	"sigma/headend/timeline/timelinetest"
)

// judge is a parser of playlists that takes no liberties.
const judge = `
const HLS = require('hls-parser');
HLS.setOptions({strictMode: true, silent: false});
const lists = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const out = lists.map(text => {
	let p;
	try { p = HLS.parse(text); } catch (e) { console.error(e.message + '\\n' + text); return {}; }
	if (p.isMasterPlaylist) return {variants: p.variants.length, bandwidth: p.variants[0].bandwidth,
		audio: p.variants[0].audio.length, subtitles: p.variants[0].subtitles.length, intra: p.variants.filter(v => v.isIFrameOnly).length};
	return {
		sequence: p.mediaSequenceBase, breaks: p.discontinuitySequenceBase, target: p.targetDuration, partTarget: p.partTargetDuration || 0,
		skip: p.skip, reports: p.renditionReports.length, hints: p.prefetchSegments.length,
		segments: p.segments.map(s => ({uri: s.uri, duration: s.duration, breaks: s.discontinuitySequence, map: s.map && s.map.uri, gap: s.gap,
			sequence: s.mediaSequenceNumber, at: s.programDateTime && s.programDateTime.getTime(),
			parts: s.parts.filter(x => !x.hint).map(x => ({uri: x.uri, duration: x.duration}))})),
	};
});
console.log(JSON.stringify(out));
`

type judged struct {
	Variants, Audio, Subtitles, Intra int
	Bandwidth                         int64

	Sequence      uint64
	Breaks        uint64
	Target        int
	PartTarget    float64
	Skip, Reports int
	Segments      []struct {
		URI      string
		Map      string
		Gap      bool
		Duration float64
		Breaks   uint64
		Sequence uint64
		At       int64
		Parts    []struct {
			URI      string
			Duration float64
		}
	}
}

// npm returns a folder that holds a package of that exact version, kept between
// runs in the cache of the repository.
func npm(t *testing.T, name, version string) string {
	t.Helper()
	for _, tool := range []string{"npm", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s for %s", tool, name)
		}
	}
	dir, err := filepath.Abs(filepath.Join("../../../.cache/npm", name+"-"+version))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", name)); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, name+"@"+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install %s: %v\n%s", name, err, out)
	}
	return dir
}

// TestStrictParser gives every version of the playlists through a break, a restart
// and a slide of the window to hls-parser.
func TestStrictParser(t *testing.T) {
	src := timelinetest.Capture(t, 9, 25)
	var lists []string
	mem := &timelinetest.Memory{}
	for life := range 2 {
		tl := newTimeline()
		tl.Memory = mem
		h := offer(tl, nil)
		push, stop := timelinetest.Start(t, tl, 1000)
		for part := range 3 {
			at := time.Duration(life*3+part) * 12 * time.Second
			items := timelinetest.Split(src, at, uint32(part+1))
			for len(items) > 0 {
				n := min(len(items), 100)
				push(items[:n])
				items = items[n:]
				if len(tl.View().Segments) > 0 {
					lists = append(lists, text(t, get(t, h, "GET", "/tv/news/mono.m3u8")), text(t, get(t, h, "GET", "/tv/news/index.m3u8")))
				}
			}
		}
		stop()
	}
	parsed := judgeAll(t, lists)
	if len(parsed) < 20 {
		t.Fatalf("%d playlists", len(parsed))
	}
	checkHistory(t, parsed)
}

// judgeAll gives playlists to hls-parser in its strict mode and returns what it read.
func judgeAll(t *testing.T, lists []string) []judged {
	t.Helper()
	dir := npm(t, "hls-parser", "0.16.1")
	in, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "-e", judge)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(string(in))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("hls-parser: %v\n%.3000s", err, stderr.String())
	}
	var parsed []judged
	if err := json.Unmarshal(out, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestStrictParserOfEveryKind gives every kind of playlist to hls-parser while a show
// goes on: with a change of format, splice cues, video ahead of audio, deltas.
func TestStrictParserOfEveryKind(t *testing.T) {
	paths := []string{
		"mono.m3u8", "tracks-v2a1/mono.m3u8", "tracks-a2/mono.m3u8?token=x", "tracks-v1/index.fmp4.m3u8", "tracks-t1/index.vtt.m3u8", "tracks-v1/iframes.fmp4.m3u8",
		"tracks-v1/index.ll.m3u8", "tracks-a1/index.ll.m3u8", "tracks-v1/index.ll.m3u8?_HLS_skip=YES",
	}
	masters := []string{"index.m3u8", "index.fmp4.m3u8", "index.ll.m3u8", "index.ts.m3u8?separate_audio=true"}
	s := eventful()
	s.window = 14
	h := offerShow(s, hls.CueDateRange)
	var lists []string
	const from, to = 8, 90
	for i := from; i < to; i++ {
		s.at(i, i-i%3)
		for _, p := range append(paths, masters...) {
			lists = append(lists, list(t, h, p))
		}
	}
	parsed := judgeAll(t, lists)
	n := len(paths) + len(masters)
	for i := range paths {
		var history []judged
		for j := i; j < len(parsed); j += n {
			if l := parsed[j]; l.Skip == 0 {
				history = append(history, l)
			}
		}
		if len(history) < 20 {
			t.Errorf("%s: %d versions", paths[i], len(history))
		}
		checkHistory(t, history)
	}
	for i, l := range parsed {
		if i%n >= len(paths) && (l.Variants != 6 || l.Audio != 3 || l.Subtitles != 2 || l.Intra != 3) {
			t.Errorf("%s: %+v", masters[i%n-len(paths)], l)
		}
	}
}

// checkHistory checks what must hold from one version of a playlist to the next.
func checkHistory(t *testing.T, lists []judged) {
	t.Helper()
	type entry struct {
		sequence, breaks uint64
		at               int64
	}
	known := map[string]entry{}
	var last judged
	for _, l := range lists {
		if l.Variants > 0 {
			if l.Variants-l.Intra != 1 || l.Bandwidth < 100_000 {
				t.Errorf("%+v", l)
			}
			continue
		}
		if l.Sequence < last.Sequence || l.Breaks < last.Breaks || (last.Target != 0 && l.Target != last.Target) {
			t.Errorf("sequence %d, breaks %d, target %d after %d, %d, %d", l.Sequence, l.Breaks, l.Target, last.Sequence, last.Breaks, last.Target)
		}
		last = l
		for _, s := range l.Segments {
			e := entry{s.Sequence, s.Breaks, s.At}
			if old, ok := known[s.URI]; ok && old != e && s.URI != "" {
				t.Errorf("%s was %+v and is %+v", s.URI, old, e)
			}
			if s.URI != "" {
				known[s.URI] = e
			}
			if s.URI == "" {
				continue // parts of what comes
			}
			if int(s.Duration+0.5) > l.Target || s.At == 0 {
				t.Errorf("%+v with target duration %d", s, l.Target)
			}
			for i, p := range s.Parts {
				if p.Duration > l.PartTarget || i < len(s.Parts)-1 && p.Duration < 0.85*l.PartTarget {
					t.Errorf("a part of %v s with a target of %v s", p.Duration, l.PartTarget)
				}
			}
		}
	}
}
