package text

import (
	"regexp"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/unicode/norm"

	"sigma/headend/alarm"
)

// verbs are the formatting verbs of a text, with the place of their argument.
func verbs(s string) string {
	return strings.Join(regexp.MustCompile(`%(\[\d+\])?0?\d*[a-zA-Z]`).FindAllString(s, -1), " ")
}

func TestCatalogueIsWhole(t *testing.T) {
	for key, e := range catalogue {
		if strings.HasPrefix(key, "alarm.") {
			if e[0] != "" || e[1] == "" {
				t.Errorf("%s: English comes from the definition, Vietnamese from here", key)
			}
			continue
		}
		for i, s := range e {
			if s == "" {
				t.Errorf("%s has no text in %s", key, Languages()[i])
			}
			if !norm.NFC.IsNormalString(s) {
				t.Errorf("%s: %q is not composed (NFC)", key, s)
			}
		}
		if strings.Contains(e[1], "|") && key != "f.headers.help" {
			t.Errorf("%s: Vietnamese has no plural forms", key)
		}
		for _, form := range strings.Split(e[0], "|") {
			if strings.Contains(e[0], "%") && verbs(form) != verbs(e[1]) {
				t.Errorf("%s: %q and %q take different values", key, form, e[1])
			}
		}
	}
}

func TestEveryAlarmIsInVietnamese(t *testing.T) {
	vi := New("vi")
	known := map[string]bool{}
	for _, d := range alarm.Definitions() {
		for _, part := range []string{"title", "cause", "remedy"} {
			key := "alarm." + string(d.Code) + "." + part
			known[key] = true
			if _, ok := vi.Translated(key); !ok {
				t.Errorf("%s is missing", key)
			}
		}
	}
	for key := range alarmTexts {
		if !known[key] {
			t.Errorf("%s: no such alarm", key)
		}
	}
}

// TestNumbers lets golang.org/x/text judge the grouping of numbers.
func TestNumbers(t *testing.T) {
	for _, l := range Languages() {
		p, judge := New(l), message.NewPrinter(language.MustParse(l))
		err := quick.Check(func(n int64, f float32) bool {
			v := float64(f)
			if v > 1e15 || v < -1e15 || (v > -0.05 && v < 0.05) {
				v = 1234.5
			}
			return p.Int(n) == judge.Sprintf("%d", n) && p.Float(v, 1) == judge.Sprintf("%.1f", v)
		}, nil)
		if err != nil {
			t.Errorf("%s: %v", l, err)
		}
	}
}

func TestUnits(t *testing.T) {
	en, vi := New("en"), New("vi")
	at := time.Date(2026, 11, 22, 21, 4, 5, 0, time.UTC)
	for _, c := range [][2]string{
		{en.BitRate(0), "0 bit/s"}, {en.BitRate(999), "999 bit/s"}, {en.BitRate(4021000), "4.02 Mbit/s"}, {vi.BitRate(4021000), "4,02 Mbit/s"},
		{en.BitRate(999499), "999 kbit/s"}, {en.BitRate(999500), "1.00 Mbit/s"}, {en.BitRate(38014706), "38.0 Mbit/s"}, {en.BitRate(12e9), "12.0 Gbit/s"},
		{en.Bytes(999), "999 B"}, {en.Bytes(1500), "1.50 kB"}, {vi.Bytes(16e9), "16,0 GB"}, {en.Bytes(999999), "1.00 MB"}, {en.Bytes(1 << 63), "9,223,372 TB"},
		{en.Percent(0.1964), "19.6 %"}, {vi.Percent(0.1964), "19,6 %"},
		{en.Ago(59 * time.Second), "59 s"}, {vi.Ago(61 * time.Second), "1 phút 01 giây"}, {en.Ago(77*time.Hour + 5*time.Minute), "3 d 5 h"}, {en.Ago(-time.Second), "0 s"},
		{en.DateTime(at), "2026-11-22 21:04:05"}, {vi.DateTime(at), "22/11/2026 21:04:05"}, {en.DateTime(time.Time{}), "-"},
		{en.Moment(at, at.Add(time.Hour)), "21:04:05"}, {vi.Moment(at, at.Add(3*time.Hour)), "22/11/2026"},
		{en.N("channel.viewers", 1), "1 viewer"}, {en.N("channel.viewers", 1234), "1,234 viewers"}, {vi.N("channel.viewers", 1), "1 người xem"},
		{en.T("no such key"), "[no such key]"}, {New("xx").Language(), "en"}, {Pseudo().T("plan.done", 7), "жжжж: жжжжжжжж 7 жжжж."},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
}

func TestOutsideTextIsTame(t *testing.T) {
	if got := Clean("a\x1b[31mb\x07\x9b\nc\td\u202ee\xff"); got != "a[31mb c de?" && got != "a[31mb? c de?" {
		t.Errorf("%q", got)
	}
	if got := ASCII("Đầu vào – dự phòng… ●"); got != "Dau vao - du phong~ ?" {
		t.Errorf("%q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "Kênh 1", "a\x1b[31mb", "\xff\xfe", "\u202e", "日本語テレビ"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, w int) {
		w = w % 200
		c := Clean(s)
		if strings.ContainsAny(c, "\x1b\x07\n\r\t") {
			t.Fatalf("%q keeps a control character", c)
		}
		if got := Width(Fit(c, w)); got != max(w, 0) {
			t.Fatalf("%q is %d cells wide, not %d", Fit(c, w), got, w)
		}
		for _, l := range Wrap(c, max(w, 2)) {
			if Width(l) > max(w, 2) {
				t.Fatalf("%q is wider than %d", l, w)
			}
		}
	})
}
