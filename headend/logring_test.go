package headend

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestLogRing(t *testing.T) {
	var next strings.Builder
	ring := newLogRing(slog.NewTextHandler(&next, nil))
	log := slog.New(ring).With("channel", "news")
	log.Debug("too small")
	log.Warn("went wrong", "err", errors.New("panic\n\tat \x1b[2Jline 3"))
	got := ring.shared.newest(10)
	if want := "went wrong channel=news err=panic  at  [2Jline 3"; len(got) != 1 || got[0].Text != want || got[0].Level != "WARN" {
		t.Fatalf("got %+v, want one line %q", got, want)
	}
	if !strings.Contains(next.String(), "channel=news") {
		t.Errorf("passed on %q", next.String())
	}
}

func TestLogRingWraps(t *testing.T) {
	ring := newLogRing(slog.DiscardHandler)
	for i := range logLines + 5 {
		ring.shared.add(logLine(i))
	}
	for _, n := range []int{-1, 0, 1, 7, logLines, logLines + 100} {
		got := ring.shared.newest(n)
		if want := min(max(n, 0), logLines); len(got) != want {
			t.Fatalf("newest(%d): %d lines, want %d", n, len(got), want)
		}
		for i, l := range got {
			if want := fmt.Sprint(logLines + 5 - len(got) + i); l.Text != want {
				t.Fatalf("newest(%d)[%d] is %s, want %s", n, i, l.Text, want)
			}
		}
	}
}
