package route

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const seg = "2026/11/22/08/06/37-05000"
	long := strings.Repeat("n", 128)
	for path, want := range map[string]Route{
		"/news/index.m3u8":         {Kind: Multivariant, Channel: "news"},
		"/tv/hd/news/index.m3u8":   {Kind: Multivariant, Channel: "tv/hd/news"},
		"/news/index.ts.m3u8":      {Kind: Multivariant, Channel: "news", Form: "ts"},
		"/news/index.ll.m3u8":      {Kind: Multivariant, Channel: "news", Form: "ll"},
		"/news/playlist.m3u8":      {Kind: Multivariant, Channel: "news"},
		"/news/mono.m3u8":          {Kind: Media, Channel: "news", Form: "ts"},
		"/news/video.m3u8":         {Kind: Media, Channel: "news", Form: "ts"},
		"/a/b/mpegts":              {Kind: Stream, Channel: "a/b"},
		"/news/" + seg + ".ts":     {Kind: Segment, Channel: "news", Name: seg, Form: "ts"},
		"/tv/news/" + seg + ".ts":  {Kind: Segment, Channel: "tv/news", Name: seg, Form: "ts"},
		"/2026/" + seg + ".ts":     {Kind: Segment, Channel: "2026", Name: seg, Form: "ts"},
		"/mpegts/mpegts":           {Kind: Stream, Channel: "mpegts"},
		"/" + seg + ".ts":          {},
		"/news/" + seg + ".mp4":    {},
		"/news/" + seg + ".m4s":    {},
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
		"/" + long + "/mpegts":     {Kind: Stream, Channel: long},
		"/" + long + "n/mpegts":    {},

		"/n/tracks-v1a1/mono.m3u8":                            {Kind: Media, Channel: "n", Tracks: "v1a1", Form: "ts"},
		"/n/tracks-v12/index.fmp4.m3u8":                       {Kind: Media, Channel: "n", Tracks: "v12", Form: "fmp4"},
		"/a/n/tracks-a2/index.ll.m3u8":                        {Kind: Media, Channel: "a/n", Tracks: "a2", Form: "ll"},
		"/n/tracks-t1/index.vtt.m3u8":                         {Kind: Media, Channel: "n", Tracks: "t1", Form: "vtt"},
		"/n/tracks-v1/iframes.fmp4.m3u8":                      {Kind: Media, Channel: "n", Tracks: "v1", Form: "iframes.fmp4"},
		"/n/tracks-v1/" + seg + ".m4s":                        {Kind: Segment, Channel: "n", Tracks: "v1", Name: seg, Form: "m4s"},
		"/n/tracks-v1a1/" + seg + ".ts":                       {Kind: Segment, Channel: "n", Tracks: "v1a1", Name: seg, Form: "ts"},
		"/n/tracks-t1/" + seg + ".vtt":                        {Kind: Segment, Channel: "n", Tracks: "t1", Name: seg, Form: "vtt"},
		"/n/tracks-v1/init-0a1b.mp4":                          {Kind: Init, Channel: "n", Tracks: "v1", Name: "0a1b"},
		"/n/tracks-v1/part-17-3.m4s":                          {Kind: Part, Channel: "n", Tracks: "v1", Sequence: 17, Index: 3},
		"/n/tracks-v1/part-017-3.m4s":                         {},
		"/n/tracks-v1/part-17.m4s":                            {},
		"/n/tracks-x1/index.fmp4.m3u8":                        {},
		"/n/tracks-v0/index.fmp4.m3u8":                        {},
		"/n/tracks-v1/mpegts":                                 {},
		"/n/index.mpd":                                        {Kind: Manifest, Channel: "n"},
		"/n/index.ll.mpd":                                     {Kind: Manifest, Channel: "n", Form: "ll"},
		"/n/index.mpp":                                        {Kind: Patch, Channel: "n"},
		"/n/time":                                             {Kind: Clock, Channel: "n"},
		"/a/n/dash/v1/161000000000000.m4s":                    {Kind: Fragment, Channel: "a/n", Tracks: "v1", Time: 161000000000000},
		"/n/dash/v1/99999999999999999999.m4s":                 {},
		"/a/n.isml/manifest":                                  {Kind: SmoothManifest, Channel: "a/n"},
		"/n.isml/Manifest":                                    {Kind: SmoothManifest, Channel: "n"},
		"/n.isml/QualityLevels(2000000)/Fragments(video=123)": {Kind: SmoothFragment, Channel: "n", Name: "video", Bitrate: 2000000, Time: 123},
		"/n.isml/QualityLevels(1)/FragmentInfo(audio1=9)":     {Kind: SmoothFragment, Channel: "n", Name: "audio1", Bitrate: 1, Time: 9, Form: "info"},
		"/n.isml/QualityLevels(x)/Fragments(video=123)":       {},
		"/n.isml/QualityLevels(1)/FragmentInfos(video=123)":   {},
		"/n.isml/QualityLevels(1)/Fragments(video)":           {},
		"/n/whep":            {Kind: WHEP, Channel: "n"},
		"/n/whep/5d2c-x":     {Kind: WHEP, Channel: "n", Name: "5d2c-x"},
		"/n/whep/a b":        {},
		"/n/embed.html":      {Kind: Embed, Channel: "n"},
		"/n/preview.jpg":     {Kind: Preview, Channel: "n"},
		"/n/media_info.json": {Kind: MediaInfo, Channel: "n"},
	} {
		if got := Parse(path); got != want {
			t.Errorf("%q: %+v, want %+v", path, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		Parse("/tv/news/" + seg + ".ts")
		Parse("/tv/news.isml/QualityLevels(1)/Fragments(a=2)")
		Parse("/tv/news/tracks-v1/part-17-3.m4s")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRoute(f *testing.F) {
	for _, s := range []string{"/news/index.m3u8", "/a/b/mpegts", "/news/2026/11/22/08/06/37-05000.ts", "//", "/a/../mpegts", "/n.isml/QualityLevels(1)/Fragments(a=2)", "/n/tracks-v1/part-17-3.m4s", "/n/dash/v1/1.m4s", "/n/whep/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := Parse(path)
		switch {
		case r.Kind == None:
			if r != (Route{}) {
				t.Errorf("%q: %+v", path, r)
			}
		case !Valid(r.Channel) || !strings.HasPrefix(path, "/"+r.Channel):
			t.Errorf("%q: channel %q", path, r.Channel)
		case r.Kind == Segment && r.Tracks == "" && path != "/"+r.Channel+"/"+r.Name+"."+r.Form:
			t.Errorf("%q: %+v", path, r)
		}
	})
}
