package edit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/ask"
	"sigma/tui/part"
	"sigma/tui/text"
)

// Channel is the form of one channel, with its inputs and outputs as lists.
type Channel struct {
	Env  *page.Env
	Name string // the channel to edit; empty for a new one
	Copy bool   // start a new channel with what Name has

	form    part.Form
	ready   bool
	base    control.Revision
	config  control.Config  // what was read
	before  control.Channel // as read
	draft   control.Channel
	errs    map[string]string // by path below the channel
	refused refusal[control.Channel]
	seq     int
	visited bool // a list entry was opened: its errors are no longer news
	w, h    int
}

type loadedMsg struct {
	owner  any
	base   control.Revision
	config control.Config
	err    error
}

type checkedMsg struct {
	owner any
	seq   int
	errs  map[string]string
}

func load(env *page.Env, owner any) tea.Cmd {
	return env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		r, c, err := s.Config(ctx, a)
		return loadedMsg{owner, r, c, err}
	})
}

// Init implements page.Page.
func (p *Channel) Init() tea.Cmd {
	p.form.Theme = p.Env.Theme
	return load(p.Env, p)
}

// SetSize implements page.Page.
func (p *Channel) SetSize(w, h int) { p.w, p.h = w, h; p.form.SetSize(w, h) }

// Title implements page.Page.
func (p *Channel) Title() string {
	if p.isNew() {
		return p.Env.Text.T("edit.new")
	}
	return p.Env.Text.T("edit.channel", p.Name)
}

func (p *Channel) isNew() bool { return p.Name == "" || p.Copy }

// Typing implements page.Typing.
func (p *Channel) Typing() bool { return true }

// Writing implements page.Writing.
func (p *Channel) Writing() bool { return p.form.Writing() }

// Dirty implements page.Dirty.
func (p *Channel) Dirty() bool {
	return p.ready && (p.form.Bad() || !reflect.DeepEqual(p.draft, p.before))
}

// Keys implements page.Page.
func (p *Channel) Keys() []page.Key { return formKeys(&p.form) }

func formKeys(f *part.Form) []page.Key {
	keys := []page.Key{{ID: keymap.Save}, {ID: keymap.PrevField}, {ID: keymap.NextField}}
	switch f.Kind() {
	case part.Choice:
		keys = append(keys, page.Key{ID: keymap.Choose})
	case part.Item:
		for _, id := range []keymap.ID{keymap.Open, keymap.ItemAdd, keymap.ItemCopy, keymap.ItemRemove, keymap.ItemUp, keymap.ItemDown} {
			keys = append(keys, page.Key{ID: id})
		}
	case part.Button:
		keys = append(keys, page.Key{ID: keymap.Open})
	default:
		keys = append(keys, page.Key{ID: keymap.Clear})
	}
	return append(keys, page.Key{ID: keymap.Back})
}

// Update implements page.Page.
func (p *Channel) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case loadedMsg:
		if msg.owner == p {
			return p.loaded(msg)
		}
	case checkedMsg:
		if msg.owner == p && msg.seq == p.seq {
			p.errs = msg.errs
			p.form.Errors = p.refused.merge(p.errs, p.draft)
		}
	case page.ShownMsg:
		if p.ready {
			p.fields()
			p.form.Errors = p.refused.merge(p.errs, p.draft)
			if p.refused.news() {
				p.form.FocusError()
			}
			return p.check()
		}
	case arrangeMsg:
		if msg.owner == p {
			return p.arrange(msg)
		}
	case tea.PasteMsg:
		if p.ready && p.form.Paste(msg.Content) {
			return p.check()
		}
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

func (p *Channel) loaded(msg loadedMsg) tea.Cmd {
	if msg.err != nil {
		return page.Pop(1, page.Toast(p.Env.ErrorText(msg.err), true))
	}
	p.base, p.config = msg.base, msg.config
	p.draft = control.Channel{Inputs: []control.Input{{}}}
	if p.Name != "" {
		c := msg.config.Channel(p.Name)
		if c == nil {
			return page.Pop(1, page.Toast(p.Env.Text.T("channel.gone", p.Name), true))
		}
		p.draft = c.Clone()
	}
	if p.Copy {
		p.draft.Name = freeName(msg.config, p.Name)
	}
	p.before = p.draft.Clone()
	if p.Copy {
		p.before.Name = "" // a copy is worth keeping as it stands
	}
	p.ready, p.form.Strict = true, !p.isNew()
	p.fields()
	return p.check()
}

func freeName(c control.Config, name string) string {
	for i := 2; ; i++ {
		n := fmt.Sprintf("%s-%d", name, i)
		if c.Channel(n) == nil {
			return n
		}
	}
}

