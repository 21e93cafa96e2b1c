package rtp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp/codecs"

	"sigma/mux/flow"
)

// nal returns a NAL unit of a type with n random bytes behind its header.
func nal(r *rand.Rand, header []byte, n int) []byte {
	b := slices.Clone(header)
	for range n {
		b = append(b, byte(r.IntN(255)+1))
	}
	return b
}

// What is packed is unpacked by another's depacketiser to the same units.
func TestH264(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, sizes := range [][]int{{5}, {1167}, {1168}, {1169}, {30000}, {20, 8, 4, 50000}, {2500, 2500, 2500}, {10, 20, 30, 40}} {
		var units [][]byte
		for i, n := range sizes {
			units = append(units, nal(r, []byte{[]byte{0x67, 0x68, 0x65, 0x41}[i%4]}, n-1))
		}
		given := append([][]byte{{9, 0xF0}}, units...) // the delimiter stays behind
		packets := AppendPayloads(nil, flow.CodecH264, given, 1168)
		var want, got []byte
		for _, u := range units {
			want = append(binary.BigEndian.AppendUint32(want, uint32(len(u))), u...)
		}
		judge := codecs.H264Packet{IsAVC: true}
		for i, p := range packets {
			if len(p.Data) > 1168 || p.Marker != (i == len(packets)-1) {
				t.Errorf("%v: packet %d of %d has %d bytes, marker %v", sizes, i, len(packets), len(p.Data), p.Marker)
			}
			b, err := judge.Unmarshal(p.Data)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%v: other units come out", sizes)
		}
		if len(sizes) == 1 {
			equal(t, packets)
		}
	}
}

// equal checks that all packets but the last are of one size.
func equal(t *testing.T, packets []Payload) {
	t.Helper()
	for i, p := range packets {
		if last := i == len(packets)-1; !last && len(p.Data) != len(packets[0].Data) || last && len(p.Data) > len(packets[0].Data) {
			t.Errorf("packet %d of %d has %d bytes, the first %d", i, len(packets), len(p.Data), len(packets[0].Data))
		}
	}
}

func TestHEVC(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	units := [][]byte{nal(r, []byte{32 << 1, 1}, 20), nal(r, []byte{33 << 1, 1}, 30), nal(r, []byte{34 << 1, 1}, 8), nal(r, []byte{19 << 1, 1}, 9000)}
	packets := AppendPayloads(nil, flow.CodecHEVC, units, 1168)
	var judge codecs.H265Depacketizer
	var got, want []byte
	for _, u := range units {
		want = append(append(want, 0, 0, 0, 1), u...)
	}
	for _, p := range packets {
		b, err := judge.Unmarshal(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes come out, want %d", len(got), len(want))
	}
	equal(t, packets[1:])
}

func TestAV1(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	obu := func(kind byte, n int) (with, without []byte) {
		body := nal(r, nil, n)
		return append(appendLEB128([]byte{kind<<3 | 2}, n), body...), append([]byte{kind << 3}, body...)
	}
	for _, n := range []int{10, 1160, 1170, 20000} {
		delimiter, _ := obu(obuTemporalDelimiter, 0)
		sequence, s := obu(obuSequenceHeader, 11)
		frame, f := obu(6, n)
		packets := AppendPayloads(nil, flow.CodecAV1, [][]byte{slices.Concat(delimiter, sequence, frame)}, 1168)
		var judge codecs.AV1Depacketizer
		var got []byte
		for _, p := range packets {
			if len(p.Data) > 1168 {
				t.Errorf("%d bytes", len(p.Data))
			}
			b, err := judge.Unmarshal(p.Data)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b...)
		}
		want := slices.Concat(appendLEB128([]byte{s[0] | 2}, len(s)-1), s[1:], appendLEB128([]byte{f[0] | 2}, len(f)-1), f[1:])
		if !bytes.Equal(got, want) {
			t.Errorf("%d: %d bytes come out, want %d", n, len(got), len(want))
		}
		if packets[0].Data[0]&av1New == 0 {
			t.Error("the begin of a sequence is not marked")
		}
	}
}

