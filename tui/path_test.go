package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/internal/fake"
	"sigma/tui/theme"
)

func TestAddChannelFromEmpty(t *testing.T) {
	box := fake.New()
	d := drive(t, box, actor(2), 80, 24)
	d.see("Press a to add").keys("a").see("New channel")
	d.keys("news", "enter", "News 24h", "enter").see("press Enter")
	d.keys("enter").see("Example: udp://239.1.1.1:1234", "Back to the channel")
	d.keys("239.1.1.1").see(`! "239.1.1.1" is not a URL`)
	d.keys("ctrl+u", "udp://239.1.1.1:1234").notSee("is not a URL")
	d.keys("esc").see("udp://239.1.1.1:1234")
	d.keys("down", "down", "enter").see("Constant bit rate") // + add an output
	d.keys("udp://lo@239.9.9.9:5000", "down", "8M").see("is not a bit rate")
	d.keys("bit").notSee("is not a bit rate").keys("esc").see("udp://lo@239.9.9.9:5000")
	d.keys("ctrl+s").see("added channel news", "Nothing on air is interrupted.")
	d.keys("a new one", "enter", "enter")
	d.see("Done: revision 2 runs.", "ON AIR", "news")
	c := box.Newest()
	if got := c.Channel("news"); got == nil || got.Title != "News 24h" || got.Inputs[0].URL != "udp://239.1.1.1:1234" || got.Outputs[0].Bitrate != 8000000 {
		t.Fatalf("%+v", got)
	}
}

func TestWrongFormDoesNotSave(t *testing.T) {
	d := drive(t, fake.New(), actor(2), 80, 24)
	d.keys("a").notSee("is empty") // nobody is told off before typing
	d.keys("ctrl+s").see("is empty: expected letters", "2 fields need a look")
	d.keys("x").notSee("is empty: expected")
}

func TestUnsavedChangesAreGuarded(t *testing.T) {
	box := fake.New().Fill(1)
	d := drive(t, box, actor(2), 80, 24)
	d.keys("e", "down", "!", "esc").see("Throw the changes away?")
	d.keys("n").see("Edit ch001", "Kênh 1!")
	d.keys("ctrl+c").see("Leave with unsaved changes?").keys("n")
	if d.out {
		t.Fatal("left without a yes")
	}
	d.keys("esc", "y").see("[1 Channels]")
	d.keys("e", "esc").see("[1 Channels]") // nothing changed: nothing asked
	d.keys("q")
	if !d.out {
		t.Fatal("q did not leave")
	}
}

func TestConflictKeepsTheDraft(t *testing.T) {
	box := fake.New().Fill(2)
	d := drive(t, box, actor(2), 80, 24)
	d.keys("e", "down", " mine", "ctrl+s").see("changed channel ch001: title")
	box.Other(func(c *control.Config) { c.Channels[1].Title = "theirs" })
	d.keys("enter", "enter").see("Someone else was faster", "Revision 3 was committed by linh", "Kênh 1 mine")
	d.notSee("ch002").notSee("changed the same thing")
	d.keys("enter", "enter").see("Done: revision 4 runs.")
	c := box.Newest()
	if c.Channels[0].Title != "Kênh 1 mine" || c.Channels[1].Title != "theirs" {
		t.Fatalf("%+v", c.Channels)
	}
	// The same channel on both sides: said, not hidden.
	d.keys("e", "down", "!")
	box.Other(func(c *control.Config) { c.Channels[0].Title = "theirs too" })
	d.keys("ctrl+s").see("committed by linh", "changed the same thing as you", "theirs too")
}

func TestFilterWithManyChannels(t *testing.T) {
	d := drive(t, fake.New().Fill(200), actor(1), 80, 24)
	d.see("200 channels").keys("/", "ch19").see("10 of 200", "ch190", "ch199").notSee("ch001")
	d.keys("9", "enter", "enter").see("Channels › ch199")
	d.keys("esc").see("1 of 200").keys("esc").see("200 channels").see("ch199")
	d.keys("/", "nothing here").see("No channel contains this text").keys("esc")
	d.keys("s").see("sorted by state").keys("end").see("ch200")
}

