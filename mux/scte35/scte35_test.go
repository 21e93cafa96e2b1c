package scte35

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	judge "github.com/Comcast/scte35-go/pkg/scte35"

	"sigma/mux/psi"
)

// samples are the sections of SCTE 35 (2023) clause 14, and two of broadcasters.
var samples = []struct{ section, text string }{
	{"/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==",
		"time_signal at 21388.766 s; segmentation event 1207959694 provider placement opportunity start for 307.000 s upid 8:000000002ca0a18a"},
	{"/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=",
		"splice_insert event 1207959695 out at 21514.559 s for 60.293 s; avail 309"},
	{"/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=",
		"time_signal at 21695.740 s; segmentation event 1207959694 provider placement opportunity end upid 8:000000002ca0a18a"},
	{"/DBIAAAAAAAA///wBQb+ek2ItgAyAhdDVUVJSAAAGH+fCAgAAAAALMvDRBEAAAIXQ1VFSUgAABl/nwgIAAAAACyk26AQAACZcuND",
		"time_signal at 22798.906 s; segmentation event 1207959576 programme end upid 8:000000002ccbc344; segmentation event 1207959577 programme start upid 8:000000002ca4dba0"},
	{"/DAvAAAAAAAA///wBQb+rr//ZAAZAhdDVUVJSAAACH+fCAgAAAAALKVs9RcAAJUdsKg=",
		"time_signal at 32575.759 s; segmentation event 1207959560 programme overlap start upid 8:000000002ca56cf5"},
	{"/DBIAAAAAAAA///wBQb+ky44CwAyAhdDVUVJSAAACn+fCAgAAAAALKCh4xgAAAIXQ1VFSUgAAAl/nwgIAAAAACygoYoRAAC0IX6w", ""},
	{"/DAvAAAAAAAA///wBQb+rvF8TAAZAhdDVUVJSAAAB3+fCAgAAAAALKVslxEAAMSHai4=", ""},
	{"/DBhAAAAAAAA///wBQb+qM1E7QBLAhdDVUVJSAAArX+fCAgAAAAALLLXnTUCAAIXQ1VFSUgAACZ/nwgIAAAAACyy150RAAACF0NVRUlIAAAnf58ICAAAAAAsstezEAAAihiGnw==", ""},
	{"/DAlAAAAAAAAAP/wFAUAAAABf+/+LRQrAP4BI9MIAAEBAQAAfxV6SQ==", "splice_insert event 1 out at 8403.293 s for 212.500 s"},
	{"/DARAAAAAAAAAP/wAAAAAHpPv/8=", "splice_null"},
}

func wire(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// made are sections with what the samples have not.
func made() []*Section {
	length := uint64(1<<40 - 1)
	full := &Segmentation{
		EventID: 7, Components: []SegmentationComponent{{Tag: 1, PTSOffset: 1<<33 - 1}, {Tag: 2}},
		Restrictions: &Restrictions{WebDeliveryAllowed: true, ArchiveAllowed: true, Device: 2}, Duration: &length,
		UPIDType: 0x09, UPID: []byte("SIGNAL:abc"), TypeID: 0x34, SegmentNum: 1, SegmentsExpected: 2, Sub: &SubSegment{3, 4},
	}
	adjusted := New(&TimeSignal{Time: Time{Known: true, PTS: PTSModulus - 1}}, full, &Segmentation{EventID: 8, Cancel: true})
	adjusted.PTSAdjustment, adjusted.Tier, adjusted.CWIndex = 90_000, 0x123, 4
	return []*Section{
		adjusted,
		New(&Insert{EventID: 1, Cancel: true}),
		New(&Insert{EventID: 2, OutOfNetwork: true, Program: true, Immediate: true, Break: &BreakDuration{AutoReturn: true, Duration: 1<<33 - 1}, UniqueProgramID: 9, AvailNum: 1, AvailsExpected: 2}),
		New(&Insert{EventID: 3, Components: []InsertComponent{{1, Time{Known: true, PTS: 5}}, {2, Time{}}}}, &Avail{ProviderAvailID: 1 << 31}),
		New(&Insert{EventID: 4, Immediate: true, Components: []InsertComponent{{Tag: 1}}}),
		New(&TimeSignal{}, &Other{TagDTMF, []byte("CUEI\x0A\x3F*12#")[:7]}),
		New(&Null{}),
	}
}

func TestSamples(t *testing.T) {
	for _, x := range samples {
		b := wire(t, x.section)
		s, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.AppendTo([]byte("x")); err != nil || !bytes.Equal(again[1:], b) {
			t.Errorf("%x written again is %x, %v", b, again, err)
		}
		if got := s.String(); x.text != "" && got != x.text {
			t.Errorf("%s", got)
		}
		compare(t, s, b)
	}
}

// TestMade writes sections, which we and the judge must read as they were meant.
func TestMade(t *testing.T) {
	for _, s := range made() {
		b, err := s.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("%+v is read as %+v", s, got)
		}
		compare(t, s, b)
	}
}