func TestVP9(t *testing.T) {
	frame := nal(rand.New(rand.NewPCG(7, 8)), []byte{0x82}, 5000) // a key frame
	var judge codecs.VP9Packet
	var got []byte
	packets := AppendPayloads(nil, flow.CodecVP9, [][]byte{frame}, 1168)
	for i, p := range packets {
		b, err := judge.Unmarshal(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		if judge.P || judge.B != (i == 0) || judge.E != (i == len(packets)-1) {
			t.Errorf("packet %d: %+v", i, judge)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, frame) {
		t.Error("another frame comes out")
	}
}

func TestOpusControlHeader(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 300), []byte{2, 3}
	unit := slices.Concat([]byte{0x7F, 0xE0, 255, 45}, one, []byte{0x7F, 0xF0, 2, 0, 9}, two)
	got := OpusUnits(unit)
	if len(got) != 2 || !bytes.Equal(got[0], one) || !bytes.Equal(got[1], two) {
		t.Errorf("%d packets: %x", len(got), got)
	}
	if got := OpusUnits([]byte{0xFC, 1, 2}); len(got) != 1 || len(got[0]) != 3 {
		t.Errorf("a packet without header becomes %x", got)
	}
}

// Messages that pion writes are read, and ours are read by pion.
func TestFeedback(t *testing.T) {
	text, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 7, FractionLost: 26, TotalLost: 5, LastSequenceNumber: 70000, Jitter: 9, LastSenderReport: 11, Delay: 12}}},
		&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 7, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{65535, 0, 3, 40})},
		&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 7},
		&rtcp.FullIntraRequest{SenderSSRC: 1, MediaSSRC: 7, FIR: []rtcp.FIREntry{{SSRC: 8}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1 << 20, SSRCs: []uint32{7}},
		&rtcp.TransportLayerCC{
			Header:     rtcp.Header{Padding: true, Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 6},
			SenderSSRC: 1, MediaSSRC: 7, BaseSequenceNumber: 65534, PacketStatusCount: 4, ReferenceTime: 2, FbPktCount: 1,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.StatusVectorChunk{Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: 1, SymbolList: []uint16{1, 0, 2, 1, 0, 0, 0}}},
			RecvDeltas:   []*rtcp.RecvDelta{{Type: 1, Delta: 1000}, {Type: 2, Delta: -500}, {Type: 1, Delta: 250}},
		},
		&rtcp.Goodbye{Sources: []uint32{1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var (
		report   Report
		lost     []uint16
		refresh  []uint32
		rate     uint64
		arrivals []Arrival
		bye      bool
	)
	f := Feedback{
		Report: func(r Report) { report = r }, Lost: func(ssrc uint32, seq uint16) { lost = append(lost, seq) },
		Refresh: func(s uint32) { refresh = append(refresh, s) }, Bitrate: func(r uint64) { rate = r },
		Arrivals: func(a []Arrival) { arrivals = slices.Clone(a) }, Bye: func() { bye = true },
	}
	if !f.Parse(text) {
		t.Error("the message is taken for malformed")
	}
	const ms = time.Millisecond
	if report.SSRC != 7 || report.Lost != 26 || report.Highest != 70000 || report.LSR != 11 || report.DelaySR != 12 || report.Lifetime != 5 {
		t.Errorf("report %+v", report)
	}
	if !slices.Equal(lost, []uint16{65535, 0, 3, 40}) || !slices.Equal(refresh, []uint32{7, 8}) || rate != 1<<20 || !bye {
		t.Errorf("lost %v, refresh %v, rate %d, bye %v", lost, refresh, rate, bye)
	}
	want := []Arrival{{65534, true, 129 * ms}, {65535, false, 0}, {0, true, 128*ms + 500*time.Microsecond}, {1, true, 128*ms + 750*time.Microsecond}}
	if !slices.Equal(arrivals, want) {
		t.Errorf("arrivals %v, want %v", arrivals, want)
	}

	for n := range 9 {
		b := SenderReport{SSRC: 7, NTP: 1 << 40, Timestamp: 3, Packets: 4, Octets: 5, Name: "camera123"[:n]}.AppendTo(nil)
		packets, err := rtcp.Unmarshal(b)
		if err != nil || len(packets) != 2 {
			t.Fatalf("%d packets, %v", len(packets), err)
		}
		sr, sdes := packets[0].(*rtcp.SenderReport), packets[1].(*rtcp.SourceDescription)
		if sr.SSRC != 7 || sr.NTPTime != 1<<40 || sr.RTPTime != 3 || sr.PacketCount != 4 || sr.OctetCount != 5 || sdes.Chunks[0].Items[0].Text != "camera123"[:n] {
			t.Errorf("%+v %+v", sr, sdes)
		}
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0x8F, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 7, 0, 1, 0, 4, 0, 0, 2, 1, 0xD9, 0, 4, 4, 0, 1, 2, 0})
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 7, 26, 0, 0, 5, 0, 1, 17, 112, 0, 0, 0, 9, 0, 0, 0, 11, 0, 0, 0, 12})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		fb := Feedback{
			Report: func(Report) { n++ }, Lost: func(uint32, uint16) { n++ }, Refresh: func(uint32) { n++ },
			Bitrate: func(uint64) { n++ }, Arrivals: func(a []Arrival) { n += len(a) }, Bye: func() { n++ },
		}
		fb.Parse(b)
		if n > maxArrivals*(len(b)/20+1)+5*len(b) {
			t.Errorf("%d facts in %d bytes", n, len(b))
		}
	})
}

func FuzzPayloads(f *testing.F) {
	f.Add(byte(flow.CodecH264), []byte{0x65, 1, 2, 3}, 100)
	f.Add(byte(flow.CodecAV1), []byte{0x0A, 1, 2, 0x32, 0}, 100)
	f.Add(byte(flow.CodecOpus), []byte{0x7F, 0xE0, 1, 2}, 100)
	f.Fuzz(func(t *testing.T, codec byte, unit []byte, limit int) {
		units := [][]byte{unit, unit}
		for _, p := range AppendPayloads(nil, flow.Codec(codec), units, limit) {
			if len(p.Data) == 0 || len(p.Data) > max(limit, 64) {
				t.Errorf("a payload of %d bytes, at most %d are allowed", len(p.Data), max(limit, 64))
			}
		}
	})
}
