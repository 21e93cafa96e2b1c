package controltest

import "sigma/headend/control"

// Sessions implements control.Engine: one viewer, "v1", until it is closed.
func (e *Engine) Sessions(ended bool) []control.Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ended != e.closed {
		return nil
	}
	return []control.Session{{ID: "v1", Channel: "news", Protocol: "hls"}}
}

// CloseSession implements control.Engine.
func (e *Engine) CloseSession(id, _ string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	there := id == "v1" && !e.closed
	e.closed = e.closed || there
	return there
}

// Reauthorize implements control.Engine.
func (e *Engine) Reauthorize(string) {}
