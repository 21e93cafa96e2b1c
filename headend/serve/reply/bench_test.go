package reply

import (
	"testing"
	"time"
)

// BenchmarkEncode is what one version of a playlist of 30 segments costs once.
func BenchmarkEncode(b *testing.B) {
	text := []byte("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n")
	at := time.Date(2026, 11, 22, 8, 6, 30, 0, time.UTC)
	for range 30 {
		text = at.AppendFormat(text, "#EXT-X-PROGRAM-DATE-TIME:2006-01-02T15:04:05.000Z\n#EXTINF:2.000,\n2006/01/02/15/04/05-02000.ts\n")
		at = at.Add(2 * time.Second)
	}
	for c, name := range map[coding]string{gzipped: "gzip", brotlied: "br"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = len(encode(c, text))
			}
			b.ReportMetric(float64(n), "bytes")
			b.ReportMetric(float64(len(text)), "of")
		})
	}
}
