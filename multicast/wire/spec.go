package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

const (
	// MaxDatagram is the longest payload of one datagram in bytes.
	MaxDatagram = slotSize - slotHeader
	// MaxOutputs is the number of outputs one process sends.
	MaxOutputs = 1024
	// MaxHold is the longest time an output is held without a daemon.
	MaxHold = time.Hour

	packetSize     = 188
	packetsPerGram = 7
	rtpHeader      = 12
	maxSets        = 64
	maxPackets     = 256 // of all sets of one output
)

// ErrSpec says that the description of an output is not usable.
var ErrSpec = errors.New("bad output")

// Spec describes one output. It is comparable: two outputs with equal Specs may
// follow each other on the same ring.
type Spec struct {
	ID        string         `json:"id"`   // names the output across restarts of the daemon, 1 to 128 bytes
	To        netip.AddrPort `json:"to"`   // group or host, and port
	Interface string         `json:"via"`  // name; empty leaves the choice to the routing table
	Source    netip.Addr     `json:"from"` // address to send from; invalid leaves the choice to the system
	TTL       int            `json:"ttl"`  // 0 to 255, also the IPv6 hop limit
	DSCP      int            `json:"dscp"` // 0 to 63
	Loop      bool           `json:"loop"` // let receivers on this box hear the group
	RTP       bool           `json:"rtp"`  // datagrams begin with 12 bytes of RTP header, whose sequence number and SSRC the sender sets
	Rate      int64          `json:"rate"` // bit/s of transport stream, for the size of the ring and for hold; 0 means as is
}

// Check returns an error that wraps ErrSpec and says what is wrong with s, or nil.
func (s Spec) Check() error {
	switch {
	case s.ID == "" || len(s.ID) > 128:
		return fmt.Errorf("%w: id of %d bytes, want 1 to 128", ErrSpec, len(s.ID))
	case !s.To.IsValid() || s.To.Addr().IsUnspecified() || s.To.Addr().Is4In6() || s.To.Addr().Zone() != "":
		return fmt.Errorf("%w %s: address %s, want an IPv4 or IPv6 group or host", ErrSpec, s.ID, s.To)
	case s.To.Port() == 0:
		return fmt.Errorf("%w %s: port 0, want 1 to 65535", ErrSpec, s.ID)
	case len(s.Interface) > 15:
		return fmt.Errorf("%w %s: interface name of %d bytes, want at most 15", ErrSpec, s.ID, len(s.Interface))
	case s.Source.IsValid() && s.Source.Is4() != s.To.Addr().Is4():
		return fmt.Errorf("%w %s: source %s is not of the family of %s", ErrSpec, s.ID, s.Source, s.To)
	case s.TTL < 0 || s.TTL > 255:
		return fmt.Errorf("%w %s: ttl %d, want 0 to 255", ErrSpec, s.ID, s.TTL)
	case s.DSCP < 0 || s.DSCP > 63:
		return fmt.Errorf("%w %s: dscp %d, want 0 to 63", ErrSpec, s.ID, s.DSCP)
	case s.Rate < 0 || s.Rate > 1_000_000_000:
		return fmt.Errorf("%w %s: rate %d bit/s, want 0 to 1000000000", ErrSpec, s.ID, s.Rate)
	}
	return nil
}

// slots returns the size of the ring that keeps about 1.5 s of the output.
func (s Spec) slots() int {
	rate := s.Rate
	if rate == 0 {
		rate = 20_000_000
	}
	return int(max(128, min(rate*3/2/(8*packetsPerGram*packetSize)+16, maxSlots)))
}

// holdPeriod returns the time between two held datagrams.
func (s Spec) holdPeriod() time.Duration {
	rate := s.Rate
	if rate == 0 {
		rate = 1_000_000 // enough for the tables, harmless to who shares the link
	}
	return max(time.Duration(packetsPerGram*packetSize*8*int64(time.Second)/rate), 10*time.Microsecond)
}

// PSISet is a run of transport stream packets that is repeated while an output is
// held: one table or several with the same repetition interval.
type PSISet struct {
	Interval time.Duration `json:"interval"` // 10 ms to 1 min
	Packets  []byte        `json:"packets"`  // whole packets of 188 bytes; continuity counters are set when sent
}

// checkSets returns an error that wraps ErrSpec unless every packet of the sets is
// one that may be repeated.
func checkSets(sets []PSISet) error {
	if len(sets) > maxSets {
		return fmt.Errorf("%w: %d PSI sets, want at most %d", ErrSpec, len(sets), maxSets)
	}
	total := 0
	for i, s := range sets {
		n := len(s.Packets) / packetSize
		total += n
		switch {
		case s.Interval < 10*time.Millisecond || s.Interval > time.Minute:
			return fmt.Errorf("%w: PSI set %d repeats every %v, want 10ms to 1m", ErrSpec, i, s.Interval)
		case n == 0 || len(s.Packets)%packetSize != 0:
			return fmt.Errorf("%w: PSI set %d has %d bytes, want a multiple of 188", ErrSpec, i, len(s.Packets))
		case total > maxPackets:
			return fmt.Errorf("%w: more than %d PSI packets", ErrSpec, maxPackets)
		}
		for p := range n {
			if s.Packets[p*packetSize] != 0x47 {
				return fmt.Errorf("%w: packet %d of PSI set %d has no sync byte", ErrSpec, p, i)
			}
		}
	}
	return nil
}

// pidOf returns the PID of a transport stream packet.
func pidOf(p []byte) uint16 { return binary.BigEndian.Uint16(p[1:]) & 0x1fff }

// hasPayload reports whether adaptation_field_control announces a payload, which
// is what makes the continuity counter count (ISO/IEC 13818-1 clause 2.4.3.3).
func hasPayload(p []byte) bool { return p[3]&0x10 != 0 }
