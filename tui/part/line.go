package part

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"sigma/tui/text"
	"sigma/tui/theme"
)

// Line edits one line of text.
type Line struct {
	Max    int  // runes it takes; 0 means 4096
	Secret bool // shown as stars
	runes  []rune
	at     int // the cursor stands before this rune
}

// Set replaces the text and puts the cursor at its end.
func (l *Line) Set(s string) {
	l.runes = []rune(text.Clean(s))
	l.at = len(l.runes)
}

func (l *Line) String() string { return string(l.runes) }

// Insert puts text at the cursor; what does not fit is left out.
func (l *Line) Insert(s string) {
	limit := l.Max
	if limit == 0 {
		limit = 4096
	}
	in := []rune(text.Clean(s))
	in = in[:min(len(in), max(limit-len(l.runes), 0))]
	l.runes = slices.Insert(l.runes, l.at, in...)
	l.at += len(in)
}

// Key answers a key press and reports whether it was one of its own.
func (l *Line) Key(k tea.KeyPressMsg) bool {
	switch k.String() {
	case "left", "ctrl+b":
		l.at = max(l.at-1, 0)
	case "right", "ctrl+f":
		l.at = min(l.at+1, len(l.runes))
	case "home", "ctrl+a":
		l.at = 0
	case "end", "ctrl+e":
		l.at = len(l.runes)
	case "backspace", "ctrl+h":
		if l.at > 0 {
			l.runes = slices.Delete(l.runes, l.at-1, l.at)
			l.at--
		}
	case "delete", "ctrl+d":
		if l.at < len(l.runes) {
			l.runes = slices.Delete(l.runes, l.at, l.at+1)
		}
	case "ctrl+u":
		l.runes, l.at = nil, 0
	case "ctrl+k":
		l.runes = l.runes[:l.at]
	case "ctrl+w":
		from := l.at
		for from > 0 && l.runes[from-1] == ' ' {
			from--
		}
		for from > 0 && l.runes[from-1] != ' ' {
			from--
		}
		l.runes, l.at = slices.Delete(l.runes, from, l.at), from
	default:
		if k.Text == "" {
			return false
		}
		l.Insert(k.Text)
	}
	return true
}

// View draws the text in w cells. With focus the cell under the cursor is reversed
// and the text slides so that it is seen.
func (l *Line) View(t theme.Theme, w int, focus bool) string {
	shown := slices.Clone(l.runes)
	if l.Secret {
		for i := range shown {
			shown[i] = '*'
		}
	}
	if !focus {
		return text.Fit(string(shown), w)
	}
	from := 0
	for text.Width(string(shown[from:l.at])) > w-1 {
		from++
	}
	under, rest := " ", ""
	if l.at < len(shown) {
		under, rest = string(shown[l.at]), string(shown[l.at+1:])
	}
	head := string(shown[from:l.at])
	left := max(w-text.Width(head)-text.Width(under), 0)
	return t.Title.Render(head) + t.Select.Render(under) + t.Title.Render(text.Fit(rest, left))
}
