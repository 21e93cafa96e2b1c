package part

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"sigma/tui/keymap"
	"sigma/tui/text"
)

// Scroll is a place in a run of lines longer than the screen.
type Scroll struct{ offset int }

// Move answers a key of keymap.Lists for n lines of which height are shown.
func (s *Scroll) Move(id keymap.ID, n, height int) bool {
	switch id {
	case keymap.Up:
		s.offset--
	case keymap.Down:
		s.offset++
	case keymap.PageUp:
		s.offset -= max(height-1, 1)
	case keymap.PageDown:
		s.offset += max(height-1, 1)
	case keymap.Top:
		s.offset = 0
	case keymap.Bottom:
		s.offset = n
	default:
		return false
	}
	s.offset = max(min(s.offset, n-height), 0)
	return true
}

// Cut returns the lines that are shown. When there are more below, more takes the
// place of the last line.
func (s *Scroll) Cut(lines []string, height int, more string) []string {
	s.offset = max(min(s.offset, len(lines)-height), 0)
	to := min(s.offset+height, len(lines))
	out := slices.Clone(lines[s.offset:to])
	if to < len(lines) && len(out) > 1 {
		out[len(out)-1] = more
	}
	return out
}

// Paragraph wraps text from anywhere to w cells, indented, in one style.
func Paragraph(s string, w, indent int, style lipgloss.Style) []string {
	var out []string
	for _, l := range text.Wrap(text.Clean(s), w-indent) {
		out = append(out, strings.Repeat(" ", indent)+style.Render(l))
	}
	return out
}

// Centre puts lines in the middle of w by h cells.
func Centre(lines []string, w, h int) []string {
	out := make([]string, max((h-len(lines))/2, 0))
	for _, l := range lines {
		out = append(out, strings.Repeat(" ", max((w-lipgloss.Width(l))/2, 0))+l)
	}
	return out
}
