package keymap

import (
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
	} {
		if got := Match(c.key, AddChannel, Open, Save, MoveDown); got != c.want {
			t.Errorf("%s: %d, want %d", c.key, got, c.want)
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
