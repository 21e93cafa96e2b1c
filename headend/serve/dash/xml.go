package dash

import (
	"strconv"
	"time"
)

// text is an XML document in the making. It notes where URLs end, for tokens to be put
// there.
type text struct {
	b     []byte
	marks []mark
}

// mark is the end of a URL.
type mark struct {
	at       int
	template bool // "$" is written twice there (clause 5.3.9.4.4)
	query    bool // the URL has a query
}

func (t *text) str(parts ...string) {
	for _, s := range parts {
		t.b = append(t.b, s...)
	}
}

func (t *text) int(n int64)   { t.b = strconv.AppendInt(t.b, n, 10) }
func (t *text) uint(n uint64) { t.b = strconv.AppendUint(t.b, n, 10) }

// attr appends NAME="value".
func (t *text) attr(name, value string) {
	t.str(" ", name, `="`)
	t.escaped(value)
	t.str(`"`)
}

func (t *text) attrInt(name string, n int64) {
	t.str(" ", name, `="`)
	t.int(n)
	t.str(`"`)
}

func (t *text) attrUint(name string, n uint64) {
	t.str(" ", name, `="`)
	t.uint(n)
	t.str(`"`)
}

// escaped appends character data, without what XML 1.0 has no place for.
func (t *text) escaped(s string) {
	for _, c := range s {
		switch {
		case c == '&':
			t.str("&amp;")
		case c == '<':
			t.str("&lt;")
		case c == '>':
			t.str("&gt;")
		case c == '"':
			t.str("&quot;")
		case c < ' ' || c == 0xFFFE || c == 0xFFFF || c == '\uFFFD':
		default:
			t.b = append(t.b, string(c)...)
		}
	}
}

// descriptor appends an element of DescriptorType (clause 5.8.2).
func (t *text) descriptor(name, scheme, value string) {
	t.str("<", name)
	t.attr("schemeIdUri", scheme)
	if value != "" {
		t.attr("value", value)
	}
	t.str("/>")
}

// appendDuration appends an xs:duration in seconds, with up to six decimals.
func appendDuration(b []byte, d time.Duration) []byte {
	us := int64(max(0, d) / time.Microsecond)
	b = strconv.AppendInt(append(b, "PT"...), us/1e6, 10)
	if us %= 1e6; us > 0 {
		b = append(b, '.')
		for div := int64(1e5); us > 0; div /= 10 {
			b = append(b, byte('0'+us/div))
			us %= div
		}
	}
	return append(b, 'S')
}

func duration(d time.Duration) string { return string(appendDuration(nil, d)) }

// appendDate appends an xs:dateTime in UTC with milliseconds.
func appendDate(b []byte, at time.Time) []byte {
	return at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

func date(at time.Time) string { return string(appendDate(nil, at)) }
