package captions

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigma/mux/captions/captionstest"

	"sigma/mux/flow"
)

// cue is a text that is shown for a while, in pictures of 1/30 s.
type cue struct {
	From, To int
	Text     string
}

// ours returns the cues that a decoder makes of a schedule.
func ours(d Decoder, s captionstest.Schedule) (out []cue) {
	open := -1
	for _, at := range slices.Sorted(maps.Keys(s)) {
		d.Push(flow.Ticks(at)*900_000, s[at], func(from flow.Ticks, lines []Line) {
			n := int(from / 900_000)
			if open >= 0 && out[open].From == n {
				out = out[:open]
			} else if open >= 0 {
				out[open].To = n
			}
			open = -1
			if len(lines) > 0 {
				open = len(out)
				var text []string
				for _, l := range lines {
					text = append(text, marked(l))
				}
				out = append(out, cue{n, -1, strings.Join(text, "\n")})
			}
		})
	}
	return out
}

// marked returns the text of a line of line 21 with the style that the judge tells.
func marked(l Line) (s string) {
	for _, r := range l.Runs {
		if r.Italic {
			r.Text = "<i>" + r.Text + "</i>"
		}
		s += r.Text
	}
	return s
}

// npm returns a folder that holds a package of that exact version, kept between runs.
func npm(t *testing.T, name, version string) string {
	t.Helper()
	for _, tool := range []string{"npm", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs " + tool)
		}
	}
	dir, err := filepath.Abs(filepath.Join("../../.cache/npm", name+"-"+version))
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

// judge is a decoder of another make: it prints the cues of a stream.
const judge = `
const {CaptionStream} = require('mux.js/cjs/m2ts/caption-stream');
const input = JSON.parse(require('fs').readFileSync(0));
const s = new CaptionStream({parse708captions: true, captionServices: {}});
const out = [];
s.on('data', (c) => { if (c.stream === input.stream) out.push({From: Math.round(c.startPts / 3000), To: Math.round(c.endPts / 3000), Text: c.content ? c.content.map((x) => x.text).join('\n') : c.text}); });
for (const u of input.units) {
  const sei = Uint8Array.from([4, u.data.length, ...u.data, 0x80]);
  s.push({nalUnitType: 'sei_rbsp', escapedRBSP: sei, pts: u.pts, dts: u.pts});
  s.flush();
}
console.log(JSON.stringify(out));
`

// theirs returns the cues that mux.js makes of a schedule.
func theirs(t *testing.T, stream string, s captionstest.Schedule) (out []cue) {
	t.Helper()
	type unit struct {
		PTS  int   `json:"pts"`
		Data []int `json:"data"`
	}
	in := struct {
		Stream string `json:"stream"`
		Units  []unit `json:"units"`
	}{Stream: stream}
	for _, at := range slices.Sorted(maps.Keys(s)) {
		u := unit{PTS: at * 3000}
		for _, b := range captionstest.UserData(s[at]) {
			u.Data = append(u.Data, int(b))
		}
		in.Units = append(in.Units, u)
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "-e", judge)
	cmd.Dir = npm(t, "mux.js", "7.1.0")
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(text)), os.Stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// squeezed returns the text without empty lines and the spaces around lines.
func squeezed(s string) string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func compare(t *testing.T, got, want []cue, slack int) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("the judge has nothing")
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) {
			t.Errorf("%d cues, the judge has %d", len(got), len(want))
			return
		}
		g, w := got[i], want[i]
		near := func(a, b int) bool { return a >= b-slack && a <= b+slack }
		if squeezed(g.Text) != squeezed(w.Text) || !near(g.From, w.From) || !near(g.To, w.To) {
			t.Errorf("%+v, the judge has %+v", g, w)
		}
	}
}

const (
	rcl, bs, der, ru2, ru3 = 0x1420, 0x1421, 0x1424, 0x1425, 0x1426
	rdc, edm, cr, enm, eoc = 0x1429, 0x142C, 0x142D, 0x142E, 0x142F
	row15, row14, row1     = 0x1470, 0x1450, 0x1150
)

