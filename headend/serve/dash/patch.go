package dash

import (
	"net/http"
	"slices"
	"strconv"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
)

// patch answers with what has changed since the version of an MPD that the client has
// (clause 5.15). When nothing has, the answer waits until something does: a client
// knows of a segment as soon as there is one, and asks no more often than that.
func (h *Handler) patch(q request) (n int64, ok bool) {
	if q.query.from.IsZero() {
		q.Refuse(http.StatusBadRequest, "a patch needs the publishTime of the MPD to be patched")
		return 0, false
	}
	first := q.c.Source.View()
	late := q.c.patience.After(ask.Hold(first))
	for {
		v := q.c.Source.View()
		now := h.newest(q)
		if now == nil {
			return 0, false
		}
		if !now.doc.publish.Equal(q.query.from) {
			return q.sendPatch(now.doc), true
		}
		if !ask.Pause(q.R.Context(), v, late) {
			break
		}
	}
	if q.R.Context().Err() == nil {
		hd := q.W.Header()
		hd.Set("Cache-Control", reply.NoCache)
		q.W.WriteHeader(http.StatusNoContent) // the MPD is still valid
	}
	return 0, false
}

// sendPatch answers with the patch to now. Of a version that is not kept there is none;
// the answer is then a patch of another version, since this is what makes clients load
// the whole MPD: on an error they would ask for the patch again until its time is over.
func (q *request) sendPatch(now *document) int64 {
	old := q.c.cell(q.key()).of(q.query.from)
	var t text
	if old == nil {
		writePatchHead(&t, now, now)
		replaceAttr(&t, "/MPD/@publishTime", date(now.publish))
	} else {
		writePatchHead(&t, old, now)
		now.patchOf(&t, old)
	}
	t.str("</Patch>\n")
	b := t.b
	if q.query.Token != "" {
		b = withToken(b, t.marks, q.query.Token)
	}
	hd := q.W.Header()
	hd.Set("Content-Type", patchType)
	hd.Set("Cache-Control", "no-cache")
	return reply.Send(q.W, b)
}

func writePatchHead(t *text, old, now *document) {
	t.str(`<?xml version="1.0" encoding="UTF-8"?>`, "\n", `<Patch xmlns="urn:mpeg:dash:schema:mpd-patch:2020"`)
	t.attr("mpdId", now.id)
	t.attr("originalPublishTime", date(old.publish))
	t.attr("publishTime", date(now.publish))
	t.str(">\n")
}

// patchOf appends the operations (RFC 5261) that make d of old. They select by id and
// position only, one attribute or element each: what players understand.
func (d *document) patchOf(t *text, old *document) {
	replaceAttr(t, "/MPD/@publishTime", date(d.publish))
	for i, a := range d.attrs {
		if old.attrs[i].value != a.value {
			replaceAttr(t, "/MPD/@"+a.name, a.value)
		}
	}
	t.str(`<replace sel="/MPD/PatchLocation[1]">`)
	d.location(t)
	t.str("</replace>\n")
	last := old.periods[len(old.periods)-1].id // periods are only ever added behind it
	for _, p := range d.periods {
		if o := old.named(p.id); o != nil {
			d.patchPeriod(t, o, p)
			continue
		}
		t.str(`<add sel="/MPD/Period[@id='`, last, `']" pos="after">`)
		d.period(t, p)
		t.str("</add>\n")
		last = p.id
	}
	for _, o := range old.periods {
		if d.named(o.id) == nil {
			t.str(`<remove sel="/MPD/Period[@id='`, o.id, `']"/>`, "\n")
		}
	}
}

// named returns a period by its id, or nil.
func (d *document) named(id string) *period {
	for _, p := range d.periods {
		if p.id == id {
			return p
		}
	}
	return nil
}

func replaceAttr(t *text, sel, value string) {
	t.str(`<replace sel="`, sel, `">`)
	t.escaped(value)
	t.str("</replace>\n")
}

func (d *document) patchPeriod(t *text, old, p *period) {
	path := "/MPD/Period[@id='" + p.id + "']"
	same := slices.EqualFunc(old.events, p.events, func(a, b event) bool {
		return a.id == b.id && a.at == b.at && a.duration == b.duration && string(a.section) == string(b.section)
	})
	switch {
	case same:
	case len(old.events) == 0:
		t.str(`<add sel="`, path, `" pos="prepend">`)
		writeEvents(t, p.events)
		t.str("</add>\n")
	case len(p.events) == 0:
		t.str(`<remove sel="`, path, `/EventStream[1]"/>`, "\n")
	default:
		t.str(`<replace sel="`, path, `/EventStream[1]">`)
		writeEvents(t, p.events)
		t.str("</replace>\n")
	}
	for _, s := range p.sets {
		for _, r := range s.reps {
			if o := old.find(s.id, r.track.ID); o != nil {
				r.patch(t, path+"/AdaptationSet[@id='"+strconv.FormatUint(s.id, 10)+"']/Representation[@id='"+r.track.ID+"']", o)
			}
		}
	}
}

// find returns a representation by its ids, or nil.
func (p *period) find(set uint64, id string) *representation {
	for _, s := range p.sets {
		for _, r := range s.reps {
			if s.id == set && r.track.ID == id {
				return r
			}
		}
	}
	return nil
}

// patch appends what has changed in a representation: its timeline loses runs in
// front, and grows, or has its last segment corrected, at the end.
func (r *representation) patch(t *text, path string, old *representation) {
	if r.bandwidth != old.bandwidth {
		replaceAttr(t, path+"/@bandwidth", strconv.FormatInt(r.bandwidth, 10))
	}
	path += "/SegmentTemplate/SegmentTimeline"
	was := old.runs
	for len(was) > 0 && was[0].end() <= r.runs[0].t {
		t.str(`<remove sel="`, path, `/S[1]"/>`, "\n")
		was = was[1:]
	}
	for n := len(was); n > len(r.runs); n-- {
		t.str(`<remove sel="`, path, "/S[", strconv.Itoa(n), `]"/>`, "\n")
		was = was[:n-1]
	}
	for i, s := range r.runs[:len(was)] {
		if s != was[i] {
			t.str(`<replace sel="`, path, "/S[", strconv.Itoa(i+1), `]">`)
			s.write(t)
			t.str("</replace>\n")
		}
	}
	if more := r.runs[len(was):]; len(more) > 0 {
		t.str(`<add sel="`, path, `">`)
		for _, s := range more {
			s.write(t)
		}
		t.str("</add>\n")
	}
}
