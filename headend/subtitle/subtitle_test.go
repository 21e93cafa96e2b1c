package subtitle_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigma/headend/subtitle"
	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/captions/captionstest"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/pes"
	"sigma/mux/psi"
	"sigma/mux/teletext/teletexttest"
	"sigma/mux/ts"
)

const (
	videoPID    = 0x100
	teletextPID = 0x500
	picture     = 3600 // of 90 kHz
)

// programme is a capture with captions in its pictures and a track of teletext.
type programme struct {
	captions captionstest.Schedule // by the order of pictures as they are shown
	pages    map[int][][]byte      // packets of teletext by picture
	first    uint64                // PTS of the first picture
	out      []byte
	asm      pes.Assembler
	video    pes.Packetizer
	text     pes.Packetizer
	extra    pes.Extra
	sent     int
}

// make adds captions and teletext to a capture of one programme.
func (p *programme) make(t *testing.T, src []byte) []byte {
	t.Helper()
	p.video.PID, p.text.PID = videoPID, teletextPID
	var asm psi.Assembler
	pmt := psi.Packetizer{PID: 0x1000}
	for ; len(src) >= ts.PacketSize; src = src[ts.PacketSize:] {
		b := src[:ts.PacketSize]
		switch ts.PID(b) {
		case pmt.PID:
			asm.Push(b, func(s psi.Section) { p.out = pmt.AppendTo(p.out, p.listed(t, s)) })
		case videoPID:
			if ts.PUSI(b) {
				p.asm.Flush(p.picture)
				p.extra = pes.Extra{RandomAccess: ts.RandomAccessIndicator(b)}
				if pcr, ok := ts.PCR(b); ok {
					p.extra.HasPCR, p.extra.PCR = true, flow.Ticks(pcr)
				}
			}
			p.asm.Feed(b, p.picture)
		default:
			p.out = append(p.out, b...)
		}
	}
	p.asm.Flush(p.picture)
	return p.out
}