func TestOrder(t *testing.T) {
	box := fake.New().Fill(3)
	d := drive(t, box, actor(2), 80, 24)
	d.keys("J").see("New order").keys("J", "ctrl+s").see("New order of channels")
	d.keys("ctrl+s") // the judge of the fake sees no change in an order
	d.keys("esc").see("New order:").keys("esc").notSee("New order")
}

func TestRolesAreSaid(t *testing.T) {
	d := drive(t, fake.New().Fill(2), actor(1), 80, 24)
	for _, k := range []string{"a", "e", "d", "x", "i", "r", "K"} {
		d.keys(k).see("needs the role operator", "[1 Channels]")
	}
	d.keys("?").see("not now: needs the role operator")
	d.keys("esc", "4").see("for admins").keys("a").see("needs the role admin")
	d.keys("6").see("Events").keys("g").see("needs the role operator")
	d.keys("3", "r", "b").see("needs the role admin")
}

func TestSelectInputAndActions(t *testing.T) {
	box := fake.New().Fill(2)
	d := drive(t, box, actor(2), 80, 24)
	d.keys("i").see("Which input should ch001 use?", "Automatic", "(active)").keys("down", "enter").see("Held on input 1")
	d.keys("r").see("Restart ch001?").keys("y").see("ch001 restarts.")
	d.keys("x").see("changed channel ch001", "inputs that changed restart").keys("ctrl+s").see("Done: revision 3 runs.", "OFF")
	d.keys("down", "c").see("New channel", "ch002-2").keys("ctrl+s", "ctrl+s").see("ch002-2", "Done")
	d.keys("up", "d", "ctrl+s").see("Done: revision 5 runs.")
	if c := box.Newest(); c.Channel("ch002") != nil || c.Channel("ch002-2") == nil || !c.Channels[0].Disabled {
		t.Fatalf("%+v", c.Channels)
	}
}

func TestListsInTheForm(t *testing.T) {
	box := fake.New().Fill(1)
	d := drive(t, box, actor(2), 120, 40)
	d.keys("e", "down", "down", "c").see("Input 2", "Back to the channel").keys("esc") // a copy of input 1
	d.keys("J", "ctrl+s", "ctrl+s").see("Done")
	if in := box.Newest().Channels[0].Inputs; len(in) != 3 || in[0].URL != in[2].URL || in[1].URL != "file:///srv/loop.ts" {
		t.Fatalf("%+v", in)
	}
	d.keys("e", "down", "down", "d").see("Remove Input 1?").keys("enter", "n").see("udp://239.1.1.1:1234")
	d.keys("d", "y", "d", "y", "d", "y", "ctrl+s").see("changed channel ch001").keys("esc").notSee("Input 1")
}

func TestAlarms(t *testing.T) {
	d := drive(t, troubled(3), actor(2), 80, 24)
	d.see("2 alarms (1 critical, 1 new)").keys("2").see("bring one input back").keys("a").see("1 alarm acknowledged")
	d.second()
	d.see("acknowledged by op").keys("a").see("op has taken it already")
	d.keys("h").see("1 past alarm", "from 2026-11-22", "Until", "17:04:00", "ch001, input 1").notSee("disk")
}

func TestRevisions(t *testing.T) {
	box := fake.New().Fill(2)
	d := drive(t, box, actor(2), 80, 24)
	d.keys("3").see("running").keys("r").see("it is the one that runs")
	d.keys("c").see("marked").keys("down", "c").see("From revision 1 to 2", "added channel ch001").notSee("marked")
	d.keys("esc", "t").see("name: hanoi-1").notSee("{").keys("esc")
	d.keys("r").see("Restore revision 1", "removed channel ch001").keys("ctrl+s").see("Done: revision 3 runs.")
	d.second()
	d.see("● running")
	if len(box.Newest().Channels) != 0 {
		t.Fatal("not restored")
	}
}

func TestPeople(t *testing.T) {
	box := fake.New()
	d := drive(t, box, actor(3), 80, 24)
	d.keys("4", "a", "mai", "down", "left", "down", "down", "one two three", "enter", "one two", "enter", "enter").see("The two passwords differ")
	d.keys("up", " three", "ctrl+s").see("mai is saved.", "4 users", "viewer")
	if _, err := box.Authenticate(t.Context(), "mai", "one two three", "ssh", ""); err != nil {
		t.Fatal(err)
	}
	d.keys("t", "middleware", "ctrl+s").see("secret-of-middleware", "1 API token")
	d.keys("o").see("What may view do?").keys("esc", "end", "d").see("Delete the token").keys("n")
	d.keys("p", "new secret", "down", "new secret", "ctrl+s").see("The password of admin is changed.")
	d.keys("l", "down", "enter").see("[4 Người dùng]", "Từ nay")
}

