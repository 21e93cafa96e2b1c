// Package channel owns the page of one channel: its inputs, services, outputs and
// the addresses viewers use, as they are now.
package channel

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/part"
	"sigma/tui/text"
)

// Page is one channel.
type Page struct {
	Env    *page.Env
	Name   string
	scroll part.Scroll
	w, h   int
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd { return nil }

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return text.Clean(p.Name) }

func (p *Page) status() *control.ChannelStatus {
	for i := range p.Env.Snap.Channels {
		if p.Env.Snap.Channels[i].Name == p.Name {
			return &p.Env.Snap.Channels[i]
		}
	}
	return nil
}

// Keys implements page.Page.
func (p *Page) Keys() []page.Key {
	e, gone := p.Env, ""
	if p.status() == nil {
		gone = e.Text.T("channel.gone", text.Clean(p.Name))
	}
	keys := []page.Key{
		e.Key(keymap.SelectInput, gone), e.Key(keymap.Edit, gone), e.Key(keymap.Restart, gone), e.Key(keymap.Toggle, gone), e.Key(keymap.Viewers, gone),
		e.Key(keymap.Copy, gone), e.Key(keymap.Delete, gone),
	}
	return append(keys, e.Lists()...)
}

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	id, cmd := p.Env.Match(k, p.Keys())
	if cmd != nil || p.scroll.Move(id, len(p.lines()), p.h) {
		return cmd
	}
	if c := p.status(); c != nil {
		return Act(p.Env, id, c)
	}
	return nil
}

// View implements page.Page.
func (p *Page) View() string { return strings.Join(p.scroll.Cut(p.lines(), p.h, p.Env.More()), "\n") }

func (p *Page) lines() []string {
	c, t, s := p.status(), p.Env.Theme, p.Env.Text
	if c == nil {
		return []string{"", "  " + s.T("channel.gone", text.Clean(p.Name))}
	}
	state, style := p.Env.State(c.State)
	out := []string{
		" " + t.Title.Render(text.Clean(c.Name)) + "  " + text.Clean(c.Title) + "  " + style.Render(state) + "  " +
			t.Dim.Render(s.T("channel.since", s.Ago(p.Env.Snap.At.Sub(c.Since)))),
		" " + text.FitRight(s.BitRate(c.Bitrate), 11) + " " + t.Dim.Render(part.Spark(t.Spark, c.History, p.Env.Snap.At, sparkCells)) +
			"  " + s.N("channel.errors", int(c.Errors)) + "  " + s.N("channel.viewers", c.Viewers) + "  " + s.N("channel.switches", int(c.Switches)),
		" " + p.hold(c),
	}
	out = append(out, p.inputs(c)...)
	out = append(out, p.services(c)...)
	out = append(out, p.outputs(c)...)
	return append(out, p.addresses(c)...)
}

const sparkCells = 10

func (p *Page) hold(c *control.ChannelStatus) string {
	if c.Manual >= 0 {
		return p.Env.Theme.Warn.Render(p.Env.Text.T("channel.held", c.Manual+1))
	}
	return p.Env.Theme.Dim.Render(p.Env.Text.T("channel.auto"))
}

func (p *Page) section(head, none string, cols []part.Column, n int, row func(int) []part.Cell) []string {
	out := []string{"", " " + p.Env.Theme.Title.Render(head)}
	if n == 0 {
		return append(out, "   "+p.Env.Theme.Dim.Render(none))
	}
	t := part.Table{Theme: p.Env.Theme, Width: p.w, Columns: cols}
	out = append(out, t.Head())
	for i := range n {
		out = append(out, t.Row(row(i), false))
	}
	return out
}

// whole writes the addresses out that the column cuts.
func (p *Page) whole(cols []part.Column, n int, url func(i int) string) []string {
	var out []string
	room := part.Table{Width: p.w, Columns: cols}.Grow()
	for i := range n {
		if u := text.Clean(url(i)); text.Width(u) > room {
			out = append(out, part.Paragraph(strconv.Itoa(i+1)+": "+u, p.w-1, 4, p.Env.Theme.Dim)...)
		}
	}
	return out
}

func (p *Page) inputs(c *control.ChannelStatus) []string {
	t, s := p.Env.Theme, p.Env.Text
	cols := []part.Column{
		{Title: "#", Width: 2}, {Title: s.T("col.state"), Width: 14}, {Title: s.T("col.address"), Grow: true, Ends: true},
		{Title: s.T("col.rate"), Width: 11, Right: true}, {Title: "CC", Width: 6, Right: true},
		{Title: s.T("col.lost"), Width: 6, Right: true}, {Title: s.T("col.drops"), Width: 6, Right: true}, {Title: s.T("col.retries"), Width: 6, Right: true},
	}
	out := p.section(s.T("channel.inputs"), s.T("channel.inputs.none"), cols, len(c.Inputs), func(i int) []part.Cell {
		in := c.Inputs[i]
		state, style := p.Env.State(in.State)
		mark := strconv.Itoa(i + 1)
		if i == c.Active {
			mark += "*"
		}
		n := in.Counters
		return []part.Cell{
			{Text: mark, Style: t.Title}, {Text: state, Style: style}, {Text: in.URL}, {Text: s.BitRate(in.Bitrate)},
			{Text: s.Uint(n.Continuity)}, {Text: s.Uint(n.LostPackets)}, {Text: s.Uint(n.KernelDrops)}, {Text: s.Uint(n.Retries)},
		}
	})
	out = append(out, p.whole(cols, len(c.Inputs), func(i int) string { return c.Inputs[i].URL })...)
	for i, in := range c.Inputs {
		n := in.Counters
		if rest := n.Transport + n.Sync + n.CRC + n.PCRJumps + n.Scrambled; rest > 0 {
			out = append(out, part.Paragraph(s.T("channel.counters", i+1, s.Uint(n.Transport), s.Uint(n.Sync), s.Uint(n.CRC), s.Uint(n.PCRJumps), s.Uint(n.Scrambled)), p.w-1, 4, t.Dim)...)
		}
		if in.LastError != "" {
			out = append(out, part.Paragraph(strconv.Itoa(i+1)+": "+in.LastError, p.w-1, 4, t.Bad)...)
		}
		if in.Warning != "" {
			out = append(out, part.Paragraph(strconv.Itoa(i+1)+": "+in.Warning, p.w-1, 4, t.Warn)...)
		}
	}
	return out
}

