package text

import (
	"strings"
	"testing"

	"sigma/headend/config"
)

func TestPlace(t *testing.T) {
	en, vi := New("en"), New("vi")
	for _, c := range [][3]string{
		{"channels[news].inputs[0].url", "news, input 1: url", "news, đầu vào 1: url"},
		{"channels[sport/hd].outputs[11]", "sport/hd, output 12", "sport/hd, đầu ra 12"},
		{"channels[news].title", "channel news: title", "kênh news: title"},
		{"channels[news]", "channel news", "kênh news"},
		{"channels[news].inputs[1].headers[X-Site]", "news, input 2: headers[X-Site]", "news, đầu vào 2: headers[X-Site]"},
		{"box.public_url", "box: public_url", "máy: public_url"},
		{"input/sport/hd/0", "sport/hd, input 1", "sport/hd, đầu vào 1"},
		{"output/news/2", "news, output 3", "news, đầu ra 3"},
		{"channel/news", "channel news", "kênh news"},
		{"disk", "disk", "disk"},
		{"user/linh", "user/linh", "user/linh"},
	} {
		if got := en.Place(c[0]); got != c[1] {
			t.Errorf("%s is %q, want %q", c[0], got, c[1])
		}
		if got := vi.Place(c[0]); got != c[2] {
			t.Errorf("%s is %q, want %q", c[0], got, c[2])
		}
	}
}

func TestSaid(t *testing.T) {
	en, vi := New("en"), New("vi")
	for _, c := range [][3]string{
		{"channel/news: goes off air", "channel news: goes off air", "kênh news: ngừng phát"},
		{"239.0.0.1:5 is sent to by channels[picture].outputs[0] already: expected another group, port or interface",
			"239.0.0.1:5 is sent to by picture, output 1 already: expected another group, port or interface",
			"239.0.0.1:5 is sent to by picture, đầu ra 1 already: expected another group, port or interface"},
		{"channels[a].inputs[0].url: receives what outputs[1] of the same channel sends: it will hear itself",
			"a, input 1: url: receives what output 2 of the same channel sends: it will hear itself",
			"a, đầu vào 1: url: receives what đầu ra 2 of the same channel sends: it will hear itself"},
		{"box: the console moves to :22", "box: the console moves to :22", "máy: bảng điều khiển chuyển sang :22"},
		{"70000 is out of range: expected 1 to 65535", "70000 is out of range: expected 1 to 65535", "70000 nằm ngoài giới hạn: cần 1 to 65535"},
	} {
		if got := en.Said(c[0]); got != c[1] {
			t.Errorf("%q, want %q", got, c[1])
		}
		if got := vi.Said(c[0]); got != c[2] {
			t.Errorf("%q, want %q", got, c[2])
		}
	}
	if got := vi.Comment("restored revision 7"); got != "khôi phục phiên bản 7" {
		t.Errorf("%q", got)
	}
	if got := en.Comment("áp dụng từ văn bản"); got != "applied as text" {
		t.Errorf("%q", got)
	}
	if got := vi.Comment("why: channels[x] goes off air"); got != "why: channels[x] goes off air" {
		t.Errorf("a comment of an operator became %q", got)
	}
}

// TestValuesOfChanges takes the words from where they are made.
func TestValuesOfChanges(t *testing.T) {
	one := config.Channel{Name: "a", Inputs: []config.Input{{URL: "test://"}, {URL: "file:///x"}}}
	two, off := config.Channel{Name: "b"}, one
	off.Disabled, off.Inputs = true, []config.Input{one.Inputs[1], one.Inputs[0]}
	var en, vi []string
	for _, c := range [][2][]config.Channel{{{}, {one}}, {{one, two}, {two, one}}, {{one}, {off}}} {
		for _, d := range config.Diff(config.Config{Channels: c[0]}, config.Config{Channels: c[1]}) {
			en = append(en, New("en").Value(d.Path, d.Kind, d.Old)+">"+New("en").Value(d.Path, d.Kind, d.New))
			vi = append(vi, New("vi").Value(d.Path, d.Kind, d.Old)+">"+New("vi").Value(d.Path, d.Kind, d.New))
		}
	}
	if got, want := strings.Join(en, "\n"), ">test://, 2 inputs, 0 outputs\nplace 2>place 1\nno>yes\nplace 2>place 1\nplace 1>place 2"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got, want := strings.Join(vi, "\n"), ">test://, 2 đầu vào, 0 đầu ra\nvị trí 2>vị trí 1\nkhông>có\nvị trí 2>vị trí 1\nvị trí 1>vị trí 2"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := New("en").Value("channels[a]", "removed", "test://, 1 inputs, 1 outputs"); got != "test://, 1 input, 1 output" {
		t.Errorf("%q", got)
	}
}