// poppedOn is captions that are shown at once.
func poppedOn(c captionstest.Channel, s captionstest.Schedule) {
	s.Add(0, c.Control(rcl, enm, row14), c.Text("HELLO"), c.Control(row15), c.Text("WORLD"))
	s.Add(30, c.Control(eoc))
	s.Add(60, c.Control(rcl, enm, 0x1472), c.Text("indented two "), c.Control(0x112E), c.Text("italics"), c.Control(0x1120), c.Text("not"))
	s.Add(90, c.Control(edm))
	s.Add(110, c.Control(eoc))
	s.Add(120, c.Control(rcl, enm, row1), c.Text("\x5Cspa\x7Eol x"), c.Control(0x1137, 0x1221), c.Text("E"), c.Control(0x1330), c.Text(" t"), c.Control(bs), c.Text("T"))
	s.Add(170, c.Control(eoc))
	s.Add(200, c.Control(edm))
}

// rollUp2 is captions that move up.
func rollUp2(c captionstest.Channel, s captionstest.Schedule, depth uint16) {
	at := 0
	for i, text := range []string{"THE FIRST LINE", "the second line", ">> third", "and the last"} {
		s.Add(at, c.Control(depth, cr, row15), c.Text(text))
		at += 40 + i
	}
	s.Add(at, c.Control(edm))
}

func TestJudgeLine21(t *testing.T) {
	for _, channel := range []captionstest.Channel{1, 3} { // of the others it does not know the rows
		for name, fill := range map[string]func(captionstest.Channel, captionstest.Schedule){
			"pop-on":    poppedOn,
			"roll-up 2": func(c captionstest.Channel, s captionstest.Schedule) { rollUp2(c, s, ru2) },
			"roll-up 3": func(c captionstest.Channel, s captionstest.Schedule) { rollUp2(c, s, ru3) },
		} {
			t.Run(fmt.Sprint(channel, " ", name), func(t *testing.T) {
				s := captionstest.Schedule{}
				fill(channel, s)
				compare(t, ours(&Line21{Channel: int(channel)}, s), theirs(t, fmt.Sprint("CC", channel), s), 4) // it counts the command that begins roll-up, we the first character
			})
		}
	}
}

// window returns a define window command: id, shown, anchor in percent, rows and columns.
func defined(id int, shown bool, point, vertical, rows, columns byte) []byte {
	first := byte(0x18)
	if shown {
		first |= 0x20
	}
	return []byte{0x98 | byte(id), first, 0x80 | vertical, 10, point<<4 | (rows - 1), columns - 1, 0x11}
}

func joined(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		}
	}
	return b
}

func TestJudgeDTVCC(t *testing.T) {
	s := captionstest.Schedule{}
	sequence := 0
	add := func(at, service int, parts ...any) {
		s.Add(at, captionstest.DTVCC(sequence, service, joined(parts...)...))
		sequence++
	}
	add(0, 1, defined(0, false, 6, 90, 2, 32), "Pop-on in a ", 3)
	add(1, 1, "window,\rsecond line", 3)
	add(2, 2, defined(0, true, 6, 90, 2, 32), "another service")
	add(10, 1, 0x89, 1)
	add(40, 1, 0x8A, 1)                                                  // hide
	add(50, 1, 0x88, 1, 0x80, 0x90, 5, 0x80, "caf\xE9 \x10\x39 \x7F", 3) // clear, set current, italics
	add(60, 1, 0x8B, 1)                                                  // toggle
	add(90, 1, 0x8C, 0xFF)
	// Roll-up: two rows, shown.
	add(100, 1, defined(1, true, 6, 90, 2, 32), "first row")
	add(130, 1, "\rsecond row")
	add(160, 1, "\rthird row")
	add(190, 1, 0x8F)
	// Two windows.
	add(200, 1, defined(2, false, 0, 10, 1, 20), "above")
	add(201, 1, defined(3, false, 6, 90, 1, 20), "below")
	add(210, 1, 0x89, 0x0C)
	add(240, 1, 0x8C, 0x0C)
	add(250, 1, "lost")
	got := ours(&DTVCC{Service: 1}, s)
	want := []cue{
		{10, 40, "Pop-on in a window,\nsecond line"}, {60, 90, "<i>café ™ ♪</i>"}, {100, 160, "first row\nsecond row"}, {160, 190, "second row\nthird row"}, {210, 240, "above\nbelow"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	got[1].Text = "café ™ ♪"                     // of its windows the judge tells no style
	compare(t, got, theirs(t, "cc708_1", s), 10) // and begins when one is defined
}
