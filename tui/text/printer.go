// Package text owns every sentence, number, date and unit that the console shows,
// in English and Vietnamese. It decides nothing and knows nothing of terminals but
// the width of their cells.
package text

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"golang.org/x/text/unicode/norm"
)

// Languages are the languages of the catalogue, in the order of its columns.
func Languages() []string { return []string{"en", "vi"} }

// Printer says things in one language. It is a value without state: safe for
// concurrent use. The zero Printer speaks English.
type Printer struct {
	column int
	pseudo bool
	zone   *time.Location // nil leaves times in the zone they come in
}

// New returns a printer for a language tag; an unknown tag gets English.
func New(language string) Printer {
	for i, l := range Languages() {
		if l == language {
			return Printer{column: i}
		}
	}
	return Printer{}
}

// Pseudo returns a printer that answers with every letter replaced by ж, so that a
// test sees which words on the screen did not come from the catalogue.
func Pseudo() Printer { return Printer{pseudo: true} }

// In returns a printer that shows times in a zone.
func (p Printer) In(zone *time.Location) Printer {
	p.zone = zone
	return p
}

// Language returns the tag of the language.
func (p Printer) Language() string { return Languages()[p.column] }

// Has reports whether the catalogue has the key.
func Has(key string) bool {
	_, ok := lookup(key)
	return ok
}

func lookup(key string) (pair, bool) {
	e, ok := catalogue[key]
	return e, ok
}

func (p Printer) entry(key string) string {
	e, ok := lookup(key)
	if !ok {
		return "[" + key + "]"
	}
	s := e[p.column]
	if p.pseudo {
		s = hide(s)
	}
	return s
}

// hide replaces letters but leaves formatting verbs alone.
func hide(s string) string {
	r := []rune(s)
	for i := 0; i < len(r); i++ {
		if r[i] == '%' {
			for i++; i < len(r) && !unicode.IsLetter(r[i]); i++ {
			}
			continue
		}
		if unicode.IsLetter(r[i]) {
			r[i] = 'ж'
		}
	}
	return string(r)
}

// T returns the text of a key with args filled in. A key that the catalogue lacks
// comes back in brackets.
func (p Printer) T(key string, args ...any) string {
	s := p.entry(key)
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// N returns the text of a key for a count. The forms are separated by '|': one and
// other in English, a single form in Vietnamese. The count is the first argument
// of the text, formatted; args follow.
func (p Printer) N(key string, n int, args ...any) string {
	forms := strings.Split(p.entry(key), "|")
	s := forms[len(forms)-1]
	if n == 1 {
		s = forms[0]
	}
	return fmt.Sprintf(s, append([]any{p.Int(int64(n))}, args...)...)
}

// Clean makes text from outside safe for a terminal: control characters, escape
// sequences' leading bytes, direction overrides and other invisible signs become
// spaces or vanish.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// ASCII spells s for a terminal that shows ASCII only: letters lose their marks,
// anything else unknown becomes a question mark. Escape sequences pass.
func ASCII(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		default:
			b.WriteByte(plain(r))
		}
	}
	return b.String()
}

// plain is the ASCII character nearest to a letter or sign of the catalogue.
func plain(r rune) byte {
	const from, to = "đĐ…·–—↑↓←→“”×µ°‹›", "dD~---^v<>\"\"xu <>"
	if i := slices.Index([]rune(from), r); i >= 0 {
		return to[i]
	}
	return '?'
}

// Width returns the number of terminal cells of s, which has no escape sequences.
func Width(s string) int { return runewidth.StringWidth(s) }

// Fit cuts or fills s to exactly w cells; what is cut is shown by an ellipsis.
func Fit(s string, w int) string {
	if w <= 0 {
		return ""
	}
	n := Width(s)
	if n > w {
		s = runewidth.Truncate(s, w, "…")
		n = Width(s)
	}
	s += strings.Repeat(" ", w-n)
	for Width(s) < w { // a mark that takes the first space to itself
		s += " "
	}
	return s
}

// FitEnds is Fit for a text whose end says as much as its beginning, such as an address
// with its port: what does not fit is cut out of the middle.
func FitEnds(s string, w int) string {
	if Width(s) <= w || w < 4 {
		return Fit(s, w)
	}
	tail := ""
	for _, r := range slices.Backward([]rune(s)) {
		if Width(string(r)+tail) > w/2 {
			break
		}
		tail = string(r) + tail
	}
	return Fit(runewidth.Truncate(s, w-Width(tail), "…")+tail, w)
}

// FitRight is Fit with the text at the right edge.
func FitRight(s string, w int) string {
	n := Width(s)
	if n >= w {
		return Fit(s, w)
	}
	return strings.Repeat(" ", w-n) + s
}

// Wrap breaks s at spaces into lines of at most w cells. Words that are longer are
// cut. It takes time in proportion to the length of s.
func Wrap(s string, w int) []string {
	w = max(w, 2) // one character may take two cells
	var lines []string
	line, used := "", 0
	flush := func() {
		lines, line, used = append(lines, line), "", 0
	}
	for word := range strings.FieldsSeq(s) {
		for word != "" {
			head, n := prefix(word, w)
			word = word[len(head):]
			switch {
			case line == "":
			case used+1+n <= w && word == "":
				head, n = " "+head, n+1
			default:
				flush()
			}
			line, used = line+head, used+n
			if word != "" {
				flush()
			}
		}
	}
	if line != "" || len(lines) == 0 {
		flush()
	}
	return lines
}

// prefix returns as much of s as fits w cells, at least one character, and its width.
// It looks at no more of s than can matter: marks without a width are cut as well.
func prefix(s string, w int) (string, int) {
	if most := 8*w + 64; len(s) > most {
		for most > 0 && !utf8.RuneStart(s[most]) {
			most--
		}
		s = s[:most]
	}
	if n := Width(s); n <= w {
		return s, n
	}
	head := runewidth.Truncate(s, w, "")
	if head == "" {
		_, n := utf8.DecodeRuneInString(s)
		head = s[:n]
	}
	return head, Width(head)
}

// Translated returns a text that English takes from elsewhere, such as an alarm's,
// and whether this language has its own.
func (p Printer) Translated(key string) (string, bool) {
	e, ok := lookup(key)
	if !ok || e[p.column] == "" {
		return "", false
	}
	return p.T(key), true
}

// Keys returns every key of the catalogue, sorted.
func Keys() []string { return slices.Sorted(maps.Keys(catalogue)) }
