package tui

import (
	"fmt"
	"testing"
	"time"

	"sigma/headend/control"
	"sigma/tui/internal/fake"
)

func troubled(n int) *fake.Box {
	b := fake.New().Fill(n)
	b.Raise(control.Alarm{ID: 1, Code: "channel_off_air", Severity: 4, Object: "channel/ch003", Detail: "no input has packets", Raised: fake.Start().Add(-time.Minute)})
	b.Raise(control.Alarm{ID: 2, Code: "disk_low", Severity: 2, Object: "disk", Detail: "4 % free", Raised: fake.Start().Add(-time.Hour), AckedBy: "op", Acked: fake.Start().Add(-time.Minute)})
	b.History = []control.Alarm{{ID: 9, Code: "input_lost", Severity: 2, Object: "input/ch001/0", Raised: fake.Start().Add(-5 * time.Hour), Cleared: fake.Start().Add(-4 * time.Hour)}}
	return b
}

// pages are the ways to every page of the console.
func pages() []struct {
	name string
	keys []string
} {
	return []struct {
		name string
		keys []string
	}{
		{"channels", nil},
		{"channel", []string{"enter"}},
		{"add", []string{"a"}},
		{"edit", []string{"e"}},
		{"input", []string{"e", "down", "down", "enter"}},
		{"output", []string{"e", "down", "down", "down", "down", "down", "enter"}},
		{"plan", []string{"d"}},
		{"alarms", []string{"2"}},
		{"history", []string{"2", "h"}},
		{"revisions", []string{"3"}},
		{"diff", []string{"3", "enter"}},
		{"revisiontext", []string{"3", "t"}},
		{"users", []string{"4"}},
		{"adduser", []string{"4", "a"}},
		{"network", []string{"5"}},
		{"viewers", []string{"v"}},
		{"gone", []string{"v", "h"}},
		{"system", []string{"6"}},
		{"events", []string{"6", "v"}},
		{"box", []string{"6", "b"}},
		{"help", []string{"?"}},
	}
}

func TestPages(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		for _, lang := range []string{"en", "vi"} {
			for _, p := range pages() {
				name := fmt.Sprintf("%s-%s-%dx%d", p.name, lang, size[0], size[1])
				t.Run(name, func(t *testing.T) {
					a := actor(3)
					a.Language = lang
					drive(t, troubled(7), a, size[0], size[1]).keys(p.keys...).golden(name)
				})
			}
		}
	}
}

func TestEmptyAndSetup(t *testing.T) {
	drive(t, fake.New(), actor(2), 80, 24).golden("empty-en-80x24")
	b := fake.New()
	b.Code = "ABCD-EFGH"
	drive(t, b, control.Actor{Via: "ssh"}, 80, 24).golden("setup-en-80x24")
}
