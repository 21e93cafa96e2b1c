package mux

import (
	"time"

	"sigma/mux/flow"
)

// entryKind says what an entry of the queue is.
type entryKind uint8

const (
	entryMedia  entryKind = iota // a packet of the input
	entryClock                   // a packet of the input of which only the PCR passes
	entryInfo                    // packets of one SI section
	entryTables                  // new PSI from here on
)

// entry is one thing that waits for its time.
type entry struct {
	kind   entryKind
	pid    uint16     // on the way out
	data   []byte     // entryMedia, entryClock: one packet, of the input; entryInfo: packets, ours
	place  int64      // packets of the input before it
	stc    flow.Ticks // programme clock at its place, once it is timed
	tables *tables    // entryTables
	joint  *joint     // another stretch of the input begins here
}

// joint is the border between two stretches of input.
type joint struct {
	jump   bool          // the programme clock does not go on across it
	at     time.Duration // if jump, when its entry leaves at the earliest
	byTime bool          // the stretch has no PCR: its clock is the time of arrival
}

// maxQueue bounds the entries that wait: 12 MB of packets, 2.4 s at 40 Mbit/s.
const maxQueue = 1 << 16

// queue is a first-in first-out of entries in two parts: those whose time is known,
// and after them those that wait for the next PCR.
type queue struct {
	ring  []entry // length is a power of two
	head  int
	count int
	timed int // of count
	jumps int // joints of the timed part whose clock does not go on
}

func (q *queue) at(i int) *entry { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

// push appends an entry, not yet timed.
func (q *queue) push(e entry) {
	if q.count == len(q.ring) {
		grown := make([]entry, max(256, 2*len(q.ring)))
		for i := range q.count {
			grown[i] = *q.at(i)
		}
		q.ring, q.head = grown, 0
	}
	q.count++
	*q.at(q.count - 1) = e
}

// first returns the oldest entry if its time is known, or nil.
func (q *queue) first() *entry {
	if q.timed == 0 {
		return nil
	}
	return q.at(0)
}

// horizon returns the time of the newest timed entry, and whether there is one.
func (q *queue) horizon() (flow.Ticks, bool) {
	if q.timed == 0 {
		return 0, false
	}
	return q.at(q.timed - 1).stc, true
}

// pop drops the oldest entry, which must be timed.
func (q *queue) pop() {
	e := q.at(0)
	if e.joint != nil && e.joint.jump {
		q.jumps--
	}
	*e = entry{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.count--
	q.timed--
}
