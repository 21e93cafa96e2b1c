package controltest

import (
	"context"
	"slices"
	"sync"

	"sigma/headend/channel"
	"sigma/headend/control"
)

// Engine is a control.Engine that keeps what it was told to run and runs nothing.
// It is safe for concurrent use.
type Engine struct {
	// Refuse, when set, is asked for each configuration that is applied or checked;
	// an error refuses it. Set it before use.
	Refuse func(control.Config) error

	mu       sync.Mutex
	running  control.Config
	applied  int
	selected map[string]int
	closed   bool // the one session there is
}

// Apply implements control.Engine.
func (e *Engine) Apply(_ context.Context, next control.Config) error {
	if e.Refuse != nil {
		if err := e.Refuse(next); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = next.Clone()
	e.applied++
	return nil
}

// Running returns what was applied last, and how often something was.
func (e *Engine) Running() (control.Config, int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running, e.applied
}

// Check implements control.Engine.
func (e *Engine) Check(_ context.Context, next control.Config) (interrupts, warnings []string, err error) {
	if e.Refuse != nil {
		err = e.Refuse(next)
	}
	return nil, nil, err
}

// Channels implements control.Engine: every channel is on air on its first input.
func (e *Engine) Channels() []control.ChannelStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []control.ChannelStatus
	for _, ch := range slices.Backward(e.running.Channels) { // control puts them in order
		out = append(out, control.ChannelStatus{Name: ch.Name, Title: ch.Title, State: channel.OnAir, Manual: -1})
	}
	return out
}

// SelectInput implements control.Engine.
func (e *Engine) SelectInput(name string, input int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.selected == nil {
		e.selected = map[string]int{}
	}
	e.selected[name] = input
	return nil
}

// Selected returns the input that was selected last for a channel.
func (e *Engine) Selected(name string) (input int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	input, ok = e.selected[name]
	return input, ok
}

// RestartChannel implements control.Engine.
func (e *Engine) RestartChannel(string) error { return nil }

// Wire implements control.Engine.
func (e *Engine) Wire() control.WireStatus { return control.WireStatus{Running: true} }

// System implements control.Engine.
func (e *Engine) System() control.System { return control.System{Name: "test", CPUs: 2} }

// Interfaces implements control.Engine.
func (e *Engine) Interfaces() []control.Interface {
	return []control.Interface{{Name: "lo", Up: true, Carrier: true, MTU: 65536, Addresses: []string{"127.0.0.1/8"}, Multicast: true}}
}

// Address implements control.Engine.
func (e *Engine) Address() string { return "http://192.0.2.10:8080" }

// Log implements control.Engine.
func (e *Engine) Log(int) []control.LogLine { return nil }

var _ control.Engine = (*Engine)(nil)
