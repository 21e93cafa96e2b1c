package psi

import (
	"strings"
	"unicode/utf8"
)

// MaxText is the greatest size in bytes of a text after an 8-bit length. The
// descriptor around it may leave less.
const MaxText = 255

// CharsetsFor returns the tables to try, in order, for a language, an ISO 639-2
// code: the one that receivers of its market know, then UTF-8. Vietnamese is in no
// single-byte table, so that only UTF-8 is left.
func CharsetsFor(language string) []Charset {
	switch language {
	case "rus", "bel", "bul", "mac", "mkd", "srp", "ukr":
		return []Charset{Charset8859_5, CharsetUTF8}
	case "pol", "cze", "ces", "slo", "slk", "hun", "rum", "ron", "hrv", "slv", "bos", "alb", "sqi":
		return []Charset{Charset8859_2, CharsetUTF8}
	case "tur":
		return []Charset{Charset8859_9, CharsetUTF8}
	case "gre", "ell":
		return []Charset{Charset8859_7, CharsetUTF8}
	case "ara":
		return []Charset{Charset8859_6, CharsetUTF8}
	case "heb":
		return []Charset{Charset8859_8, CharsetUTF8}
	case "tha":
		return []Charset{Charset8859_11, CharsetUTF8}
	case "est", "lav", "lit":
		return []Charset{Charset8859_13, CharsetUTF8}
	case "vie":
		return []Charset{CharsetUTF8}
	}
	return []Charset{CharsetLatin, Charset8859_5, CharsetUTF8}
}

// EncodeText codes s with the first of the tables that has all its characters,
// or in UTF-8 if none has. Without tables it tries those of CharsetsFor(""). Text
// of ASCII characters alone is coded without selector. Letters and combining marks
// are composed first (Unicode normalization form C, for the letters of Europe and
// Vietnam), since receivers do not. A line end becomes the CR/LF code; U+E086 and
// U+E087 become emphasis on and off. The result has at most limit bytes, selector
// included: what is longer is cut between characters. KS X 1001, GB 2312 and Big5
// cannot be coded and are passed over.
func EncodeText(s string, limit int, tables ...Charset) Text {
	runes, c := chooseCoding(s, tables)
	coded, _, _ := encodeRunes(runes, c, limit)
	return coded
}

// chooseCoding prepares a text for coding and chooses its table.
func chooseCoding(s string, tables []Charset) ([]rune, Charset) {
	runes := compose(strings.ToValidUTF8(s, "\uFFFD"))
	if len(tables) == 0 {
		tables = CharsetsFor("")
	}
	if isASCII(runes) {
		return runes, CharsetLatin
	}
	c := chooseTable(&runes, tables)
	return runes, c
}

// chooseTable returns the first table that has all the runes. Before it gives up a
// single-byte table it tries simple punctuation, and then changes runes: guillemets
// and dashes are no reason to leave the table that old receivers need.
func chooseTable(runes *[]rune, tables []Charset) Charset {
	for _, c := range tables {
		if c != CharsetLatin && c != CharsetUCS2 && c != CharsetUTF8 && !c.single() {
			continue // not even control codes may go into a table that is not decoded
		}
		if _, _, ok := encodeRunes(*runes, c, 0); ok {
			return c
		}
		if c != CharsetLatin && !c.single() {
			continue
		}
		plain := simplePunctuation(*runes)
		if _, _, ok := encodeRunes(plain, c, 0); ok {
			*runes = plain
			return c
		}
	}
	return CharsetUTF8
}

// simplePunctuation replaces typographic punctuation by ASCII.
func simplePunctuation(runes []rune) []rune {
	out := make([]rune, 0, len(runes))
	for _, r := range runes {
		switch r {
		case '«', '»', '“', '”', '„':
			r = '"'
		case '‘', '’', '‚':
			r = '\''
		case '‐', '‑', '‒', '–', '—', '―', '−':
			r = '-'
		case '…':
			out = append(out, '.', '.')
			r = '.'
		}
		out = append(out, r)
	}
	return out
}

