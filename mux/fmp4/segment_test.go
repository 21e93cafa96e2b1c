package fmp4

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// decodeBox decodes one box with mp4ff, which must write it again as it is.
func decodeBox(t *testing.T, b []byte) mp4.Box {
	t.Helper()
	x, err := mp4.DecodeBox(0, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := x.Encode(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), b) {
		t.Errorf("mp4ff writes other bytes: %s", firstDifference(again.Bytes(), b))
	}
	return x
}

func TestStyp(t *testing.T) {
	for _, c := range []struct {
		indexed, last bool
		want          []string
	}{
		{false, false, []string{"msdh", "cmfs", "cmfl"}},
		{true, false, []string{"msdh", "cmfs", "cmfl", "msix"}},
		{false, true, []string{"msdh", "cmfs", "cmfl", "lmsg"}},
		{true, true, []string{"msdh", "cmfs", "cmfl", "msix", "lmsg"}},
	} {
		s := decodeBox(t, AppendStyp(nil, c.indexed, c.last)).(*mp4.StypBox)
		if got := s.CompatibleBrands(); s.MajorBrand() != "msdh" || !slices.Equal(got, c.want) {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

func TestProducerAndEvents(t *testing.T) {
	events := []Emsg{
		{0, "urn:scte:scte35:2013:bin", "1001", 90000, 900, 0xffffffff, 4, []byte{0xfc, 0x30}},
		{1, "https://aomedia.org/emsg/ID3", "", 48000, 1 << 40, 48000, 5, nil},
	}
	c := Chunk{TrackID: 9, Styp: true, Producer: &Producer{NTP(time.Date(2026, 11, 26, 1, 2, 3, 5e8, time.UTC)), 1 << 41, 24}, Events: events}
	var kinds []string
	var messages []*mp4.EmsgBox
	p := &mp4.PrftBox{}
	for x, err := range boxes(c.AppendHeader(nil)) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, string(x.kind))
		switch b := decodeBox(t, x.raw).(type) {
		case *mp4.PrftBox:
			p = b
		case *mp4.EmsgBox:
			messages = append(messages, b)
		}
	}
	if !slices.Equal(kinds, []string{"styp", "prft", "emsg", "emsg", "moof", "mdat"}) {
		t.Errorf("boxes %v", kinds)
	}
	if p.Version != 1 || p.Flags != 24 || p.ReferenceTrackID != 9 || p.MediaTime != 1<<41 || !p.NTPTimestamp.Time().Equal(time.Date(2026, 11, 26, 1, 2, 3, 5e8, time.UTC)) {
		t.Errorf("%+v, %v", p, p.NTPTimestamp.Time())
	}
	if len(messages) != len(events) {
		t.Fatalf("%d events", len(messages))
	}
	for i, e := range events {
		m := messages[i]
		if m.Version != e.Version || m.SchemeIDURI != e.Scheme || m.Value != e.Value || m.TimeScale != e.Timescale ||
			m.PresentationTime+uint64(m.PresentationTimeDelta) != e.Time || m.EventDuration != e.Duration || m.ID != e.ID || !bytes.Equal(m.MessageData, e.Data) {
			t.Errorf("%+v, want %+v", m, e)
		}
	}
}

func TestSidx(t *testing.T) {
	x := Index{TrackID: 3, Timescale: 90000, Time: 1 << 40, Offset: 7, References: []Reference{{1 << 20, 45000, true, false}, {100, 45000, false, true}}}
	b, err := AppendSidx(nil, &x)
	if err != nil {
		t.Fatal(err)
	}
	s := decodeBox(t, b).(*mp4.SidxBox)
	if s.ReferenceID != 3 || s.Timescale != 90000 || s.EarliestPresentationTime != 1<<40 || s.FirstOffset != 7 || len(s.SidxRefs) != 2 {
		t.Errorf("%+v", s)
	}
	want := []mp4.SidxRef{{ReferencedSize: 1 << 20, SubSegmentDuration: 45000, StartsWithSAP: 1, SAPType: 1}, {ReferencedSize: 100, SubSegmentDuration: 45000, ReferenceType: 1}}
	if !slices.Equal(s.SidxRefs, want) {
		t.Errorf("%+v", s.SidxRefs)
	}
	c := Chunk{TrackID: 3}
	all, err := ParseSegment(slices.Concat(AppendStyp(nil, true, false), b, c.AppendHeader(nil)), nil)
	if err != nil || len(all) != 1 || all[0].Index == nil {
		t.Fatalf("%+v, %v", all, err)
	}
	if got := all[0].Index; got.TrackID != x.TrackID || got.Time != x.Time || got.Offset != x.Offset || !slices.Equal(got.References, x.References) {
		t.Errorf("%+v is read as %+v", x, got)
	}
	for _, refs := range [][]Reference{make([]Reference, 1<<16), {{Size: 1 << 31}}, {{Size: -1}}} {
		if b, err := AppendSidx(make([]byte, 2), &Index{References: refs}); !errors.Is(err, ErrFormat) || len(b) != 2 {
			t.Errorf("%d references: %d bytes, %v", len(refs), len(b), err)
		}
	}
}

func TestNTP(t *testing.T) {
	if got := NTP(time.Unix(0, 0)); got != 2208988800<<32 {
		t.Errorf("1970 is %#x", got)
	}
	if got := NTP(time.Unix(1, 25e7)); got != 2208988801<<32|1<<30 {
		t.Errorf("a quarter past is %#x", got)
	}
}
