package captions

import (
	"fmt"
	"testing"

	"sigma/mux/captions/captionstest"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// TestChannels sends two channels of a field and extended data one between the other.
func TestChannels(t *testing.T) {
	s := captionstest.Schedule{}
	var one, two captionstest.Channel = 3, 4
	s.Add(0, one.Control(rcl, enm, row15), one.Text("on"), two.Control(ru2, row1), two.Text("roll"), one.Control(rcl), one.Text("e "))
	s.Add(20, []es.CaptionPacket{{Kind: es.CaptionField2, Data: [2]byte{0x01, 0x83}}}, one.Text("XD"), two.Control(ru2), two.Text("ed"), one.Control(rcl), one.Text("!"), one.Control(eoc))
	s.Add(50, one.Control(edm), two.Control(edm))
	for channel, want := range map[int]string{3: "[{28 50 one !}]", 4: "[{11 52 rolled}]", 1: "[]", 2: "[]"} {
		if got := fmt.Sprint(ours(&Line21{Channel: channel}, s)); got != want {
			t.Errorf("CC%d: %s, expected %s", channel, got, want)
		}
	}
}

func TestPaintOn(t *testing.T) {
	s := captionstest.Schedule{}
	var c captionstest.Channel = 1
	s.Add(0, c.Control(rdc, row14), c.Text("painted"), c.Control(row15), c.Text("on xx"), c.Control(0x1576, bs))
	s.Add(40, c.Control(row15, 0x1722, 0x1721, der))
	s.Add(60, c.Control(rdc, row1), c.Text("above"))
	s.Add(80, c.Control(0x142A), c.Text("text mode"), c.Control(0x142B), c.Text("too"))
	s.Add(100, c.Control(edm))
	got := fmt.Sprint(ours(&Line21{Channel: 1}, s))
	if got != "[{4 64 painted\non} {64 100 above\npainted\non}]" {
		t.Error(got)
	}
}

// TestRollUpMoves gives roll-up another base row, and more rows.
func TestRollUpMoves(t *testing.T) {
	s := captionstest.Schedule{}
	var c captionstest.Channel = 1
	s.Add(0, c.Control(ru2, cr, row15), c.Text("one"))
	s.Add(20, c.Control(cr), c.Text("two"))
	s.Add(40, c.Control(0x1250), c.Text("TWO"))
	s.Add(60, c.Control(ru3, cr), c.Text("three"))
	got := fmt.Sprint(ours(&Line21{Channel: 1}, s))
	if got != "[{6 20 one} {20 40 one\ntwo} {40 62 one\nTWO} {62 -1 one\nTWO\nthree}]" {
		t.Error(got)
	}
	d := &Line21{Channel: 1}
	var top []int
	for at := range 30 {
		d.Push(flow.Ticks(at), s[at], func(_ flow.Ticks, lines []Line) {
			for _, l := range lines {
				top = append(top, l.Top)
			}
		})
	}
	if fmt.Sprint(top[:2], top[len(top)-2:]) != "[84 84] [79 84]" {
		t.Error(top)
	}
}

// TestDamage has a pair with a wrong parity bit, and a control code that is repeated
// once too often.
func TestDamage(t *testing.T) {
	s := captionstest.Schedule{}
	var c captionstest.Channel = 1
	hurt := c.Text("XY")
	hurt[0].Data[1] ^= 0x80
	s.Add(0, c.Control(rdc, row15), c.Text("ab"), hurt, c.Text("cd"), c.Control(0x1137), c.Control(0x1137), []es.CaptionPacket{c.Control(0x1137)[0]})
	got := ours(&Line21{Channel: 1}, s)
	if len(got) != 1 || got[0].Text != "abcd♪♪♪" {
		t.Errorf("%v", got)
	}
}

func FuzzLine21(f *testing.F) {
	var all []byte
	var c captionstest.Channel = 1
	for _, list := range [][]es.CaptionPacket{c.Control(rcl, enm, row14, 0x112E), c.Text("text"), c.Control(0x1330, eoc, ru2, cr, row1, bs, der, rdc, edm)} {
		for _, p := range list {
			all = append(all, p.Data[:]...)
		}
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &Line21{Channel: 1}
		for i := 0; i+1 < len(b); i += 2 {
			d.Push(flow.Ticks(i), []es.CaptionPacket{{Data: [2]byte{b[i], b[i+1]}}}, func(from flow.Ticks, lines []Line) { check(t, lines) })
		}
	})
}

func check(t *testing.T, lines []Line) {
	last := 0
	for _, l := range lines {
		if l.Top < last || l.Top > 100 || len(l.Runs) == 0 || len(l.Text()) > 4*dtvccColumns {
			t.Errorf("%+v", lines)
		}
		last = l.Top
	}
}

func FuzzDTVCC(f *testing.F) {
	f.Add(joined(defined(1, true, 6, 90, 2, 32), "text\r\x10\x39", 0x89, 1, 0x92, 1, 2, 0x97, 1, 2, 3, 4))
	f.Add(joined(0x18, 4, 5, 0x10, 0x98, 3, 1, 2, 3, 0x8C, 0xFF))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &DTVCC{Service: 1}
		for rest, i := b, 0; len(rest) > 0; i++ {
			n := min(len(rest), 31)
			d.Push(flow.Ticks(i), captionstest.DTVCC(i, 1, rest[:n]...), func(from flow.Ticks, lines []Line) { check(t, lines) })
			rest = rest[n:]
		}
		for i := range b {
			d.Push(0, []es.CaptionPacket{{Kind: es.CaptionKind(2 + b[i]&1), Data: [2]byte{b[i], b[len(b)-1-i]}}}, func(from flow.Ticks, lines []Line) { check(t, lines) })
		}
	})
}

// TestRowAnew writes a row of a window that is shown once more: what was there has ended.
// A character that is none is told as what every document may hold.
func TestRowAnew(t *testing.T) {
	s := captionstest.Schedule{}
	s.Add(0, captionstest.DTVCC(0, 1, joined(defined(0, true, 6, 90, 1, 32), "ONE")...))
	s.Add(60, captionstest.DTVCC(1, 1, joined(0x0E, "TWO", 0x18, 0x00, 0x01)...))
	s.Add(120, captionstest.DTVCC(2, 1, 0x8F))
	if got := fmt.Sprint(ours(&DTVCC{Service: 1}, s)); got != "[{0 60 ONE} {60 120 TWO_}]" {
		t.Error(got)
	}
}
