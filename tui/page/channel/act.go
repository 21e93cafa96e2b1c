package channel

import (
	"context"
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/ask"
	"sigma/tui/page/edit"
	"sigma/tui/page/viewers"
	"sigma/tui/text"
)

// Act does what a key means for one channel, wherever it was pressed; nil for other
// keys.
func Act(e *page.Env, id keymap.ID, c *control.ChannelStatus) tea.Cmd {
	name := c.Name
	switch id {
	case keymap.Edit:
		return page.Push(&edit.Channel{Env: e, Name: name})
	case keymap.Copy:
		return page.Push(&edit.Channel{Env: e, Name: name, Copy: true})
	case keymap.Delete:
		return page.Push(change(e, "delete.title", name, func(s []control.Channel, i int) []control.Channel { return slices.Delete(s, i, i+1) }))
	case keymap.Toggle:
		return page.Push(change(e, "toggle.title", name, func(s []control.Channel, i int) []control.Channel {
			s[i].Disabled = !s[i].Disabled
			return s
		}))
	case keymap.Viewers:
		return page.Push(&viewers.Page{Env: e, Channel: name})
	case keymap.SelectInput:
		return page.Push(chooser(e, c))
	case keymap.Restart:
		return page.Push(&ask.Confirm{
			Env: e, Head: e.Text.T("restart.ask", text.Clean(name)), Lines: []string{e.Text.T("restart.what")},
			Yes: e.Act(e.Text.T("restart.done", text.Clean(name)), func(ctx context.Context, s page.Service, a control.Actor) error {
				return s.RestartChannel(ctx, a, name)
			}),
		})
	}
	return nil
}

// change is a plan that edits the list of channels at the channel with the name.
func change(e *page.Env, title, name string, fn func(list []control.Channel, i int) []control.Channel) *edit.Plan {
	return &edit.Plan{Env: e, Change: edit.Change{
		Title: e.Text.T(title, text.Clean(name)), Seen: control.Revision{ID: e.Snap.Revision},
		Apply: func(c control.Config) control.Config {
			c.Channels = slices.Clone(c.Channels)
			for i := range c.Channels {
				if c.Channels[i].Name == name {
					c.Channels = fn(c.Channels, i)
					break
				}
			}
			return c
		},
	}}
}

func chooser(e *page.Env, c *control.ChannelStatus) *ask.Choose {
	choose := func(i int, done string) tea.Cmd {
		name := c.Name
		return e.Act(done, func(ctx context.Context, s page.Service, a control.Actor) error {
			return s.SelectInput(ctx, a, name, i)
		})
	}
	p := &ask.Choose{Env: e, Head: e.Text.T("input.choose", text.Clean(c.Name))}
	p.Options = append(p.Options, ask.Option{Label: e.Text.T("input.auto"), Do: choose(-1, e.Text.T("input.auto.done"))})
	for i, in := range c.Inputs {
		state, _ := e.State(in.State)
		label := strconv.Itoa(i+1) + "  " + state + "  " + in.URL
		if i == c.Active {
			label += "  (" + e.Text.T("input.active") + ")"
		}
		p.Options = append(p.Options, ask.Option{Label: label, Do: choose(i, e.Text.T("input.held", i+1))})
		if i == c.Manual {
			p.List.Cursor = i + 1
		}
	}
	return p
}
