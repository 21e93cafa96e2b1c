package keymap

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/auth"
)

func TestRolesAreThoseOfControl(t *testing.T) {
	if Viewer != auth.Viewer || Operator != auth.Operator || Admin != auth.Admin {
		t.Error("the roles of keys are not those of control")
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		key  tea.KeyPressMsg
		want ID
	}{
		{tea.KeyPressMsg{Code: 'a', Text: "a"}, AddChannel},
		{tea.KeyPressMsg{Code: tea.KeyEnter}, Open},
		{tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}, Open},
		{tea.KeyPressMsg{Code: 's', Mod: tea.ModCtrl}, Save},
		{tea.KeyPressMsg{Code: 'J', Text: "J"}, MoveDown},
		{tea.KeyPressMsg{Code: 'z', Text: "z"}, None},
		{tea.KeyPressMsg{Code: tea.KeyF1}, Help},
	} {
		if got := Match(c.key, AddChannel, Open, Save, MoveDown, Help); got != c.want {
			t.Errorf("%s: %d, want %d", c.key, got, c.want)
		}
	}
}

func TestOnlyYConfirms(t *testing.T) {
	for _, k := range []tea.KeyPressMsg{{Code: tea.KeyEnter}, {Code: tea.KeySpace, Text: " "}, {Code: 'Y', Text: "Y"}} {
		if got := Match(k, Yes, No); got != None {
			t.Errorf("%s answers a question", k)
		}
	}
}

func TestNamesWhereLettersAreText(t *testing.T) {
	for _, c := range []struct {
		id      ID
		writing bool
		want    string
	}{{Help, false, "? F1"}, {Help, true, "F1"}, {Quit, true, "Ctrl+C"}, {Open, false, "Enter Space"}, {Tabs, false, "1-6"}} {
		if got := strings.Join(Names(c.id, c.writing), " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestEveryKeyHasANameAndAText(t *testing.T) {
	for _, id := range All() {
		b := Of(id)
		if b.Show == "" || b.Text == "" || len(b.Keys) == 0 {
			t.Errorf("%d: %+v", id, b)
		}
	}
	for key, want := range map[string]string{"ctrl+s": "Ctrl+S", "pgup": "PgUp", "up": "↑", "a": "a", "shift+tab": "Shift+Tab"} {
		if Name(key) != want {
			t.Errorf("%s is shown as %s", key, Name(key))
		}
	}
}
