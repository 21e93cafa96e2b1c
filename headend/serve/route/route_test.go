package route

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const seg = "2026/11/22/08/06/37-05000"
	for path, want := range map[string]Route{
		"/news/index.m3u8":         {Multivariant, "news", "", ""},
		"/tv/hd/news/index.m3u8":   {Multivariant, "tv/hd/news", "", ""},
		"/news/index.ts.m3u8":      {Multivariant, "news", "", ""},
		"/news/playlist.m3u8":      {Multivariant, "news", "", ""},
		"/news/mono.m3u8":          {Media, "news", "", ""},
		"/news/video.m3u8":         {Media, "news", "", ""},
		"/a/b/mpegts":              {Stream, "a/b", "", ""},
		"/news/" + seg + ".ts":     {Segment, "news", seg, "ts"},
		"/tv/news/" + seg + ".ts":  {Segment, "tv/news", seg, "ts"},
		"/2026/" + seg + ".ts":     {Segment, "2026", seg, "ts"},
		"/mpegts/mpegts":           {Stream, "mpegts", "", ""},
		"/" + seg + ".ts":          {},
		"/news/" + seg + ".mp4":    {},
		"/news/" + seg[1:] + ".ts": {},
		"/news/mpegts/":            {},
		"/news//mpegts":            {},
		"/../mpegts":               {},
		"/a/./mpegts":              {},
		"/a b/mpegts":              {},
		"/mpegts":                  {},
		"news/mpegts":              {},
		"/":                        {},
		"":                         {},
		"/news/Index.m3u8":         {},
		"/" + strings.Repeat("n", 128) + "/mpegts": {Stream, strings.Repeat("n", 128), "", ""},
		"/" + strings.Repeat("n", 129) + "/mpegts": {},
	} {
		if got := Parse(path); got != want {
			t.Errorf("%q: %+v, want %+v", path, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Parse("/tv/news/" + seg + ".ts") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRoute(f *testing.F) {
	for _, s := range []string{"/news/index.m3u8", "/a/b/mpegts", "/news/2026/11/22/08/06/37-05000.ts", "//", "/a/../mpegts"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := Parse(path)
		switch {
		case r.Kind == None:
			if r != (Route{}) {
				t.Errorf("%q: %+v", path, r)
			}
		case !Valid(r.Channel) || !strings.HasPrefix(path, "/"+r.Channel+"/"):
			t.Errorf("%q: channel %q", path, r.Channel)
		case r.Kind == Segment && path != "/"+r.Channel+"/"+r.Name+"."+r.Ext:
			t.Errorf("%q: %+v", path, r)
		}
	})
}
