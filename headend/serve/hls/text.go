package hls

import (
	"strconv"
	"time"

	"sigma/headend/serve/reply"
)

// text is a playlist in the making. It notes where URIs end, for tokens to be put
// there.
type text struct {
	b    []byte
	ends []int
}

func (t *text) str(parts ...string) {
	for _, s := range parts {
		t.b = append(t.b, s...)
	}
}

func (t *text) uri(parts ...string) {
	t.str(parts...)
	t.ends = append(t.ends, len(t.b))
}

func (t *text) int(before string, n int64) { t.b = strconv.AppendInt(append(t.b, before...), n, 10) }

func (t *text) uint(before string, n uint64) {
	t.b = strconv.AppendUint(append(t.b, before...), n, 10)
}

// quoted appends NAME="value" with what must not be in a quoted string taken out (RFC
// 8216 clause 4.2).
func (t *text) quoted(before, value string) {
	t.str(before, `"`)
	for _, c := range []byte(value) {
		if c >= ' ' && c != '"' && c != 0x7F {
			t.b = append(t.b, c)
		}
	}
	t.b = append(t.b, '"')
}

// seconds appends a duration in seconds, with three to six decimals.
func (t *text) seconds(before string, d time.Duration) {
	us := int64(max(0, d) / time.Microsecond)
	t.int(before, us/1e6)
	t.b = append(t.b, '.')
	for div, n := int64(1e5), us%1e6; div > 0 && (div >= 1e3 || n > 0); div /= 10 {
		t.b = append(t.b, byte('0'+n/div))
		n %= div
	}
}

// date appends a date as in EXT-X-PROGRAM-DATE-TIME.
func (t *text) date(before string, at time.Time) {
	t.str(before)
	t.b = at.Round(time.Millisecond).UTC().AppendFormat(t.b, "2006-01-02T15:04:05.000Z")
}

// body returns the finished playlist. Target is its target duration in seconds: a
// cache may keep it for half of that (appendix of rfc8216bis).
func (t *text) body(target int) *reply.Body {
	b := reply.NewBody(t.b, playlistType, "public, max-age="+strconv.Itoa(max(1, target/2)))
	b.SetMarks(t.ends)
	return b
}

// span converts a length in units of a timescale, rounding towards zero to
// nanoseconds.
func span(n uint64, timescale uint32) time.Duration {
	if timescale == 0 {
		return 0
	}
	s, r := n/uint64(timescale), n%uint64(timescale)
	return time.Duration(s)*time.Second + time.Duration(r*uint64(time.Second)/uint64(timescale))
}
