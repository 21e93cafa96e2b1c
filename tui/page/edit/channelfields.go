package edit

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/ask"
	"sigma/tui/part"
)

// fields lays the form out: what every channel needs first, then the button, then
// what has a good default.
func (p *Channel) fields() {
	m, d := maker{p.Env}, &p.draft
	f := []part.Field{
		m.text("name", "name", &d.Name),
		m.text("title", "title", &d.Title),
		m.heading("inputs"),
	}
	f = append(f, p.inputs()...)
	f = append(f, p.button("input.add", func() tea.Cmd { return p.addInput(len(p.draft.Inputs), control.Input{}) }))
	f = append(f, m.heading("outputs"))
	f = append(f, p.outputs()...)
	f = append(f,
		p.button("output.add", func() tea.Cmd { return p.addOutput(len(p.draft.Outputs), control.Output{}) }),
		m.heading("ready"),
		p.button("save", p.save),
		m.heading("failover"),
		m.duration("source_timeout", "source_timeout", &d.SourceTimeout),
		m.yesNo("no_return", "no_return", &d.NoReturn, "no_return.no", "no_return.yes"),
		m.duration("return_delay", "return_delay", &d.ReturnDelay),
		m.duration("recheck", "recheck_secondary_inputs_interval", &d.Recheck),
		m.heading("labels"),
		m.text("service", "service", &d.Service),
		m.text("provider", "provider", &d.Provider),
		number(m, "program_id", "program_id", 1, 65535, &d.ProgramID),
		m.pids("pids", &d.PIDs),
		m.heading("hls"),
		m.protocols("protocols", &d.Protocols),
		m.duration("segment_duration", "segment_duration", &d.SegmentDuration),
		number(m, "segment_count", "segment_count", 3, 1000, &d.SegmentCount),
		m.duration("chunk_duration", "chunk_duration", &d.ChunkDuration),
		m.choice(m.text("hls_scte35", "hls_scte35", &d.HLSSCTE35), [2]string{"", "hls_scte35.default"}, [2]string{"rfc8216", "hls_scte35.rfc8216"},
			[2]string{"aws", "hls_scte35.aws"}, [2]string{"both", "hls_scte35.both"}, [2]string{"none", "hls_scte35.none"}),
		m.text("start_track", "start_track", &d.StartTrack),
		m.duration("prepush", "prepush", &d.Prepush),
		m.text("channel.on_play", "on_play", &d.OnPlay),
		m.heading("notes"),
		m.text("comment", "comment", &d.Comment),
		m.yesNo("disabled", "disabled", &d.Disabled, "disabled.no", "disabled.yes"),
	)
	p.form.SetFields(f...)
}

func (p *Channel) button(id string, do func() tea.Cmd) part.Field {
	return part.Field{Kind: part.Button, Label: p.Env.Text.T("f." + id), Help: p.Env.Text.T("f." + id + ".help"), Do: do}
}

func (p *Channel) item(id string, i int, url, comment string, disabled bool, act func(keymap.ID) tea.Cmd, open func() tea.Cmd) part.Field {
	t := p.Env.Text
	v := url
	if v == "" {
		v = t.T("item.empty")
	}
	if comment != "" {
		v += "  " + comment
	}
	if disabled {
		v += "  (" + t.T("disabled.yes") + ")"
	}
	return part.Field{
		Kind: part.Item, Label: t.T("item."+id, i+1), Help: t.T("item.help"), Path: fmt.Sprintf("%ss[%d]", id, i),
		Value: v, Do: open, Act: act, Touched: p.visited,
	}
}

func (p *Channel) inputs() []part.Field {
	var f []part.Field
	for i, in := range p.draft.Inputs {
		f = append(f, p.item("input", i, in.URL, in.Comment, in.Disabled,
			func(id keymap.ID) tea.Cmd { return p.inputAct(id, i) }, func() tea.Cmd { return p.openInput(i) }))
	}
	return f
}

func (p *Channel) outputs() []part.Field {
	var f []part.Field
	for i, o := range p.draft.Outputs {
		f = append(f, p.item("output", i, o.URL, o.Comment, o.Disabled,
			func(id keymap.ID) tea.Cmd { return p.outputAct(id, i) }, func() tea.Cmd { return p.openOutput(i) }))
	}
	return f
}

func (p *Channel) openInput(i int) tea.Cmd {
	p.visited = true
	return page.Push(&entry{owner: p, path: fmt.Sprintf("inputs[%d].", i), title: p.Env.Text.T("item.input", i+1),
		fields: func(m maker) []part.Field { return inputFields(m, &p.draft.Inputs[i]) }})
}

func (p *Channel) openOutput(i int) tea.Cmd {
	p.visited = true
	return page.Push(&entry{owner: p, path: fmt.Sprintf("outputs[%d].", i), title: p.Env.Text.T("item.output", i+1),
		fields: func(m maker) []part.Field { return outputFields(m, &p.draft.Outputs[i]) }})
}

