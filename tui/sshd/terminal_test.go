package sshd

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// terminal keeps the cells of a terminal of the VT family, as far as the console
// writes to one (ECMA-48): enough to read the screen at the other end of a session.
type terminal struct {
	w, h, x, y  int
	top, bottom int // scroll region
	cells       [][]rune
	last        rune
	rest        []byte
}

func newTerminal(w, h int) *terminal {
	t := &terminal{}
	t.resize(w, h)
	return t
}

func (t *terminal) resize(w, h int) {
	t.w, t.h, t.top, t.bottom = w, h, 0, h-1
	t.x, t.y = min(t.x, w-1), min(t.y, h-1)
	t.cells = make([][]rune, h)
	for i := range t.cells {
		t.cells[i] = blank(w)
	}
}

func blank(w int) []rune { return []rune(strings.Repeat(" ", w)) }

func (t *terminal) text() string {
	var b strings.Builder
	for _, l := range t.cells {
		b.WriteString(strings.TrimRight(string(l), " ") + "\n")
	}
	return b.String()
}

func (t *terminal) write(p []byte) {
	t.rest = append(t.rest, p...)
	for len(t.rest) > 0 {
		n := t.one(t.rest)
		if n == 0 {
			return
		}
		t.rest = t.rest[n:]
	}
}

// one takes one character or sequence and returns its length, 0 when it is cut short.
func (t *terminal) one(p []byte) int {
	switch p[0] {
	case '\r':
		t.x = 0
	case '\n':
		t.feed()
	case '\b':
		t.x = max(t.x-1, 0)
	case '\t':
		t.x = min((t.x/8+1)*8, t.w-1)
	case 0x1b:
		return t.escape(p)
	default:
		if p[0] < 0x20 {
			return 1
		}
		if !utf8.FullRune(p) {
			return 0
		}
		r, n := utf8.DecodeRune(p)
		t.put(r)
		return n
	}
	return 1
}

func (t *terminal) put(r rune) {
	if t.x >= t.w {
		t.x = 0
		t.feed()
	}
	t.cells[t.y][t.x] = r
	t.x++
	t.last = r
}

func (t *terminal) feed() {
	if t.y == t.bottom {
		t.scroll(t.top, 1)
		return
	}
	t.y = min(t.y+1, t.h-1)
}

// scroll moves the lines from a line to the bottom of the region up by n, or down.
func (t *terminal) scroll(from, n int) {
	region := t.cells[from : t.bottom+1]
	for ; n > 0; n-- {
		copy(region, region[1:])
		region[len(region)-1] = blank(t.w)
	}
	for ; n < 0; n++ {
		copy(region[1:], region)
		region[0] = blank(t.w)
	}
}

func (t *terminal) escape(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	switch p[1] {
	case '[':
		for i := 2; i < len(p); i++ {
			if p[i] >= 0x40 && p[i] <= 0x7e {
				t.control(string(p[2:i]), p[i])
				return i + 1
			}
		}
		return 0
	case ']', 'P', '_':
		for i := 2; i < len(p); i++ {
			if p[i] == 7 {
				return i + 1
			}
			if p[i] == '\\' && p[i-1] == 0x1b {
				return i + 1
			}
		}
		return 0
	case 'M':
		if t.y == t.top {
			t.scroll(t.top, -1)
		} else {
			t.y--
		}
	}
	return 2
}

func (t *terminal) control(params string, final byte) {
	if params != "" && strings.ContainsRune("<=>?", rune(params[0])) {
		return
	}
	arg := func(i, absent int) int {
		f := strings.Split(params, ";")
		if i >= len(f) {
			return absent
		}
		n, err := strconv.Atoi(f[i])
		if err != nil || n == 0 {
			return absent
		}
		return n
	}
	n := arg(0, 1)
	line := t.cells[t.y]
	at := min(t.x, t.w-1)
	switch final {
	case 'A':
		t.y = max(t.y-n, 0)
	case 'B', 'e':
		t.y = min(t.y+n, t.h-1)
	case 'C', 'a':
		t.x = min(t.x+n, t.w-1)
	case 'D':
		t.x = max(t.x-n, 0)
	case 'G', '`':
		t.x = min(n, t.w) - 1
	case 'd':
		t.y = min(n, t.h) - 1
	case 'H', 'f':
		t.y, t.x = min(n, t.h)-1, min(arg(1, 1), t.w)-1
	case 'J':
		t.erase(arg(0, 0))
	case 'K':
		from, to := at, t.w
		if k := arg(0, 0); k == 1 {
			from, to = 0, at+1
		} else if k == 2 {
			from = 0
		}
		copy(line[from:to], blank(to-from))
	case 'X':
		copy(line[at:min(at+n, t.w)], blank(t.w))
	case 'P':
		copy(line[at:], append([]rune(string(line[min(at+n, t.w):])), blank(n)...))
	case '@':
		copy(line[at:], append(blank(n), []rune(string(line[at:]))...))
	case 'L':
		t.scroll(t.y, -n)
	case 'M':
		t.scroll(t.y, n)
	case 'S':
		t.scroll(t.top, n)
	case 'T':
		t.scroll(t.top, -n)
	case 'b':
		for range n {
			t.put(t.last)
		}
	case 'r':
		t.top, t.bottom = arg(0, 1)-1, arg(1, t.h)-1
		t.x, t.y = 0, 0
	}
}

func (t *terminal) erase(k int) {
	from, to := t.y+1, t.h
	switch k {
	case 0:
		copy(t.cells[t.y][min(t.x, t.w):], blank(t.w))
	case 1:
		from, to = 0, t.y
	case 2:
		from = 0
	}
	for i := from; i < to; i++ {
		t.cells[i] = blank(t.w)
	}
}
