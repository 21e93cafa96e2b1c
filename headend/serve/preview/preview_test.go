package preview_test

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/serve/preview"
	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
)

// still is a source whose view a test sets.
type still struct{ v atomic.Pointer[timeline.View] }

func (s *still) View() *timeline.View { return s.v.Load() }

func (s *still) show(segments ...*timeline.Segment) { s.v.Store(&timeline.View{Segments: segments}) }

// packets is a segment of which only packets are known.
func packets(at time.Time) *timeline.Segment {
	return &timeline.Segment{Name: timeline.FormatName(at, 2*time.Second), Start: at, Independent: true, TS: timeline.Packets{{0x47}}}
}

func handler(t *testing.T, s reply.Source) *preview.Handler {
	c := &preview.Channel{Source: s}
	ffmpeg, _ := exec.LookPath("ffmpeg")
	return &preview.Handler{Root: t.Context(), FFmpeg: ffmpeg, Log: slog.New(slog.DiscardHandler), Lookup: func(name string) *preview.Channel {
		if name == "tv/news" {
			return c
		}
		return nil
	}}
}

func get(h http.Handler, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/tv/news/preview.jpg", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestJudges holds that ffprobe, file and the decoder of Go see a JPEG with square
// pixels for every codec.
func TestJudges(t *testing.T) {
	source := []string{"-f", "lavfi", "-i", "testsrc2=size=720x576:rate=25,setsar=16/11", "-t", "5", "-g", "25", "-pix_fmt", "yuv420p"}
	for _, c := range []struct {
		name, width, height string
		capture             func() []byte
		packets             bool
	}{
		{"ladder", "640", "360", func() []byte { return timelinetest.Ladder(t, 5, 25) }, false},
		{"H.264", "640", "352", func() []byte {
			return timelinetest.Make(t, append(slices.Clone(source), "-c:v", "libx264", "-preset", "ultrafast")...)
		}, false},
		{"H.264 packets", "640", "352", func() []byte {
			return timelinetest.Make(t, append(slices.Clone(source), "-c:v", "libx264", "-preset", "ultrafast")...)
		}, true},
		{"HEVC", "640", "352", func() []byte {
			return timelinetest.Make(t, append(slices.Clone(source), "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1")...)
		}, false},
		{"MPEG-2", "640", "360", func() []byte { return timelinetest.Make(t, append(slices.Clone(source), "-c:v", "mpeg2video")...) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := timelinetest.New(timelinetest.Options{})
			tl.PacketsOnly = c.packets
			timelinetest.Feed(t, tl, timelinetest.Inspected(c.capture(), 0))
			began := time.Now()
			w := get(handler(t, tl))
			t.Logf("%d bytes in %v", w.Body.Len(), time.Since(began).Round(time.Millisecond))
			segments := tl.View().Segments
			want := segments[len(segments)-1].Start.Truncate(time.Second).UTC().Format(http.TimeFormat)
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/jpeg" || w.Header().Get("Last-Modified") != want {
				t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			path := filepath.Join(t.TempDir(), "preview.jpg")
			if err := os.WriteFile(path, w.Body.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height,sample_aspect_ratio", "-of", "csv=p=0", path).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != "mjpeg,"+c.width+","+c.height+",1:1" {
				t.Errorf("ffprobe: %v %s", err, got)
			}
			if file, err := exec.LookPath("file"); err == nil {
				if out, _ := exec.Command(file, "-b", path).Output(); !strings.HasPrefix(string(out), "JPEG image data") {
					t.Errorf("file: %s", out)
				}
			}
			if _, err := jpeg.Decode(bytes.NewReader(w.Body.Bytes())); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBudget holds that many who ask at once get one decode, that a channel is decoded
// once per interval, and what is told while no decoder is free.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 11, 22, 8, 6, 30, 0, time.UTC)
		var one, two still
		one.show(packets(at))
		two.show(packets(at))
		decodes, hold := 0, make(chan struct{})
		h := handler(t, &one)
		other := &preview.Channel{Source: &two}
		first := h.Lookup
		h.Lookup = func(name string) *preview.Channel {
			if name == "b" {
				return other
			}
			return first(name)
		}
		h.Slots = 1
		h.Decode = func(context.Context, preview.Input) ([]byte, error) {
			decodes++
			<-hold
			return []byte("jpeg"), nil
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if w := get(h); w.Code != http.StatusOK || w.Body.String() != "jpeg" {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/b/preview.jpg", nil))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("beyond the budget: %d %v", w.Code, w.Header())
		}
		close(hold)
		all.Wait()
		if decodes != 1 {
			t.Errorf("%d decodes for 50 who asked at once", decodes)
		}
		one.show(packets(at), packets(at.Add(2*time.Second)))
		if w := get(h, "If-Modified-Since", at.Format(http.TimeFormat)); w.Code != http.StatusNotModified || decodes != 1 {
			t.Errorf("within the interval: %d, %d decodes", w.Code, decodes)
		}
		<-time.After(5 * time.Second)
		if w := get(h); w.Header().Get("Last-Modified") != at.Add(2*time.Second).Format(http.TimeFormat) || decodes != 2 {
			t.Errorf("after the interval: %v, %d decodes", w.Header(), decodes)
		}
		<-time.After(time.Hour)
		if get(h); decodes != 2 {
			t.Errorf("nothing new: %d decodes", decodes)
		}
	})
}

// TestTrouble holds what is told of a key frame that cannot be decoded: the last picture
// for a minute, then why.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 11, 22, 8, 6, 30, 0, time.UTC)
		var s still
		s.v.Store(&timeline.View{})
		h := handler(t, &s)
		var fails error
		h.Decode = func(context.Context, preview.Input) ([]byte, error) { return []byte("jpeg"), fails }
		if w := get(h); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("no media: %d %v", w.Code, w.Header())
		}
		s.show(packets(at))
		if w := get(h); w.Code != http.StatusOK {
			t.Errorf("as soon as there is media: %d %s", w.Code, w.Body)
		}
		fails = errors.New("broken")
		<-time.After(6 * time.Second)
		s.show(packets(at.Add(6 * time.Second)))
		if w := get(h); w.Code != http.StatusOK {
			t.Errorf("one that fails: %d %s", w.Code, w.Body)
		}
		<-time.After(61 * time.Second)
		if w := get(h); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "broken") {
			t.Errorf("for a minute: %d %s", w.Code, w.Body)
		}
	})
}

