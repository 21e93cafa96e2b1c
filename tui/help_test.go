package tui

import (
	"testing"

	"sigma/tui/internal/fake"
	"sigma/tui/theme"
)

func TestOnlyYConfirms(t *testing.T) {
	box := fake.New().Fill(1)
	d := drive(t, box, actor(3), 80, 24)
	d.keys("r").see("Restart ch001?").keys("enter", " ").see("Restart ch001?").keys("n").notSee("Restart ch001?", "restarts.")
	d.keys("4", "d").see("Delete the user view?").keys("enter").see("Delete the user view?").keys("y").see("2 users")
}

func TestHelpSaysWhatWorksThere(t *testing.T) {
	d := drive(t, fake.New().Fill(1), actor(1), 120, 60)
	d.keys("?").see("1-6", "Shift+Tab", "What the marks and columns mean", "2/2!", "Ovfl").keys("?")
	d.keys("enter", "?").see("Channels › ch001 › Help", "needs the role operator", "Esc").notSee("1-6", "Shift+Tab").keys("esc", "esc")
	d = drive(t, fake.New().Fill(1), actor(2), 80, 24)
	d.keys("a").see("F1 help").keys("what?").see("what?")
	d.keys("f1").see("Keys on “New channel”", "F1", "Ctrl+C").notSee("? F1", "q Ctrl+C", "Keys on “Help”")
	d.keys("f1").see("New channel", "what?")
	d.keys("down", "down").see("no address yet").keys("?").see("remove the entry", "? F1").keys("esc").see("New channel")
}

func TestHelpWrapsReasons(t *testing.T) {
	d := drive(t, fake.New().Fill(2), actor(2), 80, 24)
	d.keys("s", "?").see("move up in the configuration (not now:").keys("down", "down", "down").see("of the configuration first)")
}

func TestFooterOfAFilterAndAReview(t *testing.T) {
	d := drive(t, fake.New().Fill(2), actor(2), 80, 24)
	d.keys("/", "ch").see("Enter keep", "Esc show all").notSee("a add", "e edit").keys("esc")
	d.keys("x").see("Ctrl+S put into service").notSee("review and save")
}

func TestBeforeTheFirstPicture(t *testing.T) {
	box := fake.New().Fill(1)
	m := New(Options{Context: t.Context(), Service: box, Actor: actor(1), Theme: theme.New(true, true), Now: fake.Start})
	m.Init()
	d := &driver{t: t, m: m, box: box, now: fake.Start()}
	d.see("reading …").notSee("No channel contains")
}

func TestTooSmallIsSaidWhole(t *testing.T) {
	drive(t, fake.New(), actor(1), 20, 10).see("60×16", "window has", "20×10.")
}
