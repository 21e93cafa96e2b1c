package psi

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// The parts of ISO/IEC 8859 against x/text, and part 11 against iconv.
func TestLatinPartsAgainstCharmap(t *testing.T) {
	for c, judge := range map[Charset]*charmap.Charmap{
		1: charmap.ISO8859_1, 2: charmap.ISO8859_2, 3: charmap.ISO8859_3, 4: charmap.ISO8859_4,
		5: charmap.ISO8859_5, 6: charmap.ISO8859_6, 7: charmap.ISO8859_7, 8: charmap.ISO8859_8,
		9: charmap.ISO8859_9, 10: charmap.ISO8859_10, 13: charmap.ISO8859_13, 14: charmap.ISO8859_14,
		15: charmap.ISO8859_15,
	} {
		for b := 0xA0; b < 0x100; b++ {
			text := Text(c.selector() + string([]byte{byte(b)}))
			want := string(judge.DecodeByte(byte(b)))
			if got := text.Decode(CharsetUTF8); got != want {
				t.Errorf("%v %#x is %q, want %q", c, b, got, want)
			}
			if want == "\uFFFD" {
				continue
			}
			if got := EncodeText(want, MaxText, c); got != text {
				t.Errorf("%v %q is coded as %x, want %x", c, want, got, text)
			}
		}
	}
}

// iconvDecode is a second opinion; it returns "" where iconv refuses.
func iconvDecode(t *testing.T, charset string, b []byte) string {
	t.Helper()
	if _, err := exec.LookPath("iconv"); err != nil {
		t.Skip("iconv is not installed")
	}
	cmd := exec.Command("iconv", "-f", charset, "-t", "UTF-8")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return string(out)
}

func TestThaiAgainstIconv(t *testing.T) {
	for b := 0xA1; b < 0x100; b++ {
		want := iconvDecode(t, "ISO-8859-11", []byte{byte(b)})
		if want == "" {
			want = "\uFFFD"
		}
		if got := Text([]byte{0x07, byte(b)}).String(); got != want {
			t.Errorf("%#x is %q, want %q", b, got, want)
		}
	}
}

func TestTable00AgainstIconv(t *testing.T) {
	for b := 0x20; b < 0x100; b++ {
		if b >= 0x7F && b < 0xA0 || b >= 0xC0 && b < 0xD0 {
			continue
		}
		want := iconvDecode(t, "ISO6937", []byte{byte(b)})
		switch {
		case b == 0xA4: // what DVB adds
			want = "€"
		case b == 0xE2: // one place for D with stroke and Eth
			want = "Đ"
		case want == "":
			want = "\uFFFD"
		}
		if got := Text([]byte{byte(b)}).String(); got != want {
			t.Errorf("%#x is %q, want %q", b, got, want)
		}
	}
	if testing.Short() {
		t.Skip("one run of iconv for each pair")
	}
	for diacritic := byte(0xC1); diacritic <= 0xCF; diacritic++ {
		for _, letter := range []byte(" ACEGHIJKLNORSTUWYZacdeghijklnorstuwyz") {
			want := iconvDecode(t, "ISO6937", []byte{diacritic, letter})
			if want == "" {
				continue
			}
			text := Text([]byte{diacritic, letter})
			if got := text.String(); got != want {
				t.Errorf("%x is %q, want %q", text, got, want)
			}
			if got := EncodeText(want, MaxText, CharsetLatin); got != text && letter != ' ' {
				t.Errorf("%q is coded as %x, want %x", want, got, text)
			}
		}
	}
}

