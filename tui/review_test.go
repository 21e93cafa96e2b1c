package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"sigma/headend/control"
	"sigma/tui/internal/fake"
	"sigma/tui/page/edit"
)

func TestFieldsSayWhatTheyTake(t *testing.T) {
	d := drive(t, fake.New().Fill(1), actor(2), 120, 40)
	d.keys("e").m.top()
	d.keys(strings.Fields(strings.Repeat("down ", 14))...).see("▸ Service ID").keys("70000").see("not a whole number from 1 to 65535").keys("ctrl+u")
	d.keys(strings.Fields(strings.Repeat("down ", 3))...).see("▸ Segment").keys("0s").see("leave the field empty").keys("ctrl+u").notSee("leave the field empty")
	d.keys("1,5s").notSee("is not a length of time")
}

func TestDecimalComma(t *testing.T) {
	box := fake.New().Fill(1)
	a := actor(2)
	a.Language = "vi"
	d := drive(t, box, a, 120, 40)
	d.keys("e", "down", "down", "down", "down", "down", "enter", "down", "ctrl+u", "2,5Mbit").notSee("không phải tốc độ bit")
	d.keys("ctrl+u", "2,500kbit").see("không phải tốc độ bit") // a group of thousands, perhaps
	d.keys("ctrl+u", "2,5Mbit", "esc", "ctrl+s", "ctrl+s").see("Xong")
	if got := box.Newest().Channels[0].Outputs[0].Bitrate; got != 2500000 {
		t.Fatal(got)
	}
}

func TestWhatCannotBeReadCanBeLeft(t *testing.T) {
	box := fake.New().Fill(1)
	d := drive(t, box, actor(2), 80, 24)
	d.keys("e", "down", "down", "down", "down", "down", "enter", "down", "x", "esc").see("Leave without what cannot be read?")
	d.keys("n").see("is not a bit rate").keys("esc", "y").see("Edit ch001").keys("esc").see("[1 Channels]")
}

func TestARefusalMarksItsField(t *testing.T) {
	box := fake.New().Fill(2)
	box.Refuses = control.FieldErrors{{Path: "channels[ch001].inputs[0].url", Text: "lang: expected three letters"}}
	d := drive(t, box, actor(2), 80, 24)
	d.keys("e", "down", "!", "ctrl+s").see("This cannot work", "ch001, input 1: url: lang: expected three letters")
	d.keys("esc").see("▸ Input 1", "! lang: expected three letters").keys("enter").see("! lang: expected three letters")
	d.keys("?").notSee("lang: expected").keys("esc") // another draft: not known any more
	box.Refuses = nil
	d.keys("ctrl+s").see("What changes")
}

func TestWarningsOfOthersAreNoNews(t *testing.T) {
	box := fake.New().Fill(3)
	box.Warnings = []string{`channels[ch001].outputs[0]: this machine has no interface "eth9" now`, `channels[ch003].inputs[0]: this machine has no interface "eth8" now`}
	d := drive(t, box, actor(2), 80, 24)
	d.keys("e", "down", "!", "ctrl+s").see("ch001, output 1: this machine has no interface “eth9” now", "1 warning about channels").notSee("eth8")
}

func TestAddingIsToldFromRemoving(t *testing.T) {
	e := drive(t, fake.New(), actor(2), 80, 24).m.env
	var got []string
	for _, c := range []control.Change{
		{Path: "box.public_url", Kind: "changed", New: "http://tv"}, {Path: "box.public_url", Kind: "changed", Old: "http://tv"},
		{Path: "box.public_url", Kind: "changed", Old: "http://a", New: "http://b"},
	} {
		got = append(got, ansi.Strip(strings.Join(edit.Changes(e, []control.Change{c}, 80), "")))
	}
	if s := strings.Join(got, "\n"); s != "   + set box: public_url http://tv\n   - emptied box: public_url http://tv\n   ~ changed box: public_url http://a → http://b" {
		t.Error(s)
	}
}

func TestAddressesKeepTheirPorts(t *testing.T) {
	box := fake.New().Fill(1)
	box.Other(func(c *control.Config) { c.Channels[0].Inputs[0].URL = "udp://eth1@239.101.102.103:12345?program=7" })
	drive(t, box, actor(1), 80, 24).keys("enter").see("1: udp://eth1@239.101.102.103:12345?program=7", "?program=7 ")
}

func TestCursorGoesToTheNewChannel(t *testing.T) {
	d := drive(t, fake.New().Fill(3), actor(2), 80, 24)
	d.keys("a", "news", "down", "down", "enter", "test://", "esc", "ctrl+s", "ctrl+s").see("Done").second()
	d.see("▸ ● ON AIR       news")
}