func isASCII(runes []rune) bool {
	for _, r := range runes {
		if r >= 0x7F {
			return false
		}
	}
	return true
}

// encodeRunes codes as many of the runes as limit bytes hold and returns how many
// that is. It reports false if c has not all the runes.
func encodeRunes(runes []rune, c Charset, limit int) (coded Text, used int, ok bool) {
	selector := c.selector()
	out := []byte(selector)
	full := len(out) > limit
	letter, at := 0, len(out) // the last character that is no mark, and where it starts
	for i, r := range runes {
		b, ok := encodeRune(r, c)
		if !ok {
			return "", 0, false
		}
		if full {
			continue
		}
		if !isMark(r) {
			letter, at = i, len(out)
		}
		if len(out)+len(b) > limit {
			out, full = out[:at], true
			continue
		}
		out, used = append(out, b...), i+1
	}
	if full {
		used = letter
	}
	if len(out) <= len(selector) {
		return "", used, true
	}
	return Text(out), used, true
}

// encodeRune returns the bytes of r, none for a control character that annex A
// does not have.
func encodeRune(r rune, c Charset) (string, bool) {
	code := byte(0)
	switch {
	case r == '\n':
		code = newLine
	case r == controlsAt+emphasisOn, r == controlsAt+emphasisOff, r == controlsAt+newLine:
		code = byte(r & 0xFF)
	case r < 0x20, r >= 0x7F && r < 0xA0:
		return "", true
	}
	wide := c == CharsetUCS2 || c == CharsetUTF8
	if code != 0 && wide {
		r, code = controlsAt+rune(code), 0
	}
	switch {
	case code != 0:
		return string([]byte{code}), true
	case c == CharsetUTF8:
		return string(r), true
	case c == CharsetUCS2:
		return string([]byte{byte(r >> 8), byte(r)}), r < 0x10000
	case r < 0x7F && (c == CharsetLatin || c.single()):
		return string([]byte{byte(r)}), true
	case c == CharsetLatin:
		return encodeLatin(r)
	case c.single():
		return findUpper(latinParts[c], r)
	}
	return "", false
}

// findUpper looks r up in the upper half of a table.
func findUpper(upper string, r rune) (string, bool) {
	if r == utf8.RuneError {
		return "", false
	}
	at := byte(0xA0)
	for _, u := range upper {
		if u == r {
			return string([]byte{at}), true
		}
		at++
	}
	return "", false
}

func encodeLatin(r rune) (string, bool) {
	if r == 'Ð' { // shares its place with D with stroke
		r = 'Đ'
	}
	if s, ok := findUpper(latin, r); ok {
		return s, true
	}
	for d := byte(0xC1); d <= 0xCF; d++ {
		pairs := []rune(diacritics[d])
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i+1] == r {
				return string([]byte{d, byte(pairs[i])}), true
			}
		}
	}
	return "", false
}

// isMark reports whether r is a combining diacritical mark.
func isMark(r rune) bool { return r >= 0x0300 && r <= 0x036F }

// compose joins letters and the combining marks after them where Unicode has the
// result as one character.
func compose(s string) []rune {
	var out []rune
	base := -1 // where the letter is that marks go on
	for _, r := range s {
		if !isMark(r) {
			base = len(out)
			out = append(out, r)
			continue
		}
		if base >= 0 {
			if joined, ok := composeWith(out[base], r, out[base+1:]); ok {
				out[base] = joined
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

// composeWith composes a letter and a mark unless a mark of the same class that
// did not compose stands between them.
func composeWith(letter, mark rune, between []rune) (rune, bool) {
	for _, b := range between {
		if markClass(b) == markClass(mark) {
			return 0, false
		}
	}
	pairs := []rune(compositions[mark])
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == letter {
			return pairs[i+1], true
		}
	}
	return 0, false
}

// markClass returns the place of a combining mark on its letter: marks at
// different places do not disturb each other.
func markClass(r rune) int {
	switch r {
	case 0x031B:
		return 216 // horn
	case 0x0323:
		return 220 // dot below
	case 0x0327, 0x0328:
		return 202 // attached below
	}
	return 230 // above
}
