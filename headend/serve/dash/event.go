package dash

import (
	"encoding/base64"
	"hash/fnv"
	"strconv"
	"time"

	"sigma/headend/timeline"
)

// event is a splice cue in an EventStream (ANSI/SCTE 214-1 clause 6.7).
type event struct {
	id       uint32
	at       uint64 // since the begin of the period in 90 kHz
	duration uint64 // 0: unknown
	section  []byte
}

const eventScale = 90_000

// place puts the cues into the periods they take effect in. Those without a section,
// which stand for the end of a break that ends by itself, are told by its duration.
func (d *document) place(list []*timeline.Event) {
	for _, e := range list {
		if len(e.Section) == 0 {
			continue
		}
		var p *period
		for _, o := range d.periods {
			if !e.UTC.Before(o.begun) {
				p = o
			}
		}
		if p == nil {
			continue
		}
		p.events = append(p.events, event{
			id: eventID(e), at: scale(e.UTC.Sub(p.begun)), duration: scale(e.Duration), section: e.Section,
		})
	}
}

func scale(d time.Duration) uint64 {
	d = max(d, 0)
	return uint64(d/time.Second)*eventScale + (uint64(d%time.Second)*eventScale+uint64(time.Second)/2)/uint64(time.Second)
}

// eventID returns the Event@id of a cue: that of the splice for its begin. The end of
// it has the same in the stream, but clients take events of one id for one event.
func eventID(e *timeline.Event) uint32 {
	if n, err := strconv.ParseUint(e.ID, 10, 32); err == nil && e.Kind == timeline.EventOut {
		return uint32(n)
	}
	h := fnv.New32a()
	h.Write([]byte(e.ID))
	h.Write([]byte{byte(e.Kind)})
	h.Write(strconv.AppendInt(nil, int64(e.Time), 10))
	return h.Sum32()
}

func writeEvents(t *text, list []event) {
	if len(list) == 0 {
		return
	}
	t.str(`<EventStream schemeIdUri="urn:scte:scte35:2014:xml+bin"`)
	t.attrInt("timescale", eventScale)
	t.str(">\n")
	for _, e := range list {
		t.str("<Event")
		t.attrUint("presentationTime", e.at)
		if e.duration > 0 {
			t.attrUint("duration", e.duration)
		}
		t.attrUint("id", uint64(e.id))
		t.str(`><Signal xmlns="http://www.scte.org/schemas/35/2016"><Binary>`)
		t.b = base64.StdEncoding.AppendEncode(t.b, e.section)
		t.str("</Binary></Signal></Event>\n")
	}
	t.str("</EventStream>\n")
}