// compare compares a section with what the judge reads.
func compare(t *testing.T, s *Section, b []byte) {
	t.Helper()
	if c, ok := s.Command.(*Insert); ok && c.Cancel {
		return // the judge wants what is not there then
	}
	var j judge.SpliceInfoSection
	if err := j.Decode(b); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if j.PTSAdjustment != s.PTSAdjustment || j.Tier != uint32(s.Tier) || j.SAPType != uint32(s.SAPType) || len(j.SpliceDescriptors) != len(s.Descriptors) {
		t.Errorf("%+v, the judge has %+v", s, j)
	}
	switch c := s.Command.(type) {
	case *Insert:
		x, ok := j.SpliceCommand.(*judge.SpliceInsert)
		if !ok || x.SpliceEventID != c.EventID || x.SpliceEventCancelIndicator != c.Cancel || x.OutOfNetworkIndicator != c.OutOfNetwork ||
			x.SpliceImmediateFlag != c.Immediate || len(x.Components) != len(c.Components) || x.UniqueProgramID != uint32(c.UniqueProgramID) {
			t.Errorf("%+v, the judge has %+v", c, x)
		}
		if (x.BreakDuration != nil) != (c.Break != nil) || c.Break != nil && (x.BreakDuration.Duration != c.Break.Duration || x.BreakDuration.AutoReturn != c.Break.AutoReturn) {
			t.Errorf("%+v, the judge has %+v", c.Break, x.BreakDuration)
		}
		if c.Program && !c.Immediate && (x.Program == nil || *x.Program.SpliceTime.PTSTime != c.Time.PTS) {
			t.Errorf("%+v, the judge has %+v", c.Time, x.Program)
		}
	case *TimeSignal:
		x, ok := j.SpliceCommand.(*judge.TimeSignal)
		if !ok || (x.SpliceTime.PTSTime != nil) != c.Time.Known || c.Time.Known && *x.SpliceTime.PTSTime != c.Time.PTS {
			t.Errorf("%+v, the judge has %+v", c, x)
		}
	}
	for i, d := range s.Descriptors {
		switch d := d.(type) {
		case *Avail:
			if x, ok := j.SpliceDescriptors[i].(*judge.AvailDescriptor); !ok || x.ProviderAvailID != d.ProviderAvailID {
				t.Errorf("%+v, the judge has %+v", d, j.SpliceDescriptors[i])
			}
		case *Segmentation:
			x, ok := j.SpliceDescriptors[i].(*judge.SegmentationDescriptor)
			if !ok || x.SegmentationEventID != d.EventID || x.SegmentationEventCancelIndicator != d.Cancel || x.SegmentationTypeID != uint32(d.TypeID) ||
				x.SegmentNum != uint32(d.SegmentNum) || len(x.Components) != len(d.Components) {
				t.Errorf("%+v, the judge has %+v", d, x)
				continue
			}
			if (x.SegmentationDuration != nil) != (d.Duration != nil) || d.Duration != nil && *d.Duration != *x.SegmentationDuration {
				t.Errorf("%+v, the judge has %+v", d, x)
			}
			if (x.DeliveryRestrictions != nil) != (d.Restrictions != nil) || d.Restrictions != nil && (x.DeliveryRestrictions.DeviceRestrictions != uint32(d.Restrictions.Device) ||
				x.DeliveryRestrictions.WebDeliveryAllowedFlag != d.Restrictions.WebDeliveryAllowed || x.DeliveryRestrictions.NoRegionalBlackoutFlag != d.Restrictions.NoRegionalBlackout) {
				t.Errorf("%+v, the judge has %+v", d.Restrictions, x.DeliveryRestrictions)
			}
			if (x.SubSegmentNum != nil) != (d.Sub != nil) || d.Sub != nil && *x.SubSegmentNum != uint32(d.Sub.Num) {
				t.Errorf("%+v, the judge has %+v", d.Sub, x.SubSegmentNum)
			}
		}
	}
}

