package part

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sigma/tui/keymap"
	"sigma/tui/theme"
)

func press(s string) tea.KeyPressMsg {
	switch s {
	case "left":
		return tea.KeyPressMsg{Code: tea.KeyLeft}
	case "home":
		return tea.KeyPressMsg{Code: tea.KeyHome}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	case "delete":
		return tea.KeyPressMsg{Code: tea.KeyDelete}
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "right":
		return tea.KeyPressMsg{Code: tea.KeyRight}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	}
	if c, ok := strings.CutPrefix(s, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(c[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(s)[0], Text: s}
}

func TestLine(t *testing.T) {
	for _, c := range []struct {
		start, keys, want string
	}{
		{"", "a b c", "abc"},
		{"abc", "left left x", "axbc"},
		{"abc", "home delete", "bc"},
		{"abc", "backspace backspace ệ", "aệ"},
		{"one two", "ctrl+w x", "one x"},
		{"one", "ctrl+u", ""},
		{"one", "home right ctrl+k", "o"},
	} {
		var l Line
		l.Set(c.start)
		for _, k := range strings.Fields(c.keys) {
			l.Key(press(k))
		}
		if l.String() != c.want {
			t.Errorf("%q, %s: %q, want %q", c.start, c.keys, l.String(), c.want)
		}
	}
	l := Line{Max: 3, Secret: true}
	l.Insert("ab\x1bcde")
	if got := ansi.Strip(l.View(theme.New(true, true), 6, false)); l.String() != "abc" || got != "***   " {
		t.Errorf("%q %q", l.String(), got)
	}
	l = Line{}
	l.Set("0123456789")
	if got := ansi.Strip(l.View(theme.New(true, true), 5, true)); got != "6789 " {
		t.Errorf("%q", got)
	}
}

func TestListStaysOnScreen(t *testing.T) {
	var l List
	for _, c := range []struct {
		id               keymap.ID
		cursor, from, to int
	}{
		{keymap.Up, 0, 0, 3}, {keymap.Down, 1, 0, 3}, {keymap.PageDown, 3, 1, 4}, {keymap.Bottom, 9, 7, 10},
		{keymap.Down, 9, 7, 10}, {keymap.PageUp, 7, 7, 10}, {keymap.Top, 0, 0, 3},
	} {
		if !l.Move(c.id, 10, 3) {
			t.Errorf("%d is not a move", c.id)
		}
		from, to := l.Window(10, 3)
		if l.Cursor != c.cursor || from != c.from || to != c.to {
			t.Errorf("%d: cursor %d, rows %d to %d", c.id, l.Cursor, from, to)
		}
	}
	if from, to := l.Window(0, 3); from != 0 || to != 0 || l.Cursor != 0 {
		t.Error("an empty list has rows")
	}
}

// TestSparkMovesInSteps: for six seconds only the newest cell may change.
func TestSparkMovesInSteps(t *testing.T) {
	levels := []rune("12345678")
	at := time.Unix(6000, 0)
	var history []int64
	for i := range int64(60) {
		history = append(history, 1000+i*100)
	}
	was := Spark(levels, history, at.Add(-time.Second), 10)
	for s := range 12 {
		now := Spark(levels, history, at, 10)
		if s%6 != 0 && now[:9] != was[:9] {
			t.Errorf("second %d: %q became %q", s, was, now)
		}
		was = now
		at = at.Add(time.Second)
		history = append(history[1:], 4000)
	}
	if got := Spark(levels, nil, at, 4); got != "    " {
		t.Errorf("%q", got)
	}
	if got := Spark(levels, []int64{0, 0, 0}, at, 2); strings.Trim(got, " 1") != "" {
		t.Errorf("%q", got)
	}
}

func TestScrollSaysMore(t *testing.T) {
	var s Scroll
	lines := strings.Split("a b c d e", " ")
	if got := strings.Join(s.Cut(lines, 3, "…"), ""); got != "ab…" {
		t.Error(got)
	}
	s.Move(keymap.Bottom, 5, 3)
	if got := strings.Join(s.Cut(lines, 3, "…"), ""); got != "cde" {
		t.Error(got)
	}
}

func TestForm(t *testing.T) {
	var got []string
	set := func(s string) error {
		if s == "x" {
			return errors.New("not x")
		}
		got = append(got, s)
		return nil
	}
	f := Form{Theme: theme.New(false, false), Errors: map[string]string{"a": "wrong a", "i[0].url": "wrong url"}}
	f.SetSize(60, 20)
	fields := []Field{
		{Kind: Heading, Label: "head"},
		{Label: "A", Path: "a", Help: "help a", Set: set},
		{Label: "B", Path: "b", Kind: Choice, Options: []Option{{"1", "one"}, {"2", "two"}}, Value: "1", Set: set},
		{Label: "I", Path: "i[0]", Kind: Item, Value: "item"},
	}
	f.SetFields(fields...)
	view := func() string { return ansi.Strip(f.View()) }
	if strings.Contains(view(), "wrong") || !strings.Contains(view(), "help a") {
		t.Error(view())
	}
	f.Key(press("x"))
	if !f.Bad() || !strings.Contains(view(), "not x") {
		t.Error(view())
	}
	f.SetFields(fields...) // what was typed stays, right or wrong
	if !f.Bad() || !strings.Contains(view(), "x") {
		t.Error(view())
	}
	f.Key(press("y"))
	if f.Bad() || got[len(got)-1] != "xy" || !strings.Contains(view(), "wrong a") {
		t.Error(view(), got)
	}
	f.Key(press("down"))
	f.Key(press("right"))
	f.Key(press("left"))
	f.Key(press("left"))
	if strings.Join(got[len(got)-3:], "") != "212" {
		t.Error(got)
	}
	f.Strict = true
	if !strings.Contains(view(), "wrong url") {
		t.Error(view())
	}
	f.FocusError()
	if f.FocusAt() != 1 || !f.FocusPath("i[0].url") || f.Kind() != Item {
		t.Error(f.FocusAt())
	}
}