// TestDecoderEnds holds that a decoder that hangs is killed, with its time and with the
// box, and that nonsense is an answer and not a wait.
func TestDecoderEnds(t *testing.T) {
	hang := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(hang, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var s still
	s.show(packets(time.Now()))
	h := handler(t, &s)
	ffmpeg := h.FFmpeg
	h.FFmpeg, h.Limit = hang, 100*time.Millisecond
	began := time.Now()
	if w := get(h); w.Code != http.StatusServiceUnavailable || time.Since(began) > 5*time.Second {
		t.Errorf("a decoder that hangs: %d after %v", w.Code, time.Since(began))
	}
	h = handler(t, &s)
	root, end := context.WithCancel(t.Context())
	h.Root, h.FFmpeg, h.Limit = root, hang, time.Minute
	time.AfterFunc(100*time.Millisecond, end)
	if w := get(h); w.Code != http.StatusServiceUnavailable || time.Since(began) > 10*time.Second {
		t.Errorf("the end of the box: %d after %v", w.Code, time.Since(began))
	}
	if ffmpeg == "" {
		t.Skip("needs ffmpeg")
	}
	h = handler(t, &s)
	if w := get(h); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "no picture") {
		t.Errorf("nonsense: %d %s", w.Code, w.Body)
	}
}