func TestNamesThatAreTaken(t *testing.T) {
	box := fake.New()
	d := drive(t, box, actor(3), 80, 24)
	d.keys("4", "a", "op", "ctrl+s").see("There is a user op already")
	if a, err := box.Authenticate(t.Context(), "op", "op", "ssh", ""); err != nil || a.Role != control.Operator {
		t.Errorf("op is %+v %v", a, err)
	}
}

// TestLocalConsoleHasNoAccount: the language of who sits at the machine holds for the
// session, and there is nobody whose password could be set.
func TestLocalConsoleHasNoAccount(t *testing.T) {
	box := fake.New()
	d := drive(t, box, control.Local("console"), 80, 24)
	d.keys("4", "p").see("has no account")
	d.keys("l", "down", "enter").see("[4 Người dùng]")
	if users, err := box.Users(t.Context(), actor(3)); err != nil || len(users) != 3 {
		t.Errorf("%+v %v", users, err)
	}
}

func TestIdle(t *testing.T) {
	d := drive(t, fake.New(), actor(1), 80, 24)
	d.now = d.now.Add(29 * time.Minute)
	d.second()
	d.see("This session ends in")
	d.keys("down").second()
	if d.out {
		t.Fatal("a key did not count")
	}
	d.now = d.now.Add(31 * time.Minute)
	d.second()
	if !d.out || !strings.Contains(d.m.Ended(), "idle") {
		t.Fatal("an idle session went on")
	}
}

func TestBoxThatDoesNotAnswer(t *testing.T) {
	d := drive(t, fake.New().Fill(1), actor(0+1), 80, 24)
	d.m.env.Actor.Role = 0 // the fake refuses
	d.second()
	d.see("box does not answer", "ch001")
	d.m.asked, d.m.down = d.now.Add(-10*time.Second), nil
	d.see("no answer for 10 s")
}

func TestPanicIsTheSessionsOwn(t *testing.T) {
	d := drive(t, fake.New().Fill(1), actor(1), 80, 24)
	d.m.tabs[0] = nil
	d.m.View()
	d.send(tickMsg{})
	if !d.out || !strings.Contains(d.m.Ended(), "fault of its own") {
		t.Fatalf("%v %q", d.out, d.m.Ended())
	}
}

func TestASCII(t *testing.T) {
	a := actor(3)
	a.Language = "vi"
	for _, p := range pages() {
		d := driveWith(t, troubled(5), a, 80, 24, func(m *Model) { m.env.Theme = theme.New(false, false) })
		for _, r := range d.keys(p.keys...).screen() {
			if r > 0x7e {
				t.Fatalf("%s: %q on an ASCII terminal:\n%s", p.name, r, d.screen())
			}
		}
	}
}

func TestSmall(t *testing.T) {
	for w := range 130 {
		d := drive(t, troubled(5), actor(3), w+1, 10+w%30)
		for _, l := range strings.Split(strings.TrimSuffix(d.screen(), "\n"), "\n") {
			if w >= minWidth && len([]rune(l)) > w+1 {
				t.Fatalf("%d: %q", w+1, l)
			}
		}
	}
}

// BenchmarkKeystroke is a key with 200 channels, from the message to the finished
// screen: what a user waits for besides the network and one frame of the renderer.
func BenchmarkKeystroke(b *testing.B) {
	d := drive(b, fake.New().Fill(200), actor(3), 120, 40)
	keys := []tea.KeyPressMsg{{Code: tea.KeyDown}, {Code: tea.KeyUp}}
	for i := 0; b.Loop(); i++ {
		d.m.Update(keys[i%2])
		_ = fmt.Sprint(d.m.View().Content)
	}
}

// BenchmarkRefresh is the round of once a second with 200 channels.
func BenchmarkRefresh(b *testing.B) {
	d := drive(b, fake.New().Fill(200), actor(3), 120, 40)
	for b.Loop() {
		d.second()
		_ = d.m.View()
	}
}
