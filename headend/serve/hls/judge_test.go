package hls_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigma/headend/timeline/timelinetest"
)

// judge is a parser of playlists that takes no liberties.
const judge = `
const HLS = require('hls-parser');
HLS.setOptions({strictMode: true, silent: false});
const lists = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const out = lists.map(text => {
	const p = HLS.parse(text);
	if (p.isMasterPlaylist) return {variants: p.variants.length, bandwidth: p.variants[0].bandwidth};
	return {
		sequence: p.mediaSequenceBase, breaks: p.discontinuitySequenceBase, target: p.targetDuration,
		segments: p.segments.map(s => ({uri: s.uri, duration: s.duration, breaks: s.discontinuitySequence,
			sequence: s.mediaSequenceNumber, at: s.programDateTime && s.programDateTime.getTime()})),
	};
});
console.log(JSON.stringify(out));
`

type judged struct {
	Variants  int
	Bandwidth int64
	Sequence  uint64
	Breaks    uint64
	Target    int
	Segments  []struct {
		URI      string
		Duration float64
		Breaks   uint64
		Sequence uint64
		At       int64
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
	dir := npm(t, "hls-parser", "0.16.1")
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
		t.Fatalf("hls-parser: %v\n%s", err, stderr.String())
	}
	var parsed []judged
	if err := json.Unmarshal(out, &parsed); err != nil {
		t.Fatal(err)
	}
	if len(parsed) < 20 {
		t.Fatalf("%d playlists", len(parsed))
	}
	checkHistory(t, parsed)
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
			if l.Variants != 1 || l.Bandwidth < 100_000 {
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
			if old, ok := known[s.URI]; ok && old != e {
				t.Errorf("%s was %+v and is %+v", s.URI, old, e)
			}
			known[s.URI] = e
			if int(s.Duration+0.5) > l.Target || s.At == 0 {
				t.Errorf("%+v with target duration %d", s, l.Target)
			}
		}
	}
}
