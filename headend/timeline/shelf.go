package timeline

import "sync/atomic"

// Shelf shows views that somebody else makes, one after the other, as a Timeline shows
// its own. The zero value is ready; it is safe for concurrent use, by one that shows.
type Shelf struct{ now atomic.Pointer[View] }

// View returns the newest view, never nil. It does not block.
func (s *Shelf) View() *View {
	if v := s.now.Load(); v != nil {
		return v
	}
	s.now.CompareAndSwap(nil, &View{changed: make(chan struct{})})
	return s.now.Load()
}

// Show makes v the newest view and says so to those who wait for a change.
func (s *Shelf) Show(v View) {
	old := s.View()
	v.changed = make(chan struct{})
	s.now.Store(&v)
	close(old.changed)
}
