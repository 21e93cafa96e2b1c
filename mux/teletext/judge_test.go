package teletext

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigma/mux/flow"
	"sigma/mux/pes"
	"sigma/mux/psi"
	"sigma/mux/teletext/teletexttest"
)

// said is what a page shows from a time on, in milliseconds.
type said struct {
	from int
	text string
}

// send is packets with the PTS of their PES packet, in milliseconds.
type send struct {
	at      int
	packets [][]byte
}

// ours returns what our decoder makes of a stream.
func ours(d *Decoder, stream []send) (out []said) {
	for _, s := range stream {
		d.Push(flow.Ticks(s.at)*27_000, teletexttest.Field(s.packets...), func(from flow.Ticks, lines []Line) {
			if n := len(out); n > 0 && out[n-1].from == int(from/27_000) {
				out = out[:n-1]
			}
			out = append(out, said{int(from / 27_000), text(lines)})
		})
	}
	return out
}

func text(lines []Line) string {
	var rows []string
	for _, l := range lines {
		rows = append(rows, l.Text)
	}
	return strings.Join(rows, "\n")
}

// file returns a transport stream of a stream.
func file(t *testing.T, stream []send) string {
	t.Helper()
	pat := &psi.PAT{TransportStreamID: 1, Programs: []psi.Program{{Number: 1, PID: 0x100}}}
	pmt := &psi.PMT{ProgramNumber: 1, PCRPID: 0x101, Streams: []psi.Stream{{Type: psi.StreamPrivatePES, PID: 0x101, Descriptors: psi.Descriptors{
		&psi.Teletext{Pages: []psi.TeletextPage{{Language: "deu", Type: 2, Magazine: 0, Page: 0x88}}},
	}}}}
	var b []byte
	for _, x := range []struct {
		pid   uint16
		table interface{ Sections() ([]psi.Section, error) }
	}{{0, pat}, {0x100, pmt}} {
		s, err := x.table.Sections()
		if err != nil {
			t.Fatal(err)
		}
		z := psi.Packetizer{PID: x.pid}
		b = z.AppendTo(b, s...)
	}
	z := pes.Packetizer{PID: 0x101}
	for _, s := range stream {
		pts := uint64(s.at) * 90
		b = z.AppendTo(b, pes.Header{StreamID: pes.StreamIDPrivate1, Alignment: true, HasPTS: true, PTS: pts}, teletexttest.Field(s.packets...), pes.Extra{HasPCR: true, PCR: flow.Ticks(s.at-40) * 27_000})
	}
	name := filepath.Join(t.TempDir(), "teletext.ts")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

var spoken = regexp.MustCompile(`(?m)^Dialogue: \d+,(\d+):(\d+):(\d+)\.(\d+),[^,]*,[^,]*,[^,]*,\d*,\d*,\d*,[^,]*,(.*)$`)

// theirs returns what ffmpeg's libzvbi makes of a stream, by cues that are not empty.
func theirs(t *testing.T, name string, region int) (out []said) {
	t.Helper()
	out1, err := exec.Command("ffmpeg", "-v", "error", "-copyts", "-txt_page", "888", "-txt_format", "text", "-txt_default_region", fmt.Sprint(region),
		"-i", name, "-map", "0:s", "-f", "ass", "-").CombinedOutput()
	if err != nil {
		t.Skipf("ffmpeg without teletext: %v\n%s", err, out1)
	}
	for _, m := range spoken.FindAllStringSubmatch(string(out1), -1) {
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[1+i])
		}
		var rows []string
		for _, r := range strings.Split(m[5], `\N`) {
			if r = strings.Join(strings.Fields(r), " "); r != "" {
				rows = append(rows, r)
			}
		}
		out = append(out, said{((n[0]*60+n[1])*60+n[2])*1000 + n[3]*10, strings.Join(rows, "\n")})
	}
	return out
}

// compare compares what is shown with what the judge shows, whose times are those of
// the end of a page: those of its next PES packet at most.
func compare(t *testing.T, got, judge []said, slack int) {
	t.Helper()
	var full []said
	for _, s := range got {
		if s.text != "" {
			full = append(full, s)
		}
	}
	if len(full) != len(judge) || len(judge) == 0 {
		t.Errorf("%d said, the judge has %d", len(full), len(judge))
	}
	for i := range min(len(full), len(judge)) {
		if g, j := full[i], judge[i]; g.text != j.text || j.from < g.from-10 || j.from > g.from+slack {
			t.Errorf("%d: %d %q, the judge has %d %q", i, g.from, g.text, j.from, j.text)
			return
		}
	}
}

func subtitle(national uint8, rows map[int]string) *teletexttest.Page {
	return &teletexttest.Page{Magazine: 8, Page: 0x88, National: national, Erase: true, Rows: rows}
}

// programme returns a stream of a page every 40 ms, as it is beside other pages: each
// page in two PES packets, sent again every second.
func programme(pages map[int]*teletexttest.Page, until int) (out []send) {
	other := &teletexttest.Page{Magazine: 1, Page: 0x00, Rows: map[int]string{1: "news of the day", 20: "\x0B\x0Bboxed\x0A\x0A"}}
	var now *teletexttest.Page
	for at := 1000; at < until; at += 40 {
		if p := pages[at]; p != nil {
			now = p
		}
		var half [][]byte
		if now != nil && (pages[at] != nil || at%1000 == 0) {
			all := now.Packets()
			n := min(2, len(all))
			out = append(out, send{at, all[:n]})
			half = all[n:]
			at += 40
		}
		out = append(out, send{at, append(half, other.Packets()...)})
	}
	return out
}