func (p *Channel) key(k tea.KeyPressMsg) tea.Cmd {
	if keymap.Match(k, keymap.Back) != keymap.None {
		return leave(p.Env, p.Dirty())
	}
	if !p.ready {
		return nil
	}
	if keymap.Match(k, keymap.Save) != keymap.None {
		return p.save()
	}
	cmd, changed := p.form.Key(k)
	if changed {
		return tea.Batch(cmd, p.check())
	}
	return cmd
}

// leave closes a form; it asks first when something would be lost.
func leave(e *page.Env, dirty bool) tea.Cmd {
	if !dirty {
		return page.Pop(1)
	}
	return page.Push(&ask.Confirm{Env: e, Head: e.Text.T("edit.discard"),
		Lines: []string{e.Text.T("edit.discard.what")}, Close: 1})
}

// apply puts the draft into a configuration: in the place of the channel it was, or
// at the end.
func apply(was string, draft control.Channel) func(control.Config) control.Config {
	draft = draft.Clone()
	return func(c control.Config) control.Config {
		c.Channels = slices.Clone(c.Channels)
		for i := range c.Channels {
			if was != "" && c.Channels[i].Name == was {
				c.Channels[i] = draft.Clone()
				return c
			}
		}
		c.Channels = append(c.Channels, draft.Clone())
		return c
	}
}

func (p *Channel) was() string {
	if p.Copy {
		return ""
	}
	return p.Name
}

// check validates the whole configuration with the draft in it.
func (p *Channel) check() tea.Cmd {
	p.seq++
	next := apply(p.was(), p.draft)(p.config)
	return validate(p.Env, p, p.seq, next, p.prefixes()...)
}

// prefixes are how paths below the draft begin: by its name, or its place where the
// name is empty or taken.
func (p *Channel) prefixes() []string {
	next := apply(p.was(), p.draft)(p.config)
	at := slices.IndexFunc(next.Channels, func(c control.Channel) bool { return c.Name == p.was() && p.was() != "" || c.Name == p.draft.Name })
	if p.was() == "" {
		at = len(next.Channels) - 1
	}
	return []string{"channels[" + p.draft.Name + "].", fmt.Sprintf("channels[%d].", at)}
}

// validate answers with the errors below the first of the prefixes that fits, by the
// rest of their paths.
func validate(e *page.Env, owner any, seq int, c control.Config, prefixes ...string) tea.Cmd {
	say := e.Text
	return e.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		var fields control.FieldErrors
		_ = errors.As(s.Validate(ctx, a, c), &fields) // what is no FieldErrors shows in the review
		return checkedMsg{owner, seq, below(say, fields, prefixes)}
	})
}

// below returns the errors below the first of the prefixes that fits, by the rest of
// their paths.
func below(say text.Printer, fields control.FieldErrors, prefixes []string) map[string]string {
	errs := map[string]string{}
	for _, f := range fields {
		for _, prefix := range prefixes {
			rest, ok := strings.CutPrefix(f.Path, prefix)
			if _, had := errs[rest]; ok && !had {
				errs[rest] = say.Said(f.Text)
			}
		}
	}
	return errs
}

// refusal is what the box said of a draft in the review: validation cannot know it,
// so it stands in the form until the draft is another.
type refusal[T any] struct {
	draft T
	errs  map[string]string
	fresh bool
}

// merge returns the errors of validation and, while draft is what was refused, these.
func (r *refusal[T]) merge(errs map[string]string, draft T) map[string]string {
	if len(r.errs) == 0 || !reflect.DeepEqual(r.draft, draft) {
		return errs
	}
	all := maps.Clone(r.errs)
	maps.Copy(all, errs)
	return all
}

// news reports once that there is something to show.
func (r *refusal[T]) news() bool {
	fresh := r.fresh
	r.fresh = false
	return fresh
}

// save opens the plan, unless a field is wrong.
func (p *Channel) save() tea.Cmd {
	p.form.Strict = true
	if p.form.Bad() || len(p.errs) > 0 {
		p.form.FocusError()
		return page.Toast(p.Env.Text.N("edit.wrong", max(len(p.errs), 1)), true)
	}
	was := p.was()
	touches := func(c control.Config) any {
		if ch := c.Channel(was); ch != nil {
			return *ch
		}
		return nil
	}
	return page.Push(&Plan{Env: p.Env, Change: Change{
		Title: p.Env.Text.T("plan.title"), Apply: apply(was, p.draft), Seen: p.base, Close: 1,
		Touches: touches, Before: touches(p.config), Channel: p.draft.Name,
		Refused: func(f control.FieldErrors) {
			p.refused = refusal[control.Channel]{p.draft.Clone(), below(p.Env.Text, f, p.prefixes()), true}
		},
	}})
}

// View implements page.Page.
func (p *Channel) View() string {
	if !p.ready {
		return " " + p.Env.Text.T("loading")
	}
	return p.form.View()
}