// listed returns the PMT with the track of teletext, and the languages of the captions.
func (p *programme) listed(t *testing.T, s psi.Section) psi.Section {
	m, err := psi.ParsePMT(s)
	if err != nil {
		t.Fatal(err)
	}
	m.Streams[0].Descriptors = append(m.Streams[0].Descriptors, &psi.Raw{DescriptorTag: 0x86, Data: []byte{
		0xE0 | 2, 'e', 'n', 'g', 0x7E, 0x3F, 0xFF, 's', 'p', 'a', 0x7F, 0x3F, 0xFF,
	}})
	m.Streams = append(m.Streams, psi.Stream{Type: psi.StreamPrivatePES, PID: teletextPID, Descriptors: psi.Descriptors{
		&psi.Teletext{Pages: []psi.TeletextPage{{Language: "deu", Type: 1, Magazine: 1}, {Language: "deu", Type: 2, Magazine: 0, Page: 0x88}, {Language: "rus", Type: 5, Magazine: 7, Page: 0x77}}},
	}})
	list, err := m.Sections()
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

var slice = regexp.MustCompile("\x00\x00\x01[\x01\x21\x41\x61\x25\x45\x65]")

func (p *programme) picture(x *pes.Packet) {
	if p.first == 0 {
		p.first = x.PTS
	}
	b := x.AppendTo(nil)
	n := int(x.PTS-p.first) / picture
	if list := p.captions[n]; len(list) > 0 {
		at := slice.FindIndex(b)[0]
		b = slices.Insert(b, at, append([]byte{0, 0, 1}, captionstest.SEI(list)...)...)
	}
	p.out = p.video.AppendTo(p.out, x.Header, b, p.extra)
	p.extra = pes.Extra{}
	for ; p.sent <= n; p.sent++ {
		if packets, ok := p.pages[p.sent]; ok {
			h := pes.Header{StreamID: pes.StreamIDPrivate1, Alignment: true, HasPTS: true, PTS: p.first + uint64(p.sent)*picture}
			p.out = p.text.AppendTo(p.out, h, teletexttest.Field(packets...), pes.Extra{})
		}
	}
}

// said is a text and when it is shown, in pictures.
type said struct {
	from, to int
	text     string
}

// heard returns what a track of text says in segments, parts of it joined.
func heard(segments []*timeline.Segment, id string, first flow.Ticks) (out []said) {
	for _, s := range segments {
		m := s.Track(id)
		if m == nil {
			continue
		}
		for _, c := range m.Cues {
			begin, end := flow.Ticks(m.Time)*300, flow.Ticks(m.Time+m.Duration)*300
			if c.Start < begin || c.End > end {
				c.Text += " beyond its segment"
			}
			at := func(t flow.Ticks) int { return int(math.Round(float64(t-first) / 300 / picture)) }
			x := said{at(c.Start), at(c.End), c.Text}
			if c.Line > 0 {
				x.text += fmt.Sprint(" @", c.Line)
			}
			if n := len(out); n > 0 && out[n-1].text == x.text && out[n-1].to == x.from {
				out[n-1].to = x.to
				continue
			}
			out = append(out, x)
		}
	}
	return out
}

func (p *programme) fill() {
	var one, three captionstest.Channel = 1, 3
	s := captionstest.Schedule{}
	p.captions = s
	s.Add(0, one.Control(0x1420, 0x142E, 0x1470), one.Text("Hello <world>"))
	s.Add(0, three.Control(0x1425, 0x142D, 0x1170), three.Text("Hola"))
	s.Add(30, one.Control(0x142F))
	s.Add(60, one.Control(0x1420, 0x142E, 0x1150, 0x112E), one.Text("slanted"), one.Control(0x142F))
	s.Add(100, one.Control(0x142C))
	s.Add(110, three.Control(0x142D), three.Text("mundo"))
	s.Add(130, one.Control(0x1425, 0x142D, 0x1470), one.Text("ROLLING UP FOR LONG"))
	s.Add(210, one.Control(0x142D), one.Text("SECOND"))
	s.Add(240, one.Control(0x142C))
	s.Add(240, three.Control(0x142C))
	page := func(n uint8, magazine uint8, rows map[int]string) [][]byte {
		x := &teletexttest.Page{Magazine: magazine, Page: n, National: 1, Erase: true, Rows: rows}
		if magazine == 7 {
			x.National = 4
		}
		return x.Packets()
	}
	p.pages = map[int][][]byte{}
	for at := 0; at < 300; at += 2 {
		p.pages[at] = [][]byte{teletexttest.Filler(8)}
	}
	p.pages[20] = page(0x88, 8, map[int]string{22: teletexttest.Row(2, "Gr}~e & K}sse")}) // ü ß
	p.pages[80] = page(0x88, 8, map[int]string{2: teletexttest.Row(2, "oben")})
	p.pages[180] = page(0x88, 8, nil)
	p.pages[40] = page(0x77, 7, map[int]string{20: teletexttest.Row(2, "priwet"), 22: teletexttest.Row(2, "MIR")})
	p.pages[230] = page(0x77, 7, nil)
}

// TestTimeline runs a programme with teletext and captions through a timeline. ffmpeg
// judges the captions.
func TestTimeline(t *testing.T) {
	src := timelinetest.Make(t, append([]string{
		"-f", "lavfi", "-i", "testsrc2=rate=25:size=320x180", "-f", "lavfi", "-i", "sine=440", "-t", "14",
	}, timelinetest.H264(25)...)...)
	p := &programme{}
	p.fill()
	data := p.make(t, src)
	v := timelinetest.Play(t, data, timelinetest.Options{Texts: subtitle.Texts, Break: true}).View()
	if v.Counters.Breaks != 0 || len(v.Segments) < 6 {
		t.Fatalf("%+v, %d segments", v.Counters, len(v.Segments))
	}
	var tracks []string
	for _, x := range v.Segments[0].Layout.Tracks {
		tracks = append(tracks, fmt.Sprint(x.ID, " ", x.Language, " ", x.Role, x.Problem))
	}
	if got := strings.Join(tracks, ", "); got != "v1  0, a1  0, t1 deu 0, t2 rus 3, t3 eng 3, t4 spa 3" {
		t.Error(got)
	}
	m := v.Segments[0].Media[0]
	first := (flow.Ticks(m.Time) + flow.Ticks(m.Parts[0].Samples[0].Composition)) * 300
	for id, want := range map[string][]said{
		"t1": {{20, 80, "Grüße &amp; Küsse"}, {80, 180, "oben @8"}},
		"t2": {{40, 230, "привет\nМИР"}},
		"t3": {{30, 72, "Hello &lt;world&gt;"}, {72, 100, "<i>slanted</i> @10"}, {134, 210, "ROLLING UP FOR LONG"}, {210, 240, "ROLLING UP FOR LONG\nSECOND"}},
		"t4": {{6, 110, "Hola @15"}, {110, 240, "Hola\nmundo @10"}},
	} {
		got := heard(v.Segments, id, first)
		if len(got) != len(want) {
			t.Errorf("%s: %q", id, fmt.Sprint(got))
			continue
		}
		for i, w := range want {
			g := got[i]
			if g.text != w.text || g.from < w.from || g.from > w.from+4 || g.to < w.to || g.to > w.to+4 {
				t.Errorf("%s: %+v, expected %+v", id, g, w)
			}
		}
	}
	judge(t, data, heard(v.Segments, "t3", first))
}

var srt = regexp.MustCompile(`(?m)^(\d+):(\d+):(\d+),(\d+) --> (\d+):(\d+):(\d+),(\d+)\n((?:.+\n)+)`)

// judge compares what CC1 says with what ffmpeg makes of it.
func judge(t *testing.T, data []byte, got []said) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.ts"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "movie=x.ts[out+subcc]", "-map", "0:s", "-f", "srt", "-")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	tag := regexp.MustCompile(`<[^>]*>|\{[^}]*\}`)
	var theirs []said
	for _, m := range srt.FindAllStringSubmatch(string(out), -1) {
		at := func(h, min, s, ms string) int {
			d, _ := time.ParseDuration(h + "h" + min + "m" + s + "s" + ms + "ms")
			return int((d + 20*time.Millisecond) / (40 * time.Millisecond))
		}
		var lines []string
		for line := range strings.Lines(tag.ReplaceAllString(strings.ReplaceAll(m[9], `\h`, " "), "")) {
			lines = append(lines, strings.TrimSpace(line))
		}
		theirs = append(theirs, said{at(m[1], m[2], m[3], m[4]), at(m[5], m[6], m[7], m[8]), strings.Join(lines, "\n")})
	}
	if len(theirs) != len(got) {
		t.Fatalf("ffmpeg has %q", fmt.Sprint(theirs))
	}
	plain := strings.NewReplacer("&lt;world&gt;", "", "<i>", "", "</i>", "", " @10", "")
	shift := theirs[0].from - got[0].from
	for i, g := range got {
		x := theirs[i]
		if strings.TrimSpace(plain.Replace(g.text)) != x.text || x.from-shift < g.from-6 || x.from-shift > g.from+2 || x.to-shift < g.to-2 || x.to-shift > g.to+2 {
			t.Errorf("%+v, ffmpeg has %+v less %d", g, x, shift)
		}
	}
}

