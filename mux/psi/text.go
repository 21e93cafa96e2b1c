package psi

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a text as coded on the wire (EN 300 468 annex A): the bytes that select
// the character table, if any, and the characters. It is kept as it came, because
// coding it again could choose another table.
type Text string

// Charset is a character table of EN 300 468 annex A.
type Charset uint8

// The character tables. The values 1 to 15, but for 12, are the parts of ISO/IEC
// 8859.
const (
	CharsetLatin   Charset = 0  // table 00: ISO/IEC 6937 with the euro sign; the default
	Charset8859_1  Charset = 1  // Western Europe
	Charset8859_2  Charset = 2  // Central Europe
	Charset8859_3  Charset = 3  // South Europe
	Charset8859_4  Charset = 4  // North Europe
	Charset8859_5  Charset = 5  // Cyrillic
	Charset8859_6  Charset = 6  // Arabic
	Charset8859_7  Charset = 7  // Greek
	Charset8859_8  Charset = 8  // Hebrew
	Charset8859_9  Charset = 9  // Turkish
	Charset8859_10 Charset = 10 // Nordic
	Charset8859_11 Charset = 11 // Thai
	Charset8859_13 Charset = 13 // Baltic
	Charset8859_14 Charset = 14 // Celtic
	Charset8859_15 Charset = 15 // Western Europe with the euro sign

	CharsetUCS2     Charset = 0x11 // Basic Multilingual Plane, two bytes each
	CharsetKSX1001  Charset = 0x12 // Korean; not decoded
	CharsetGB2312   Charset = 0x13 // simplified Chinese; not decoded
	CharsetBig5     Charset = 0x14 // traditional Chinese; not decoded
	CharsetUTF8     Charset = 0x15
	CharsetPrivate  Charset = 0x1F // named by encoding_type_id; not decoded
	CharsetReserved Charset = 0xFF // a selector that EN 300 468 does not define
)

// String returns the name of the table.
func (c Charset) String() string {
	switch c {
	case CharsetLatin:
		return "ISO 6937"
	case CharsetUCS2:
		return "UCS-2"
	case CharsetKSX1001:
		return "KS X 1001"
	case CharsetGB2312:
		return "GB 2312"
	case CharsetBig5:
		return "Big5"
	case CharsetUTF8:
		return "UTF-8"
	case CharsetPrivate:
		return "encoding_type_id"
	default:
		if c.single() {
			return fmt.Sprintf("ISO 8859-%d", uint8(c))
		}
		return "reserved"
	}
}

// single reports whether c is a part of ISO/IEC 8859.
func (c Charset) single() bool { return c >= 1 && c <= 15 && c != 12 }

// selector returns the bytes that select c at the start of a text.
func (c Charset) selector() string {
	switch {
	case c == CharsetLatin:
		return ""
	case c >= Charset8859_5 && c <= Charset8859_11, c >= Charset8859_13 && c <= Charset8859_15:
		return string([]byte{byte(c - 4)})
	case c.single():
		return string([]byte{0x10, 0, byte(c)})
	}
	return string([]byte{byte(c)})
}

// Split returns the table that the text selects and what follows the selector.
// Without a selector the table is CharsetLatin and explicit is false.
func (t Text) Split() (c Charset, explicit bool, rest string) {
	s := string(t)
	if s == "" || s[0] >= 0x20 {
		return CharsetLatin, false, s
	}
	b := s[0]
	switch {
	case b >= 0x01 && b <= 0x0B && b != 0x08:
		return Charset(b + 4), true, s[1:]
	case b == 0x10 && len(s) >= 3 && s[1] == 0 && Charset(s[2]).single():
		return Charset(s[2]), true, s[3:]
	case b >= 0x11 && b <= 0x15, b == 0x1F:
		return Charset(b), true, s[1:]
	}
	return CharsetReserved, true, s
}

// String decodes the text with table 00 where it selects none.
func (t Text) String() string { return t.Decode(CharsetLatin) }

// Decode decodes the text to UTF-8, with def where it selects no table: many
// networks leave the selector out and send ISO/IEC 8859 or UTF-8 all the same.
// Emphasis is dropped and CR/LF becomes "\n". Bytes without meaning become U+FFFD.
// Of tables that are not decoded it returns the name and the bytes in hexadecimal,
// in brackets; Decoded tells.
func (t Text) Decode(def Charset) string {
	c, explicit, s := t.Split()
	if !explicit {
		c = def
	}
	switch {
	case c == CharsetLatin:
		return decodeLatin(s)
	case c.single():
		return decodeSingle(s, []rune(latinParts[c]))
	case c == CharsetUTF8:
		return cleanControls(strings.ToValidUTF8(s, "\uFFFD"))
	case c == CharsetUCS2:
		return cleanControls(decodeUCS2(s))
	}
	return fmt.Sprintf("[%v: % x]", c, s)
}

// Decoded reports whether Decode knows the table that the text selects.
func (t Text) Decoded() bool {
	c, _, _ := t.Split()
	return c == CharsetLatin || c.single() || c == CharsetUTF8 || c == CharsetUCS2
}

// The control codes of table A.1, and of table A.2 with controlsAt added.
const (
	emphasisOn  = 0x86
	emphasisOff = 0x87
	newLine     = 0x8A
	controlsAt  = 0xE000
)

// control returns what stands for a byte below 0xA0 that is no ASCII character,
// and whether it is one.
func control(b byte) (text string, is bool) {
	switch {
	case b == newLine:
		return "\n", true
	case b < 0x20, b >= 0x7F && b < 0xA0:
		return "", true
	}
	return "", false
}

func decodeSingle(s string, upper []rune) string {
	var out strings.Builder
	for _, b := range []byte(s) {
		if text, is := control(b); is {
			out.WriteString(text)
		} else if b < 0x80 {
			out.WriteByte(b)
		} else {
			out.WriteRune(upper[b-0xA0])
		}
	}
	return out.String()
}

func decodeLatin(s string) string {
	upper := []rune(latin)
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		b := s[i]
		text, is := control(b)
		switch {
		case is:
			out.WriteString(text)
		case b < 0x80:
			out.WriteByte(b)
		case b > 0xC0 && b <= 0xCF && i+1 < len(s) && s[i+1] >= 0x20 && s[i+1] < 0x7F:
			i++
			out.WriteString(accent(b, rune(s[i])))
		default:
			out.WriteRune(upper[b-0xA0])
		}
	}
	return out.String()
}

// accent puts a diacritic of table 00 on a letter.
func accent(diacritic byte, letter rune) string {
	if diacritic == 0xC9 {
		diacritic = 0xC8
	}
	pairs := []rune(diacritics[diacritic])
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == letter {
			return string(pairs[i+1])
		}
	}
	if mark := combining[diacritic-0xC1]; mark != 0 {
		return string([]rune{letter, mark})
	}
	return "\uFFFD" + string(letter)
}

func decodeUCS2(s string) string {
	units := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s); i += 2 {
		units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
	}
	out := string(utf16.Decode(units))
	if len(s)%2 == 1 {
		out += string(utf8.RuneError)
	}
	return out
}

// cleanControls replaces the control codes of tables A.1 and A.2 in Unicode text.
func cleanControls(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == newLine, r == controlsAt+newLine, r == '\n':
			return '\n'
		case r < 0x20, r >= 0x7F && r < 0xA0, r >= controlsAt+0x80 && r < controlsAt+0xA0:
			return -1
		}
		return r
	}, s)
}
