// Package theme owns the colours and symbols of the console. Colour never says
// anything that a word or a symbol does not say as well.
package theme

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Theme is how one session draws. It is a value: nobody changes it.
type Theme struct {
	Unicode bool // the terminal shows block elements and geometric shapes
	Letters bool // the terminal shows letters beyond ASCII

	Title, Dim, Key, Good, Warn, Bad, Select, Bar, Tab lipgloss.Style

	Dot, Half, Ring, Cross, Dash string // states
	Mark, Left, Right, Arrow     string // cursor of a list, choice, change
	Rule                         string // one cell of a line
	Spark                        []rune // levels of a history, lowest first
}

// New returns the theme of a terminal. Colours are the sixteen of ANSI, which the
// operator's terminal maps as its owner likes; the renderer drops them where the
// terminal has none.
func New(unicode, letters bool) Theme {
	s := lipgloss.NewStyle
	t := Theme{
		Unicode: unicode, Letters: letters,
		Title:  s().Bold(true),
		Dim:    s().Foreground(lipgloss.BrightBlack),
		Key:    s().Bold(true),
		Good:   s().Foreground(lipgloss.Green),
		Warn:   s().Foreground(lipgloss.Yellow),
		Bad:    s().Foreground(lipgloss.Red).Bold(true),
		Select: s().Reverse(true),
		Bar:    s().Reverse(true),
		Tab:    s().Bold(true).Underline(true),
		Dot:    "*", Half: "+", Ring: "o", Cross: "x", Dash: "-",
		Mark: ">", Left: "<", Right: ">", Arrow: "->", Rule: "-",
		Spark: []rune("_.-=#"),
	}
	if unicode {
		t.Dot, t.Half, t.Ring, t.Cross, t.Dash = "●", "◐", "○", "✗", "–"
		t.Mark, t.Left, t.Right, t.Arrow, t.Rule = "▸", "‹", "›", "→", "─"
		t.Spark = []rune("▁▂▃▄▅▆▇█")
	}
	return t
}

// For returns the theme for a terminal with the environment given as "KEY=value".
// Letters follow the locale; a session that sends none is taken for UTF-8, unless
// its terminal is older than that.
func For(env []string) Theme {
	get := func(key string) string {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, key+"="); ok {
				return v
			}
		}
		return ""
	}
	locale := get("LC_ALL")
	for _, key := range []string{"LC_CTYPE", "LANG"} {
		if locale == "" {
			locale = get(key)
		}
	}
	term := get("TERM")
	old := term == "dumb" || term == "ansi" || strings.HasPrefix(term, "vt1") || strings.HasPrefix(term, "vt2")
	utf8 := !old
	if locale != "" {
		l := strings.ToLower(locale)
		utf8 = strings.Contains(l, "utf-8") || strings.Contains(l, "utf8")
	}
	// The kernel's console has letters of its font, but few shapes.
	return New(utf8 && term != "linux", utf8)
}
