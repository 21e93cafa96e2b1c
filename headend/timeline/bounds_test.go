package timeline

import (
	"testing"
	"time"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// TestNothingPilesUp feeds frames without a clock, and with one that stands still.
func TestNothingPilesUp(t *testing.T) {
	pat, err := (&psi.PAT{TransportStreamID: 1, Programs: []psi.Program{{Number: 1, PID: 0x1000}}}).Sections()
	if err != nil {
		t.Fatal(err)
	}
	pmt, err := (&psi.PMT{ProgramNumber: 1, PCRPID: 0x100, Streams: []psi.Stream{{Type: psi.StreamH264, PID: 0x100}, {Type: psi.StreamMPEG2Audio, PID: 0x101}}}).Sections()
	if err != nil {
		t.Fatal(err)
	}
	for name, clock := range map[string]flow.Ticks{"no clock": 0, "a clock that stands still": flow.TicksPerSecond} {
		t.Run(name, func(t *testing.T) {
			tl := &Timeline{Name: "x", SegmentDuration: time.Second, SegmentCount: 3, UTC: func(d time.Duration) time.Time { return time.Unix(1_795_000_000, 0).Add(d) }}
			tl.cutter = &cutter{timeline: tl, broken: true, reel: newReel(tl)}
			data := (&psi.Packetizer{PID: 0}).AppendTo(nil, pat[0])
			data = (&psi.Packetizer{PID: 0x1000}).AppendTo(data, pmt[0])
			for i := range 20_000 {
				it := flow.Item[flow.Batch]{V: flow.Batch{Data: append(data, unit(uint8(i), uint64(1000+i*10))...), Clock: clock}}
				if i%25 == 0 {
					it.Marks = flow.RandomAccess
				}
				data = nil
				tl.cutter.push(it)
				if n := len(tl.cutter.reel.frames); n > maxFrames+100 || len(tl.cutter.queue) > maxFrames || len(tl.drafts) > maxDrafts+1 {
					t.Fatalf("after %d batches %d frames, %d batches and %d segments wait", i, n, len(tl.cutter.queue), len(tl.drafts))
				}
			}
		})
	}
}

// unit returns a packet with the begin of an access unit that says nothing.
func unit(cc uint8, pts uint64) []byte {
	p := ts.Null()
	ts.SetPID(p[:], 0x100)
	p[1] |= 0x40
	ts.SetCC(p[:], cc)
	copy(p[4:], []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21 | byte(pts>>29)&0x0E, byte(pts >> 22), byte(pts>>14) | 1, byte(pts >> 7), byte(pts<<1) | 1, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x41, 0x80})
	return p[:]
}
