package system

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"sigma/headend/control"
	"sigma/tui/part"
	"sigma/tui/text"
)

// machine draws the state of the machine.
func (p *Page) machine() []string {
	t, s, m, w := p.Env.Theme, p.Env.Text, p.system, p.Env.Snap.Wire
	share := func(free, total uint64) (string, lipgloss.Style) {
		if total == 0 {
			return "-", t.Dim
		}
		used := total - min(free, total)
		style := lipgloss.NewStyle()
		if float64(free) < 0.1*float64(total) {
			style = t.Bad
		}
		return s.T("system.used", s.Bytes(used), s.Bytes(total), s.Percent(float64(used)/float64(total))), style
	}
	memory, memoryStyle := share(m.MemoryFree, m.MemoryTotal)
	disk, diskStyle := share(m.DiskFree, m.DiskTotal)
	temperature := s.T("system.no_sensor")
	if m.Temperature != 0 {
		temperature = s.Float(m.Temperature, 1) + " °C"
	}
	label := func(key, v string, style lipgloss.Style) string {
		return " " + text.Fit(s.T(key), 13) + " " + style.Render(text.Clean(v))
	}
	plain := lipgloss.NewStyle()
	return append([]string{
		label("system.box", s.T("system.box_is", m.Name, m.Version, m.Kernel), t.Title),
		label("system.uptime", s.T("system.uptime_is", s.Ago(m.Uptime), s.DateTime(m.Started)), plain),
		label("system.cpu", s.T("system.cpu_is", s.Percent(m.CPU), m.CPUs, s.Float(m.Load1, 2), s.Float(m.ProcessCPU, 2)), plain),
		label("system.memory", s.T("system.memory_is", memory, s.Bytes(m.ProcessRSS)), memoryStyle),
		label("system.disk", disk, diskStyle),
		label("system.temperature", temperature, plain),
	}, p.wire(w)...)
}

// wire draws the process that sends datagrams.
func (p *Page) wire(w control.WireStatus) []string {
	t, s := p.Env.Theme, p.Env.Text
	line := func(v string, style lipgloss.Style) []string {
		lines := part.Paragraph(v, p.w-1, 15, style)
		lines[0] = " " + text.Fit(s.T("system.wire"), 13) + " " + strings.TrimLeft(lines[0], " ")
		return lines
	}
	if !w.Running {
		v := t.Cross + " " + s.T("wire.stopped")
		if w.LastError != "" {
			v += ": " + w.LastError
		}
		return line(v, t.Bad)
	}
	rights, style := s.T("wire.real_time"), t.Good
	if !w.RealTime {
		rights, style = s.T("wire.not_real_time"), t.Warn
	}
	return line(t.Dot+" "+s.T("wire.runs", rights, s.Int(int64(w.Outputs)), s.Float(w.P99, 0), s.Float(w.P999, 0), s.Uint(w.Restarts)), style)
}

// lines are the log or the events that pass the filter, oldest first.
func (p *Page) lines() []string {
	t, s := p.Env.Theme, p.Env.Text
	want := strings.ToLower(p.filter.String())
	var out []string
	add := func(at, word, rest string, style lipgloss.Style) {
		if want != "" && !strings.Contains(strings.ToLower(word+" "+rest), want) {
			return
		}
		room := p.w - text.Width(at) - text.Width(word) - 4
		out = append(out, " "+t.Dim.Render(at)+" "+style.Render(word)+" "+strings.TrimRight(text.Fit(text.Clean(rest), room), " "))
	}
	if p.view == logView {
		for _, l := range p.log {
			style := t.Dim
			switch l.Level {
			case "ERROR":
				style = t.Bad
			case "WARN":
				style = t.Warn
			}
			add(s.Clock(l.At), text.Fit(text.Clean(l.Level), 5), l.Text, style)
		}
		return out
	}
	for _, e := range slices.Backward(p.events) {
		kind, ok := s.Translated("event." + e.Kind)
		if !ok {
			kind = text.Clean(e.Kind)
		}
		add(s.DateTime(e.At), kind, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Actor, s.Place(e.Object), s.Said(e.Text))), lipgloss.NewStyle())
	}
	return out
}
