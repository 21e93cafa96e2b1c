package headend

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unicode"

	"sigma/headend/control"
)

// logLines is how many lines of the log are kept for the console.
const logLines = 2000

// logRing keeps the newest lines of the log and passes them on to next.
type logRing struct {
	next   slog.Handler
	shared *logStore
	attrs  string
}

type logStore struct {
	mu    sync.Mutex
	lines []control.LogLine // a ring once it is full
	at    int
}

func newLogRing(next slog.Handler) *logRing { return &logRing{next: next, shared: &logStore{}} }

// Enabled implements slog.Handler.
func (l *logRing) Enabled(ctx context.Context, level slog.Level) bool {
	return l.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (l *logRing) Handle(ctx context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(l.attrs)
	r.Attrs(func(a slog.Attr) bool { writeAttr(&b, a); return true })
	l.shared.add(control.LogLine{At: r.Time, Level: r.Level.String(), Text: strings.Map(printable, b.String())})
	return l.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l *logRing) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(l.attrs)
	for _, a := range attrs {
		writeAttr(&b, a)
	}
	return &logRing{next: l.next.WithAttrs(attrs), shared: l.shared, attrs: b.String()}
}

// WithGroup implements slog.Handler.
func (l *logRing) WithGroup(name string) slog.Handler {
	return &logRing{next: l.next.WithGroup(name), shared: l.shared, attrs: l.attrs}
}

// printable keeps a line one line, and a terminal from being told things by it:
// messages quote what came from outside, and the stack of a panic.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

func writeAttr(b *strings.Builder, a slog.Attr) {
	fmt.Fprintf(b, " %s=%v", a.Key, a.Value.Resolve())
}

func (s *logStore) add(l control.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) < logLines {
		s.lines = append(s.lines, l)
		return
	}
	s.lines[s.at] = l
	s.at = (s.at + 1) % logLines
}

// newest returns up to n lines, oldest first.
func (s *logStore) newest(n int) []control.LogLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(max(n, 0), len(s.lines))
	out := make([]control.LogLine, 0, n)
	for i := len(s.lines) - n; i < len(s.lines); i++ {
		out = append(out, s.lines[(s.at+i)%len(s.lines)])
	}
	return out
}
