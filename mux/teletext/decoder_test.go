package teletext

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sigma/mux/flow"
	"sigma/mux/teletext/teletexttest"
)

func TestHamming(t *testing.T) {
	for n := range uint8(16) {
		for bit := range 8 {
			if unham8[ham8(n)^1<<bit] != n {
				t.Errorf("%d with bit %d wrong", n, bit)
			}
			for other := range bit {
				if unham8[ham8(n)^1<<bit^1<<other] != bad8 {
					t.Errorf("%d with bits %d and %d wrong", n, bit, other)
				}
			}
		}
	}
	for range 200 {
		v := rand.Uint32N(1 << 18)
		for bit := -1; bit < 24; bit++ {
			b := teletexttest.Ham24(v)
			if bit >= 0 {
				b[bit/8] ^= 1 << (bit % 8)
			}
			if got, ok := unham24(b); !ok || got != v {
				t.Errorf("%05x with bit %d wrong: %05x", v, bit, got)
			}
			for other := range bit {
				b[other/8] ^= 1 << (other % 8)
				if _, ok := unham24(b); ok {
					t.Errorf("%05x with bits %d and %d wrong", v, bit, other)
				}
				b[other/8] ^= 1 << (other % 8)
			}
		}
	}
}

// TestSparse feeds streams of subtitles alone: whoever ends them, or does not, what is
// shown is told with its own PES packet.
func TestSparse(t *testing.T) {
	one := subtitle(0, map[int]string{22: teletexttest.Row(3, "first")})
	two := subtitle(0, map[int]string{20: teletexttest.Row(3, "second"), 22: teletexttest.Row(3, "line")})
	none := subtitle(0, nil)
	for _, end := range [][][]byte{nil, {teletexttest.Filler(8)}} {
		d := &Decoder{Magazine: 8, Page: 0x88}
		for i, p := range []*teletexttest.Page{one, one, two, none, one} {
			got := ours(d, []send{{1000 * i, append(p.Packets(), end...)}})
			want := []string{"[{0 first}]", "[]", "[{2000 second\nline}]", "[{3000 }]", "[{4000 first}]"}[i]
			if fmt.Sprint(got) != want {
				t.Errorf("%d: %v", i, got)
			}
		}
	}
}

// TestSplitPage sends a page over three PES packets: its time is that of the first.
func TestSplitPage(t *testing.T) {
	p := subtitle(0, map[int]string{20: teletexttest.Row(3, "one"), 22: teletexttest.Row(3, "two")}).Packets()
	stream := []send{{0, p[:1]}, {40, p[1:2]}, {80, p[2:]}, {120, [][]byte{teletexttest.Filler(8)}}}
	if got := ours(&Decoder{Magazine: 8, Page: 0x88}, stream); fmt.Sprint(got) != "[{0 one\ntwo}]" {
		t.Errorf("%v", got)
	}
}

func TestMagazines(t *testing.T) {
	p := subtitle(0, map[int]string{20: teletexttest.Row(3, "one")})
	p.Parallel = true
	other := &teletexttest.Page{Magazine: 1, Page: 0x50, Parallel: true, Rows: map[int]string{22: teletexttest.Row(3, "other")}}
	late := (&teletexttest.Page{Magazine: 8, Rows: map[int]string{22: teletexttest.Row(3, "two")}}).Packets()[1]
	stream := []send{{0, append(append(p.Packets(), other.Packets()...), late, teletexttest.Filler(8))}}
	if got := ours(&Decoder{Magazine: 8, Page: 0x88}, stream); fmt.Sprint(got) != "[{0 one\ntwo}]" {
		t.Errorf("parallel: %v", got)
	}
	other.Parallel = false
	stream = []send{{0, append(append(p.Packets(), other.Packets()...), late, teletexttest.Filler(8))}}
	if got := ours(&Decoder{Magazine: 8, Page: 0x88}, stream); fmt.Sprint(got) != "[{0 one}]" {
		t.Errorf("serial: %v", got)
	}
}

// TestDamage damages a character: of a page sent again it leaves the one before, and
// without erasing the rows that are not sent stay.
func TestDamage(t *testing.T) {
	p := subtitle(0, map[int]string{20: teletexttest.Row(3, "one"), 22: teletexttest.Row(3, "two")})
	again := subtitle(0, map[int]string{20: teletexttest.Row(3, "One")})
	again.Erase = false
	hurt := again.Packets()
	hurt[1][2+3+3+1] ^= 4 // the n
	hurt[1][2+3+3+2] ^= 3 // two bits: it goes unnoticed
	stream := []send{{0, append(p.Packets(), teletexttest.Filler(8))}, {1000, append(hurt, teletexttest.Filler(8))}}
	got := ours(&Decoder{Magazine: 8, Page: 0x88}, stream)
	if fmt.Sprint(got) != "[{0 one\ntwo} {1000 Onf\ntwo}]" {
		t.Errorf("%v", got)
	}
}

// TestSecondSet switches between Latin and Cyrillic within a row, as a page tells, and
// reads Cyrillic where nothing tells but the language.
func TestSecondSet(t *testing.T) {
	p := subtitle(4, map[int]string{20: teletexttest.Row(3, "PRIWET \x1Band\x1B mir")})
	p.Set, p.Second = 4<<3|4, 0
	if got := ours(&Decoder{Magazine: 8, Page: 0x88}, []send{{0, p.Packets()}}); len(got) != 1 || got[0].text != "ПРИВЕТ and мир" {
		t.Errorf("%v", got)
	}
	p.Set = 0
	if got := ours(&Decoder{Magazine: 8, Page: 0x88, Group: GroupCyrillic}, []send{{0, p.Packets()}}); len(got) != 1 || got[0].text[:4] != "ПР" {
		t.Errorf("%v", got)
	}
}

func FuzzDecoder(f *testing.F) {
	page := alphabet(0, 1)
	page.Rows[22] = teletexttest.Row(1, "text")
	f.Add(teletexttest.Field(page.Packets()...), teletexttest.Field(accentPage(2).Packets()...))
	f.Add([]byte{0x10, 3, 44, 1}, []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		d := &Decoder{Magazine: 8, Page: 0x88, Group: GroupCyrillic}
		for i, field := range [][]byte{a, b, a} {
			d.Push(flow.Ticks(i), field, func(_ flow.Ticks, lines []Line) {
				last := 0
				for _, l := range lines {
					if l.Row <= last || l.Row > lastRow || l.Text == "" || len(l.Text) > 6*columns {
						t.Errorf("%+v", lines)
					}
					last = l.Row
				}
			})
		}
	})
}
