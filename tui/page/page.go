// Package page owns what the pages of the console share: what a page is, what it may
// ask of the box, and the messages between pages and the root. A page draws and
// decides; whether an operator may do a thing is decided in control alone.
package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/text"
	"sigma/tui/theme"
)

// Page is one screen. The root calls it from one goroutine.
type Page interface {
	// Init asks for what the page shows.
	Init() tea.Cmd
	// Update takes a message. Key presses reach only the page on top.
	Update(msg tea.Msg) tea.Cmd
	// View draws at most the lines that SetSize gave.
	View() string
	// SetSize is called before the first View and when the terminal changes, in cells.
	SetSize(w, h int)
	// Keys are the keys that mean something now, in the order of help.
	Keys() []Key
	// Title names the page in the language of the user.
	Title() string
}

// Typing is a page that may take letters as text: the root then leaves it every key.
type Typing interface{ Typing() bool }

// Writing is a page that is Typing and can say whether letters are text just now. A
// page that cannot say writes as long as it types.
type Writing interface{ Writing() bool }

// Dirty is a page that may hold changes nobody has saved.
type Dirty interface{ Dirty() bool }

// Key is one key of a page and, when it does nothing now, why.
type Key struct {
	ID  keymap.ID
	Off string // empty when the key works; else the reason, for people
}

// Env is what the pages of one session share. Only Update may read or change it;
// commands run elsewhere and get copies.
type Env struct {
	Ctx     context.Context
	Service Service
	Actor   control.Actor
	Text    text.Printer
	Theme   theme.Theme
	Now     func() time.Time
	Log     *slog.Logger
	Snap    control.Snapshot // the newest
	Box     control.Box      // of the newest configuration read
}

// The messages between pages and the root.
type (
	// SnapshotMsg is the state of the box, once a second.
	SnapshotMsg struct {
		Snapshot control.Snapshot
		Err      error
	}
	// TickMsg comes once a second, after SnapshotMsg was asked for.
	TickMsg struct{}
	// PushMsg opens a page on top.
	PushMsg struct{ Page Page }
	// PopMsg closes pages on top, at least one, and then does Then.
	PopMsg struct {
		N    int
		Then tea.Cmd
	}
	// ToastMsg is a line for the user.
	ToastMsg struct {
		Text string
		Bad  bool
	}
	// ActorMsg changes who sits here: after setup, or with another language.
	ActorMsg struct{ Actor control.Actor }
	// PanicMsg ends the session.
	PanicMsg struct {
		Value any
		Stack []byte
	}
	// ShownMsg tells a page that it is on top again.
	ShownMsg struct{}
	// ConfigMsg says that a new configuration was committed from here.
	ConfigMsg struct {
		Revision control.Revision
		Channel  string // the channel it was about, if one
	}
)

// Do returns a command that asks the box. fn runs on its own goroutine with copies;
// it must not touch the page. A panic in it ends the session and nothing else.
func (e *Env) Do(fn func(ctx context.Context, s Service, a control.Actor) tea.Msg) tea.Cmd {
	ctx, s, a := e.Ctx, e.Service, e.Actor
	return func() (msg tea.Msg) {
		defer func() {
			if p := recover(); p != nil {
				msg = PanicMsg{p, debug.Stack()}
			}
		}()
		return fn(ctx, s, a)
	}
}

// Act is Do for a change whose only answer is done or an error.
func (e *Env) Act(done string, fn func(ctx context.Context, s Service, a control.Actor) error) tea.Cmd {
	fail := e.ErrorText
	return e.Do(func(ctx context.Context, s Service, a control.Actor) tea.Msg {
		if err := fn(ctx, s, a); err != nil {
			return ToastMsg{fail(err), true}
		}
		return ToastMsg{Text: done}
	})
}

// ErrorText says an error of control: in the language of the user where it says no
// more than its kind, else in its own words.
func (e *Env) ErrorText(err error) string {
	for key, known := range sentinels() {
		if errors.Is(err, known) && (key == "error.forbidden" || err.Error() == known.Error()) {
			return e.Text.T(key)
		}
	}
	var fields control.FieldErrors
	if errors.As(err, &fields) {
		var said []string
		for _, f := range fields {
			said = append(said, e.FieldText(f))
		}
		return strings.Join(said, "; ")
	}
	return e.Text.Said(text.Clean(err.Error()))
}

// FieldText says what is wrong with a field, and which.
func (e *Env) FieldText(f control.FieldError) string {
	if f.Path == "" {
		return e.Text.Said(f.Text)
	}
	return e.Text.Place(f.Path) + ": " + e.Text.Said(f.Text)
}

// Key returns a key of the page, turned off when the role does not suffice or, with
// words, for the reason given.
func (e *Env) Key(id keymap.ID, off ...string) Key {
	b := keymap.Of(id)
	if e.Actor.Role < b.Need {
		return Key{id, e.Text.T("key.off.role", e.Text.T("role."+b.Need.String()))}
	}
	for _, reason := range off {
		if reason != "" {
			return Key{id, reason}
		}
	}
	return Key{ID: id}
}

// More is the line that says that there is more below.
func (e *Env) More() string { return " " + e.Theme.Dim.Render(e.Text.T("more")) }

// Lists returns the keys that move in a list.
func (e *Env) Lists() []Key {
	var keys []Key
	for _, id := range keymap.Lists() {
		keys = append(keys, Key{ID: id})
	}
	return keys
}

// Match returns what a key press means on a page. A key that is off answers with
// the reason.
func (e *Env) Match(msg tea.KeyPressMsg, keys []Key) (keymap.ID, tea.Cmd) {
	for _, k := range keys {
		if keymap.Match(msg, k.ID) == keymap.None {
			continue
		}
		if k.Off != "" {
			return keymap.None, Toast(k.Off, true)
		}
		return k.ID, nil
	}
	return keymap.None, nil
}

// Push opens a page.
func Push(p Page) tea.Cmd { return func() tea.Msg { return PushMsg{p} } }

// Pop closes n pages and then does what is given.
func Pop(n int, then ...tea.Cmd) tea.Cmd {
	return func() tea.Msg { return PopMsg{n, tea.Batch(then...)} }
}

// Toast shows a line.
func Toast(s string, bad bool) tea.Cmd { return func() tea.Msg { return ToastMsg{s, bad} } }

// Error says what went wrong, for the log.
func (m PanicMsg) Error() string { return fmt.Sprintf("panic: %v", m.Value) }