// TestTexts tells which texts a programme has.
func TestTexts(t *testing.T) {
	l := &flow.Layout{Tracks: []flow.Track{
		{ID: 1, Kind: flow.KindVideo, Codec: flow.CodecH264},
		{ID: 2, Kind: flow.KindVideo, Codec: flow.CodecH264},
		{ID: 3, Kind: flow.KindText, Codec: flow.CodecTeletext, Info: []byte{0x56, 10, 'd', 'e', 'u', 0x10, 0x88, 'd', 'e', 'u', 0x28, 0x88}},
		{ID: 4, Kind: flow.KindText, Codec: flow.CodecTeletext, Info: []byte{0x56, 200, 'd'}},
		{ID: 5, Kind: flow.KindText, Codec: flow.CodecDVBSubtitle},
	}}
	for _, x := range []struct{ captions, want string }{
		{"", "[888]"}, {"CC1", "[888 CC1]"}, {"CC1 SERVICE1 SERVICE2", "[888 CC1]"}, {"CC3 SERVICE1", "[888 CC3 SERVICE1]"}, {"SERVICE2", "[888]"},
	} {
		f := &es.Format{Captions: strings.Fields(x.captions)}
		var names []string
		for _, text := range subtitle.Texts(l, map[flow.TrackID]*es.Format{1: f, 2: f}) {
			names = append(names, text.Name)
			if text.Decoder == nil || text.From != 3 && text.From != 1 {
				t.Errorf("%+v", text)
			}
		}
		if fmt.Sprint(names) != x.want {
			t.Errorf("%s: %v", x.captions, names)
		}
	}
	many := []byte{0x56, 250}
	for i := range 50 {
		many = append(many, 'd', 'e', 'u', 0x10, byte(i))
	}
	l.Tracks[2].Info = many
	if n := len(subtitle.Texts(l, nil)); n != 16 {
		t.Errorf("%d pages %s", n, strconv.Itoa(n))
	}
}