func TestJudgeSubtitles(t *testing.T) {
	pages := map[int]*teletexttest.Page{
		1200: subtitle(1, map[int]string{20: teletexttest.Row(5, "Guten Abend, meine"), 22: teletexttest.Row(7, "\x03Damen und Herren!")}),
		3400: subtitle(1, map[int]string{22: teletexttest.Row(2, "F}r \\sterreich")}),
		5400: subtitle(1, nil),
		6600: subtitle(1, map[int]string{1: teletexttest.Row(2, "Oben")}),
		8200: subtitle(1, map[int]string{10: "  \x0B\x0Blinks\x0A\x0A    \x0B\x0Brechts\x0A\x0A"}),
	}
	stream := programme(pages, 10_000)
	got := ours(&Decoder{Magazine: 8, Page: 0x88}, stream)
	want := []said{
		{1200, "Guten Abend, meine\nDamen und Herren!"}, {3400, "Für Österreich"}, {5400, ""}, {6600, "Oben"}, {8200, "links rechts"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	var judge []said
	for _, j := range theirs(t, file(t, stream), -1) { // it says again what is sent again
		if n := len(judge); n == 0 || judge[n-1].text != j.text {
			judge = append(judge, j)
		}
	}
	compare(t, got, judge, 80)
}

// alphabet returns a page with all characters of a set and of its supplementary one.
func alphabet(group, national int) *teletexttest.Page {
	p := subtitle(uint8(national), map[int]string{})
	p.Set, p.Second, p.Over = uint8(group<<3|national), uint8(group<<3|national), map[[2]int][2]uint8{}
	for i := range 4 {
		plain, over := []byte("\x0B\x0B"), []byte("\x0B\x0B")
		for c := range 24 {
			code := byte(0x20 + 24*i + c)
			plain, over = append(plain, code), append(over, '.')
			if code < 0x40 || code >= 0x50 {
				p.Over[[2]int{12 + 2*i, 2 + c}] = [2]uint8{0x0F, code}
			}
		}
		p.Rows[2+2*i], p.Rows[12+2*i] = string(plain)+"\x0A\x0A", string(over)+"\x0A\x0A"
	}
	return p
}

// accentPage returns a page with letters under an accent.
func accentPage(mark uint8) *teletexttest.Page {
	p := subtitle(0, map[int]string{})
	p.Over = map[[2]int][2]uint8{}
	letters := []byte{}
	for i := range len(composed[mark]) / 2 {
		// The judge drops pages with letters that are in no European language.
		if c, d := composed[mark][2*i], composed[mark][2*i+1]; c < 0x80 && d < 0x1CD {
			letters = append(letters, byte(c))
		}
	}
	for row := 2; len(letters) > 0; row += 2 {
		n := min(len(letters), 20)
		for i, c := range letters[:n] {
			p.Over[[2]int{row, 4 + i}] = [2]uint8{0x10 | mark, c}
		}
		p.Rows[row] = "  \x0B\x0B" + string(letters[:n]) + "\x0A\x0A"
		letters = letters[n:]
	}
	return p
}

// TestJudgeCharacters compares every character of every set with the judge's, but for
// those that are drawn alike and those of the Greek and Arabic supplementary sets.
func TestJudgeCharacters(t *testing.T) {
	var stream []send
	at := 1000
	add := func(p *teletexttest.Page) {
		stream = append(stream, send{at, append(p.Packets(), teletexttest.Filler(8))},
			send{at + 500, [][]byte{subtitle(0, nil).Header(), teletexttest.Filler(8)}})
		at += 1000
	}
	for group := range options {
		for national, o := range options[group] {
			if o == english && group+national > 0 {
				continue
			}
			p := alphabet(group, national)
			if Group(group) >= GroupGreece {
				p.Over = nil
			}
			add(p)
		}
	}
	for mark := range composed {
		if p := accentPage(uint8(mark)); len(p.Rows) > 0 {
			add(p)
		}
	}
	got := ours(&Decoder{Magazine: 8, Page: 0x88}, stream)
	// What the judge has otherwise is drawn alike, or a letter of another language.
	alike := strings.NewReplacer("ɑ", "α", "Ð", "Đ", "Ƶ", "Ż", "\u2126", "\u03A9", "\uE800", "₤", "Ǎ", "Ă", "ǎ", "ă", "ȩ", "ę",
		"Ѝ", "Й", "ѝ", "й", "%ï'", "%ї'", "\u0374", "\u0384", "¡¢£ ", "¡¢£$", "#§ ‘", "#§¤‘", "Íıţ", "Îıţ", "žðš", "žđš")
	var judge []said
	for _, j := range theirs(t, file(t, stream), -1) {
		judge = append(judge, said{j.from, alike.Replace(j.text)})
	}
	if len(judge) < 30 {
		t.Errorf("%d pages", len(judge))
	}
	compare(t, got, judge, 500)
}