// signed puts the right length and CRC_32 to a section.
func signed(b []byte) []byte {
	b = slices.Clone(b)
	n := len(b) + 1
	b[1], b[2] = b[1]&0xF0|byte(n>>8), byte(n)
	crc := psi.CRC32(b)
	return append(b, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
}

func TestRefuses(t *testing.T) {
	for _, x := range samples {
		b := wire(t, x.section)
		for n := range b {
			if _, err := Parse(b[:n]); err == nil {
				t.Errorf("%x is read", b[:n])
			}
			hurt := slices.Clone(b)
			hurt[n] ^= 0x10
			if _, err := Parse(hurt); err == nil {
				t.Errorf("%x is read", hurt)
			}
			if n < 15 {
				continue
			}
			if _, err := Parse(signed(b[:n])); err == nil && n < len(b)-4 && !strings.Contains(x.section, "DAvAAAAAAAA") {
				t.Errorf("%x is read", signed(b[:n]))
			}
		}
	}
	big := New(&TimeSignal{})
	for range 20 {
		big.Descriptors = append(big.Descriptors, &Segmentation{UPID: make([]byte, 230)})
	}
	for name, s := range map[string]*Section{
		"4097 bytes": big, "no command": {}, "upid": New(&TimeSignal{}, &Segmentation{UPID: make([]byte, 256)}),
		"pts": New(&TimeSignal{Time: Time{Known: true, PTS: PTSModulus}}), "tier": {Tier: 1 << 12, Command: &Null{}},
		"components": New(&Insert{Components: make([]InsertComponent, 256)}),
	} {
		if b, err := s.AppendTo(nil); !errors.Is(err, ErrRange) || len(b) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerbatim has what is not known, or not as it should be.
func TestVerbatim(t *testing.T) {
	null := wire(t, samples[9].section)
	signal := wire(t, samples[0].section)
	insert := wire(t, samples[1].section)
	edit := func(b []byte, f func(b []byte)) []byte {
		b = slices.Clone(b[:len(b)-4])
		f(b)
		return signed(b)
	}
	for name, b := range map[string][]byte{
		"private command": signed(append(slices.Clone(null[:11]), 0xF0, 6, 0xFF, 'a', 'b', 'c', 'd', 1, 2, 0, 0)),
		"stuffing":        signed(append(slices.Clone(null[:len(null)-4]), 0xFF, 0xFF)),
		"no length":       edit(insert, func(b []byte) { b[11], b[12] = 0xFF, 0xFF }),
		"long command":    signed(append(slices.Clone(null[:11]), 0xF0, 2, 0, 1, 2, 0, 0)),
		"reserved zeros":  edit(insert, func(b []byte) { b[18], b[19] = 0, 0xE0 }),
		"other owner":     edit(signal, func(b []byte) { b[23] = 'X' }),
		"short":           edit(signal, func(b []byte) { b[37] = 200 }), // segmentation_upid_length
		"encrypted":       edit(signal, func(b []byte) { b[4] |= 0x82 }),
	} {
		s, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, err := s.AppendTo(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: %x written again is %x, %v", name, b, again, err)
		}
		if s.String() == "" {
			t.Error(name)
		}
	}
}

func TestJSON(t *testing.T) {
	s, err := Parse(wire(t, samples[0].section))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	want := `{"command_type":"time_signal","sap_type":3,"protocol_version":0,"pts_adjustment":0,"cw_index":255,"tier":4095,` +
		`"splice_command":{"splice_time":{"known":true,"pts":1924989008}},"descriptors":[{"segmentation_event_id":1207959694,"program":true,` +
		`"restrictions":{"web_delivery_allowed":false,"no_regional_blackout":true,"archive_allowed":true,"device_restrictions":3},` +
		`"segmentation_duration":27630000,"upid_type":8,"upid":"AAAAACygoYo=","segmentation_type_id":52,"segment_num":2,"segments_expected":0}],` +
		`"descriptor_types":["segmentation: provider placement opportunity start"]}`
	if err != nil || string(b) != want {
		t.Errorf("%s\n%v", b, err)
	}
	if TypeName(0x35) != "provider placement opportunity end" || TypeName(0x51) != "network end" || TypeName(0xF0) != "type 0xf0" {
		t.Error(TypeName(0x35), TypeName(0x51), TypeName(0xF0))
	}
}

func FuzzParse(f *testing.F) {
	for _, x := range samples {
		b := wire(f, x.section)
		f.Add(b[:len(b)-4])
	}
	for _, s := range made() {
		b, err := s.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:len(b)-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 3 || len(b) > psi.MaxPrivateSection-4 {
			return
		}
		b[0] = 0xFC
		b = signed(b)
		s, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := s.AppendTo(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x written again is %x, %v", b, again, err)
		}
		if _, err := json.Marshal(s); err != nil || s.String() == "" {
			t.Error(err)
		}
		if pts, _ := s.At(); pts >= PTSModulus {
			t.Error(pts)
		}
	})
}