func TestDecodeText(t *testing.T) {
	for _, tc := range []struct {
		name  string
		coded string
		def   Charset
		want  string
	}{
		{"empty", "", 0, ""},
		{"ASCII", "VTV1", 0, "VTV1"},
		{"table 00", "Caf\xc2e \xa4", 0, "Café €"},
		{"table 00, letter it does not list", "\xc4e", 0, "e\u0303"},
		{"table 00, old umlaut", "\xc9o", 0, "ö"},
		{"table 00, diacritic at the end", "a\xc2", 0, "a\uFFFD"},
		{"Cyrillic", "\x01\xbf\xd5\xe0\xd2\xeb\xd9", 0, "Первый"},
		{"Central Europe", "\x10\x00\x02\xb1", 0, "ą"},
		{"UCS-2", "\x11\x04\x1f\x1e\xc7", 0, "Пệ"},
		{"UCS-2 with half a character", "\x11\x04\x1f\x1e", 0, "П\uFFFD"},
		{"UTF-8", "\x15Truy\xe1\xbb\x81n h\xc3\xacnh", 0, "Truyền hình"},
		{"UTF-8, broken", "\x15a\xffb", 0, "a\uFFFDb"},
		{"no selector, ISO 8859-5", "\xbf\xd5\xe0\xd2\xeb\xd9", Charset8859_5, "Первый"},
		{"no selector, UTF-8", "h\xc3\xacnh", CharsetUTF8, "hình"},
		{"no selector, ISO 8859-9", "\xfe", Charset8859_9, "ş"},
		{"selector beats the override", "\x01\xbf", Charset8859_2, "П"},
		{"emphasis and line end", "a\x86b\x87\x8ac", 0, "ab\nc"},
		{"emphasis and line end in UTF-8", "\x15a\xee\x82\x86b\xee\x82\x87\xee\x82\x8ac", 0, "ab\nc"},
		{"controls of table A.1 in UTF-8", "\x15a\xc2\x86b\xc2\x8ac", 0, "ab\nc"},
		{"user-defined controls", "a\x9fb\x85", Charset8859_1, "ab"},
		{"Korean", "\x12\xb0\xa1", 0, "[KS X 1001: b0 a1]"},
		{"Chinese", "\x13\xb0\xa1", 0, "[GB 2312: b0 a1]"},
		{"Big5", "\x14\xa4\x40", 0, "[Big5: a4 40]"},
		{"Huffman", "\x1f\x01\x02", 0, "[encoding_type_id: 01 02]"},
		{"reserved", "\x0ca", 0, "[reserved: 0c 61]"},
		{"part 12", "\x10\x00\x0ca", 0, "[reserved: 10 00 0c 61]"},
		{"selector cut", "\x10\x00", 0, "[reserved: 10 00]"},
	} {
		if got := Text(tc.coded).Decode(tc.def); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if got := !strings.HasPrefix(tc.want, "["); Text(tc.coded).Decoded() != got {
			t.Errorf("%s: Decoded is %v", tc.name, !got)
		}
	}
}

