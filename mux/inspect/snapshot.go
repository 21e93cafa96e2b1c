package inspect

import (
	"slices"

	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// Counters are totals of a stream since the Inspector began, in packets where
// nothing else is said.
type Counters struct {
	Packets    uint64 // null packets included
	Sync       uint64 // with a bad sync byte: nothing else of them counts
	Transport  uint64 // with transport_error_indicator: nothing else of them counts
	Continuity uint64 // breaks of a continuity counter that were not announced
	Scrambled  uint64
	CRC        uint64 // sections of PAT, PMT and SDT with a wrong CRC_32
	PCRJumps   uint64 // breaks of the time base that were not announced
}

// PIDCounters are totals of one PID, in packets.
type PIDCounters struct {
	Packets    uint64
	Continuity uint64
	Transport  uint64
	Scrambled  uint64
}

// Snapshot is what an Inspector knows at one time. It shares nothing with the
// Inspector that changes.
type Snapshot struct {
	Counters
	TransportStreamID uint16
	Program           uint16     // the programme that is followed, 0 for none yet
	Clock             flow.Ticks // of the item fed last, 0 while unknown
	Bitrate           int64      // bit/s, null packets included, of the last window of a second or more
	Null              uint64     // null packets
	Services          []Service  // in the order of the PAT
	PIDs              []PID      // all that were met, by number, without null packets
}

// Service is one programme.
type Service struct {
	ID       uint16   // program_number
	PMT      uint16   // PID
	PCR      uint16   // PID, 0x1FFF for none
	Name     psi.Text // of the SDT, empty while unknown
	Provider psi.Text
	Tracks   []Track
}

// Track is one elementary stream of a programme.
type Track struct {
	flow.Track
	Format string // "1920x1080i25", "48 kHz stereo"; empty while unknown
	PIDCounters
	Bitrate int64 // bit/s
}

// CodecName returns the name of the codec as operators know it: "H.264".
func (t Track) CodecName() string { return es.Name(t.Codec) }

// PID is what was met of one PID.
type PID struct {
	PID uint16
	PIDCounters
	Bitrate int64 // bit/s
}

// Snapshot returns what is known now. It must be called from the goroutine that
// calls Feed; the result may go anywhere.
func (in *Inspector) Snapshot() Snapshot {
	s := Snapshot{
		Counters:          in.total,
		TransportStreamID: in.tabs.stream,
		Program:           in.tabs.chosen,
		Clock:             in.clock.last,
		Bitrate:           in.rates.total,
	}
	for _, v := range in.tabs.services {
		n := in.tabs.names[v.number]
		x := Service{ID: v.number, PMT: v.pmt, PCR: v.pcr, Name: n.service, Provider: n.provider}
		for _, t := range v.tracks {
			x.Tracks = append(x.Tracks, in.track(t))
		}
		s.Services = append(s.Services, x)
	}
	for i := range in.pids {
		p := &in.pids[i]
		switch {
		case p.id == ts.NullPID:
			s.Null = p.count.Packets
		case p.count.Packets > 0:
			s.PIDs = append(s.PIDs, PID{p.id, p.count, p.rate})
		}
	}
	slices.SortFunc(s.PIDs, func(a, b PID) int { return int(a.PID) - int(b.PID) })
	return s
}

func (in *Inspector) track(t flow.Track) Track {
	p := in.pid(uint16(t.ID))
	x := Track{Track: t, PIDCounters: p.count, Bitrate: p.rate}
	if p.head != nil {
		x.Format = p.head.detail
	}
	return x
}
