package mux

import (
	"sigma/mux/flow"
	"sigma/mux/ts"
)

const (
	// repeatPSI is the interval of PAT and PMT: 90 % of the 100 ms of TS 101 154,
	// so that waiting for a slot does not cross it.
	repeatPSI flow.Ticks = 90 * flow.TicksPerSecond / 1000
	// repeatSDT keeps the SDT below 1.8 s; the limit of TS 101 211 is 2 s.
	repeatSDT flow.Ticks = 1500 * flow.TicksPerSecond / 1000
	// sectionGap is the shortest time between two sections of one table (EN 300
	// 468 clause 5.1.4).
	sectionGap = 25 * flow.TicksPerSecond / 1000
	// siSpacing keeps packets of one SI PID 1504 µs apart: their transport buffer
	// of 512 bytes empties at 1 Mbit/s (ISO/IEC 13818-1 clause 2.4.2.4).
	siSpacing = flow.TicksPerSecond * 8 * ts.PacketSize / 1_000_000
	// maxSI bounds the passing SI that waits for its spacing, in bytes.
	maxSI = 256 * ts.PacketSize
)

// carousel sends the tables again and again, and SI of the input once, one packet
// at a time. All times are of the slot clock.
type carousel struct {
	cycles []cycle
	queue  []byte // packets of SI of the input
	free   map[uint16]flow.Ticks
}

// cycle is one table of the carousel.
type cycle struct {
	packets  []byte
	sent     int // bytes of packets in this round
	interval flow.Ticks
	due      flow.Ticks // of the next packet
	start    flow.Ticks // of this round
}

// load takes new tables, which are sent at once but for the gap that receivers may
// ask for between two sections.
func (c *carousel) load(tables []PSITable, now flow.Ticks) {
	old := c.cycles
	c.cycles = nil
	for i, t := range tables {
		due := now
		if i < len(old) {
			due = max(now, old[i].start+2*sectionGap)
		}
		c.cycles = append(c.cycles, cycle{packets: t.Packets, interval: flow.FromDuration(t.Interval), due: due})
	}
}

// push queues the packets of a section, unless there is no room.
func (c *carousel) push(section []byte) bool {
	if len(c.queue)+len(section) > maxSI {
		return false
	}
	c.queue = append(c.queue, section...)
	return true
}

// next returns the packet that is due, or nil. It is valid until the next call.
func (c *carousel) next(now flow.Ticks) []byte {
	for i := range c.cycles {
		y := &c.cycles[i]
		if now < y.due {
			continue
		}
		if y.sent == 0 {
			y.start = now
		}
		p := y.packets[y.sent : y.sent+ts.PacketSize]
		if y.sent += ts.PacketSize; y.sent < len(y.packets) {
			y.due = now + siSpacing
		} else {
			y.sent, y.due = 0, max(y.start+y.interval, now+sectionGap)
		}
		return p
	}
	if len(c.queue) == 0 {
		return nil
	}
	p := c.queue[:ts.PacketSize]
	pid := ts.PID(p)
	if now < c.free[pid] {
		return nil
	}
	if c.free == nil { // other tables may come before those that are made here
		c.free = map[uint16]flow.Ticks{}
	}
	c.free[pid] = now + siSpacing
	if c.queue = c.queue[ts.PacketSize:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return p
}