func (p *Channel) addInput(i int, in control.Input) tea.Cmd {
	p.draft.Inputs = slices.Insert(p.draft.Inputs, i, in)
	p.fields()
	p.form.FocusPath(fmt.Sprintf("inputs[%d]", i))
	return p.openInput(i)
}

func (p *Channel) addOutput(i int, o control.Output) tea.Cmd {
	p.draft.Outputs = slices.Insert(p.draft.Outputs, i, o)
	p.fields()
	p.form.FocusPath(fmt.Sprintf("outputs[%d]", i))
	return p.openOutput(i)
}

func (p *Channel) inputAct(id keymap.ID, i int) tea.Cmd {
	switch id {
	case keymap.ItemAdd:
		return p.addInput(i+1, control.Input{})
	case keymap.ItemCopy:
		return p.addInput(i+1, p.draft.Clone().Inputs[i])
	}
	return p.arrangeAt("input", p.draft.Inputs[i].URL, id, i)
}

func (p *Channel) outputAct(id keymap.ID, i int) tea.Cmd {
	switch id {
	case keymap.ItemAdd:
		return p.addOutput(i+1, control.Output{})
	case keymap.ItemCopy:
		return p.addOutput(i+1, p.draft.Clone().Outputs[i])
	}
	return p.arrangeAt("output", p.draft.Outputs[i].URL, id, i)
}

// arrangeMsg is an arrangement that was asked about.
type arrangeMsg struct {
	owner *Channel
	kind  string
	id    keymap.ID
	i     int
}

// arrangeAt arranges the list of inputs or outputs; it asks before one with an address
// goes, for there is no way back but throwing the whole draft away.
func (p *Channel) arrangeAt(kind, url string, id keymap.ID, i int) tea.Cmd {
	do := arrangeMsg{p, kind, id, i}
	if id == keymap.ItemRemove && url != "" {
		t := p.Env.Text
		return page.Push(&ask.Confirm{Env: p.Env, Head: t.T("edit.remove", t.T("item."+kind, i+1)), Lines: []string{url}, Yes: func() tea.Msg { return do }})
	}
	return p.arrange(do)
}

func (p *Channel) arrange(m arrangeMsg) tea.Cmd {
	if m.kind == "input" {
		return p.arranged("inputs", arrange(&p.draft.Inputs, m.id, m.i))
	}
	return p.arranged("outputs", arrange(&p.draft.Outputs, m.id, m.i))
}

// arrange removes or moves the entry at i and returns where the focus goes.
func arrange[T any](list *[]T, id keymap.ID, i int) int {
	s := slices.Clone(*list)
	to := i
	switch {
	case id == keymap.ItemRemove:
		s = slices.Delete(s, i, i+1)
		to = min(i, len(s)-1)
	case id == keymap.ItemUp && i > 0:
		to = i - 1
	case id == keymap.ItemDown && i < len(s)-1:
		to = i + 1
	}
	if id != keymap.ItemRemove {
		s[i], s[to] = s[to], s[i]
	}
	if len(s) == 0 {
		s = nil
	}
	*list = s
	return to
}

func (p *Channel) arranged(list string, to int) tea.Cmd {
	p.fields()
	p.form.FocusPath(fmt.Sprintf("%s[%d]", list, to))
	return p.check()
}

func inputFields(m maker, in *control.Input) []part.Field {
	return []part.Field{
		m.text("input.url", "url", &in.URL),
		m.text("item.comment", "comment", &in.Comment),
		m.yesNo("item.disabled", "disabled", &in.Disabled, "item.disabled.no", "item.disabled.yes"),
		m.heading("more"),
		number(m, "priority", "priority", 1, 1000, &in.Priority),
		m.duration("input.source_timeout", "source_timeout", &in.SourceTimeout),
		m.duration("max_retry", "max_retry_timeout", &in.MaxRetry),
		m.headers("headers", &in.Headers),
		m.text("user_agent", "user_agent", &in.UserAgent),
	}
}

func outputFields(m maker, o *control.Output) []part.Field {
	return []part.Field{
		m.text("output.url", "url", &o.URL),
		m.bitRate("bitrate", "bitrate", &o.Bitrate),
		m.text("item.comment", "comment", &o.Comment),
		m.yesNo("item.disabled", "disabled", &o.Disabled, "item.disabled.no", "item.disabled.yes"),
		m.heading("more"),
		m.optional("hops", "ttl", 0, 255, &o.TTL),
		number(m, "dscp", "dscp", 0, 63, &o.DSCP),
		m.yesNo("loop", "multicast_loop", &o.MulticastLoop, "loop.no", "loop.yes"),
		m.text("output.service", "service", &o.Service),
		m.text("output.provider", "provider", &o.Provider),
		number(m, "pnr", "pnr", 1, 65535, &o.ProgramID),
		m.pids("pids", &o.PIDs),
	}
}
