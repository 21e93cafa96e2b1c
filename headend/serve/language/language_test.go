package language

import (
	"slices"
	"strings"
	"testing"
)

func TestLanguage(t *testing.T) {
	for code, want := range map[string][2]string{
		"ger": {"de", "Deutsch"}, "deu": {"de", "Deutsch"}, "VIE": {"vi", "Tiếng Việt"}, "eng": {"en", "English"}, "rus": {"ru", "Русский"},
		"und": {}, "": {}, "e\"g": {}, "qaa": {}, "haw": {"haw", "haw"}, "deutsch": {},
	} {
		if tag, name := Tag(code); tag != want[0] || name != want[1] {
			t.Errorf("%q: %q %q", code, tag, name)
		}
	}
	if !slices.IsSortedFunc(languages[:], func(a, b struct{ three, two, name string }) int { return strings.Compare(a.three, b.three) }) {
		t.Error("the table is not sorted")
	}
}
