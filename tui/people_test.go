package tui

import (
	"errors"
	"testing"

	"sigma/headend/control"
	"sigma/tui/internal/fake"
)

func TestANewUserReplacesNobody(t *testing.T) {
	box := fake.New()
	d := drive(t, box, actor(3), 80, 24)
	d.keys("4", "a", "op").see("There is a user op already.")
	d.keys("erator").notSee("already").keys("backspace", "backspace", "backspace", "backspace", "backspace", "backspace")
	d.keys("ctrl+s").see("New user", "There is a user op already.")
	// One that was made since the list was read.
	d.keys("ctrl+u", "mai")
	if err := box.PutUser(t.Context(), actor(3), control.User{Name: "mai", Role: 3}); err != nil {
		t.Fatal(err)
	}
	d.keys("ctrl+s").see("New user", "there is a user mai already")
	users, _ := box.Users(t.Context(), actor(3))
	for _, u := range users {
		if u.Name == "op" && u.Role != 2 || u.Name == "mai" && u.Role != 3 {
			t.Errorf("%+v", u)
		}
	}
}

func TestARefusedPasswordCanBeTypedAgain(t *testing.T) {
	box := fake.New()
	d := drive(t, box, actor(3), 80, 24)
	box.RefusesPassword = errors.New("the password has 3 characters: expected at least 10")
	d.keys("4", "a", "mai", "down", "down", "down", "abc", "down", "abc", "ctrl+s").see("New user", "expected at least 10")
	box.RefusesPassword = nil
	d.keys("ctrl+s").see("mai is saved.", "4 users")
	box.RefusesUser = control.FieldErrors{{Path: "name", Text: "is not a user name"}, {Path: "else", Text: "is odd"}}
	d.keys("a", "down", "ctrl+s").see("! is not a user name", "! else: is odd", "▸ Name")
}
