package theme

import (
	"strings"
	"testing"
)

func TestFor(t *testing.T) {
	for _, c := range []struct {
		env              string
		unicode, letters bool
	}{
		{"TERM=xterm-256color", true, true},
		{"TERM=xterm LANG=en_US.UTF-8", true, true},
		{"TERM=xterm LANG=vi_VN.utf8", true, true},
		{"TERM=xterm LANG=C", false, false},
		{"TERM=xterm LANG=C LC_ALL=C.UTF-8", true, true},
		{"TERM=xterm LANG=en_US.UTF-8 LC_CTYPE=POSIX", false, false},
		{"TERM=linux", false, true},
		{"TERM=vt220", false, false},
		{"TERM=vt100 LANG=en_US.UTF-8", true, true},
	} {
		if th := For(strings.Fields(c.env)); th.Unicode != c.unicode || th.Letters != c.letters {
			t.Errorf("%s: shapes %v, letters %v", c.env, th.Unicode, th.Letters)
		}
	}
}

func TestASCIIThemeIsASCII(t *testing.T) {
	th := New(false, false)
	all := th.Dot + th.Half + th.Ring + th.Cross + th.Dash + th.Mark + th.Left + th.Right + th.Arrow + th.Rule + string(th.Spark)
	for _, r := range all {
		if r > 0x7e {
			t.Errorf("%q", r)
		}
	}
}