func TestEncodeText(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		tables     []Charset
		want       string
	}{
		{"ASCII needs no selector", "RTR Planeta", CharsetsFor("rus"), "RTR Planeta"},
		{"Russian", "Первый", CharsetsFor("rus"), "\x01\xbf\xd5\xe0\xd2\xeb\xd9"},
		{"Russian by default", "Первый", nil, "\x01\xbf\xd5\xe0\xd2\xeb\xd9"},
		{"Russian with guillemets", "«Я» —", CharsetsFor("rus"), "\x01\"\xcf\" -"},
		{"Russian, decomposed", "и\u0306", CharsetsFor("rus"), "\x01\xd9"},
		{"Ukrainian ghe needs UTF-8", "ґ", CharsetsFor("ukr"), "\x15\xd2\x91"},
		{"Polish", "Żółć", CharsetsFor("pol"), "\x10\x00\x02\xaf\xf3\xb3\xe6"},
		{"Czech", "Příliš", CharsetsFor("ces"), "\x10\x00\x02P\xf8\xedli\xb9"},
		{"French", "Été 5 €", CharsetsFor("fre"), "\xc2Et\xc2e 5 \xa4"},
		{"Turkish", "Işık", CharsetsFor("tur"), "\x05I\xfe\xfdk"},
		{"Vietnamese", "Truyền hình", CharsetsFor("vie"), "\x15Truyền hình"},
		{"Vietnamese by default", "Việt", nil, "\x15Việt"},
		{"Vietnamese, decomposed", "Vi\u0065\u0302\u0323t", CharsetsFor("vie"), "\x15Việt"},
		{"Vietnamese, the other order", "Vi\u0065\u0323\u0302t", CharsetsFor("vie"), "\x15Việt"},
		{"Vietnamese keyboard", "Viê\u0323t", CharsetsFor("vie"), "\x15Việt"},
		{"Vietnamese in UCS-2", "ế", []Charset{CharsetUCS2}, "\x11\x1e\xbf"},
		{"beyond the BMP", "😀", []Charset{CharsetUCS2}, "\x15😀"},
		{"line end", "é\na", nil, "\xc2e\x8aa"},
		{"line end in UTF-8", "ế\na", nil, "\x15ế\xee\x82\x8aa"},
		{"emphasis", "\uE086é\uE087", nil, "\x86\xc2e\x87"},
		{"other controls are dropped", "a\t\x01é\u0085", nil, "a\xc2e"},
		{"Korean table cannot be coded", "é", []Charset{CharsetKSX1001}, "\x15é"},
		{"nothing", "", nil, ""},
		{"nothing left", "\u0085", []Charset{CharsetUTF8}, ""},
	} {
		got := EncodeText(tc.text, MaxText, tc.tables...)
		if string(got) != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// Names fit their 8-bit length, and no letter is cut.
func TestEncodeTextLimit(t *testing.T) {
	vietnamese := strings.Repeat("ế", 200)
	for limit := range 40 {
		got := EncodeText(vietnamese, limit)
		if len(got) > limit {
			t.Errorf("limit %d: %d bytes", limit, len(got))
		}
		if want := strings.Repeat("ế", max(limit-1, 0)/3); got.String() != want {
			t.Errorf("limit %d: %q", limit, got)
		}
		latin := EncodeText(strings.Repeat("é", 200), limit)
		if len(latin) > limit || latin.String() != strings.Repeat("é", limit/2) {
			t.Errorf("limit %d: %x", limit, latin)
		}
		marks := EncodeText(strings.Repeat("x\u0301\u0323", 200), limit, CharsetUTF8)
		if len(marks) > limit || len(marks) > 1 && (len(marks)-1)%5 != 0 {
			t.Errorf("limit %d: letter without its marks: %q", limit, marks)
		}
	}
}

func TestComposeAgainstNorm(t *testing.T) {
	for mark, pairs := range compositions {
		r := []rune(pairs)
		for i := 0; i+1 < len(r); i += 2 {
			in := string([]rune{r[i], mark})
			if got, want := string(compose(in)), norm.NFC.String(in); got != want || got != string(r[i+1]) {
				t.Errorf("%q composes to %q, want %q", in, got, want)
			}
		}
	}
	words := "Đài Truyền hình Việt Nam, Thời sự, Chuyển động, Nghệ thuật, Quốc hội, ặẵẳằắậẫẩầấ ợỡởờớ ựữửừứ ệễểềế ộỗổồố"
	for _, s := range []string{words, strings.ToUpper(words), "Ёлки й", "Żółć ąę", "Příliš žluťoučký kůň"} {
		if got := string(compose(norm.NFD.String(s))); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}

func TestExtendedEvents(t *testing.T) {
	text := strings.Repeat("Chương trình thời sự. ", 60)
	ds, err := NewExtendedEvents("vie", text, CharsetsFor("vie")...)
	if err != nil {
		t.Fatal(err)
	}
	var back strings.Builder
	var loop Descriptors
	for i, d := range ds {
		if int(d.Number) != i || int(d.Last) != len(ds)-1 {
			t.Errorf("descriptor %d says %d of %d", i, d.Number, d.Last)
		}
		back.WriteString(d.Text.String())
		loop = append(loop, d)
	}
	if back.String() != text {
		t.Errorf("text came back as %q", back.String())
	}
	if _, err := loop.AppendTo(nil); err != nil {
		t.Error(err)
	}
	if len(ds) < 4 {
		t.Errorf("%d descriptors", len(ds))
	}
	if ds, _ := NewExtendedEvents("rus", strings.Repeat("я", 10000)); len(ds) != maxExtended || len(ds[15].Text) != extendedRoom {
		t.Errorf("%d descriptors for a text that is too long", len(ds))
	}
	if ds, err := NewExtendedEvents("rus", ""); err != nil || len(ds) != 0 {
		t.Errorf("%d descriptors for no text (%v)", len(ds), err)
	}
	if _, err := NewExtendedEvents("ru", "x"); err == nil {
		t.Error("language of two letters is accepted")
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"Caf\xc2e \xa4", "\x01\xbf\xd5", "\x10\x00\x02\xb1", "\x11\x04\x1f", "\x15Vi\u1ec7t\xee\x82\x8a", "\x1f\x01", "\xc9", "a\x86\x8a"} {
		f.Add(s, uint8(0), uint8(20))
	}
	f.Fuzz(func(t *testing.T, s string, table, limit uint8) {
		c := Charset(table)
		got := Text(s).Decode(c)
		if !utf8.ValidString(got) {
			t.Fatalf("%x decodes to invalid UTF-8 %x", s, got)
		}
		for _, tables := range [][]Charset{nil, {c}, CharsetsFor("rus"), CharsetsFor("vie"), CharsetsFor("pol")} {
			coded := EncodeText(s, int(limit), tables...)
			if len(coded) > int(limit) {
				t.Fatalf("%d bytes, limit %d", len(coded), limit)
			}
			if !coded.Decoded() {
				t.Fatalf("%q is coded as %x, which cannot be decoded", s, coded)
			}
			// What has been coded survives another turn. The first turn may cut off what
			// kept the text out of a single-byte table, and so its guillemets.
			again := EncodeText(coded.String(), MaxText, tables...)
			whole := EncodeText(again.String(), MaxText, tables...)
			if again.String() != whole.String() {
				t.Fatalf("%q came back as %q", again.String(), whole.String())
			}
		}
	})
}
