package dash_test
import ("testing";"sigma/headend/timeline/timelinetest")
func TestDump(t *testing.T) {
	tl := timelinetest.Play(t, timelinetest.Ladder(t, 9, 25), timelinetest.Options{Texts: ticking})
	h := offer(tl)
	t.Log(mpd(t, h, "index.mpd"))
	t.Log(mpd(t, h, "index.ll.mpd?token=a$b"))
}
