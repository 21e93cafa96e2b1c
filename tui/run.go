package tui

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"sigma/headend/control"
	"sigma/tui/theme"
)

// Terminal is where a session runs when that is not the terminal of this process.
type Terminal struct {
	In     io.Reader
	Out    io.Writer
	Env    []string // of the other side, with its TERM
	Width  int      // cells
	Height int
	Resize <-chan [2]int // width and height, whenever they change; may be nil
}

// Run runs a session on a terminal until its user leaves, it idles out or ctx ends.
// It returns what to tell the user after the screen is gone, and the error of the
// terminal. When it returns, the goroutines of the session end: at once but for a
// question to the box that is under way, which ends with its context, and for the
// reader, which ends with the terminal.
func Run(ctx context.Context, t Terminal, o Options) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.Context = ctx
	m := New(o)
	p := tea.NewProgram(m,
		tea.WithContext(ctx), tea.WithInput(t.In), tea.WithOutput(t.Out), tea.WithEnvironment(t.Env),
		tea.WithColorProfile(colorprofile.Env(t.Env)), tea.WithWindowSize(t.Width, t.Height),
		tea.WithoutSignalHandler(), tea.WithFilter(noSuspend), tea.WithFPS(framesPerSecond))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case size, ok := <-t.Resize:
				if !ok {
					return
				}
				p.Send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			}
		}
	}()
	_, err := p.Run()
	stopped := ctx.Err() != nil
	cancel()
	<-done
	if stopped {
		return m.env.Text.T("ended.stop"), nil
	}
	return m.Ended(), err
}

// framesPerSecond bounds how long a key waits for the screen: 17 ms.
const framesPerSecond = 60

// noSuspend keeps Ctrl+Z from stopping the daemon instead of a shell's job.
func noSuspend(_ tea.Model, msg tea.Msg) tea.Msg {
	if _, ok := msg.(tea.SuspendMsg); ok {
		return nil
	}
	return msg
}

// Local runs a session on the terminal of this process until its user leaves or ctx
// ends. Actor is who it is for; without a name it begins with setup while nobody can
// log in yet. Log takes what must never happen.
func Local(ctx context.Context, s Service, a control.Actor, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := New(Options{Context: ctx, Service: s, Actor: a, Theme: theme.For(os.Environ()), Now: time.Now, Log: log})
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithFilter(noSuspend)).Run()
	if ctx.Err() != nil {
		return nil
	}
	if m.Ended() != "" {
		_, err2 := io.WriteString(os.Stderr, m.Ended()+"\n")
		if err == nil {
			err = err2
		}
	}
	return err
}