func (p *Page) services(c *control.ChannelStatus) []string {
	t, s := p.Env.Theme, p.Env.Text
	cols := []part.Column{
		{Title: "PID", Width: 5, Right: true}, {Title: s.T("col.type"), Width: 4}, {Title: s.T("col.codec"), Width: 12},
		{Title: s.T("col.detail"), Grow: true}, {Title: s.T("col.lang"), Width: 5},
		{Title: s.T("col.rate"), Width: 11, Right: true}, {Title: "CC", Width: 6, Right: true},
	}
	var out []string
	if len(c.Services) == 0 {
		return p.section(s.T("channel.services"), s.T("channel.services.none"), nil, 0, nil)
	}
	for _, v := range c.Services {
		head := s.T("channel.service", v.ID, text.Clean(v.Name), text.Clean(v.Provider), v.PMT, v.PCR)
		out = append(out, p.section(head, s.T("channel.pids.none"), cols, len(v.PIDs), func(i int) []part.Cell {
			d := v.PIDs[i]
			codec := d.Codec
			if d.Scrambled {
				codec += " " + s.T("pid.scrambled")
			}
			ccStyle := lipgloss.NewStyle()
			if d.Continuity > 0 {
				ccStyle = t.Warn
			}
			return []part.Cell{
				{Text: strconv.Itoa(int(d.PID))}, {Text: fmt.Sprintf("0x%02X", d.StreamType)}, {Text: codec, Style: t.Title},
				{Text: d.Detail}, {Text: d.Language}, {Text: s.BitRate(d.Bitrate)}, {Text: s.Uint(d.Continuity), Style: ccStyle},
			}
		})...)
	}
	return out
}

func (p *Page) outputs(c *control.ChannelStatus) []string {
	t, s := p.Env.Theme, p.Env.Text
	cols := []part.Column{
		{Title: "#", Width: 2}, {Title: s.T("col.state"), Width: 14}, {Title: s.T("col.address"), Grow: true, Ends: true},
		{Title: s.T("col.rate"), Width: 11, Right: true}, {Title: s.T("col.stuffing"), Width: 7, Right: true},
		{Title: s.T("col.late"), Width: 6, Right: true}, {Title: s.T("col.overflow"), Width: 6, Right: true}, {Title: s.T("col.drops"), Width: 6, Right: true},
	}
	out := p.section(s.T("channel.outputs"), s.T("channel.outputs.none"), cols, len(c.Outputs), func(i int) []part.Cell {
		o := c.Outputs[i]
		state, style := p.Env.State(o.State)
		return []part.Cell{
			{Text: strconv.Itoa(i + 1), Style: t.Title}, {Text: state, Style: style}, {Text: o.URL}, {Text: s.BitRate(o.Bitrate)},
			{Text: s.Percent(o.Stuffing)}, {Text: s.Uint(o.Late)}, {Text: s.Uint(o.Overflow)}, {Text: s.Uint(o.Dropped)},
		}
	})
	out = append(out, p.whole(cols, len(c.Outputs), func(i int) string { return c.Outputs[i].URL })...)
	for i, o := range c.Outputs {
		if o.LastError != "" {
			out = append(out, part.Paragraph(strconv.Itoa(i+1)+": "+o.LastError, p.w-1, 4, t.Bad)...)
		}
		if !o.Wire && o.State == "on_air" {
			out = append(out, part.Paragraph(strconv.Itoa(i+1)+": "+s.T("channel.in_process"), p.w-1, 4, t.Warn)...)
		}
	}
	return out
}

// addresses are what a viewer or a set-top box opens.
func (p *Page) addresses(c *control.ChannelStatus) []string {
	t, s := p.Env.Theme, p.Env.Text
	base := p.Env.Snap.Address
	line := func(key, url string) string {
		return "   " + text.Fit(s.T(key), 14) + " " + text.Clean(url)
	}
	out := []string{"", " " + t.Title.Render(s.T("channel.watch"))}
	for _, way := range [][2]string{
		{"watch.page", "/embed.html"}, {"watch.hls", "/index.m3u8"}, {"watch.ll", "/index.ll.m3u8"}, {"watch.dash", "/index.mpd"},
		{"watch.mss", ".isml/manifest"}, {"watch.webrtc", "/whep"}, {"watch.ts", "/mpegts"},
	} {
		out = append(out, line(way[0], base+"/"+c.Name+way[1]))
	}
	for _, o := range c.Outputs {
		out = append(out, line("watch.multicast", o.URL))
	}
	return out
}
