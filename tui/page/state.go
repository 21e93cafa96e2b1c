package page

import (
	"charm.land/lipgloss/v2"

	"sigma/headend/control"
)

// State returns the symbol and word of a state and how it looks.
func (e *Env) State(s control.State) (string, lipgloss.Style) {
	t := e.Theme
	mark, style := t.Ring, t.Warn
	switch s {
	case "on_air":
		mark, style = t.Dot, t.Good
	case "on_standby":
		mark = t.Half
	case "ready":
		mark, style = t.Ring, t.Good
	case "no_signal", "failed":
		mark, style = t.Cross, t.Bad
	case "off", "idle":
		mark, style = t.Dash, t.Dim
	default: // starting, retrying: on the way
	}
	return mark + " " + e.Text.T("state."+string(s)), style
}

// Severity returns the word of a severity and how it looks.
func (e *Env) Severity(s control.Severity) (string, lipgloss.Style) {
	switch s {
	case 4:
		return e.Text.T("severity.critical"), e.Theme.Bad
	case 3:
		return e.Text.T("severity.major"), e.Theme.Bad
	case 2:
		return e.Text.T("severity.minor"), e.Theme.Warn
	default:
		return e.Text.T("severity.warning"), e.Theme.Warn
	}
}

// AlarmText returns title, cause and remedy of an alarm in the language of the
// user; English where the catalogue has no translation of it.
func (e *Env) AlarmText(code control.AlarmCode) (title, cause, remedy string) {
	info, ok := e.Service.AlarmInfo(code)
	if !ok {
		info.Title = string(code)
	}
	pick := func(part, english string) string {
		if s, ok := e.Text.Translated("alarm." + string(code) + "." + part); ok {
			return s
		}
		return english
	}
	return pick("title", info.Title), pick("cause", info.Cause), pick("remedy", info.Remedy)
}
