package headend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sigma/headend/config"
	"sigma/mux/flow"
	"sigma/mux/inspect"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// Analysis is what Analyze found.
type Analysis struct {
	Input    string           `json:"input"`
	Seconds  float64          `json:"seconds"`
	Bitrate  int64            `json:"bitrate"` // bit/s by the programme clock, or by arrival without one
	Packets  uint64           `json:"packets"`
	Nulls    uint64           `json:"null_packets"`
	Errors   AnalysisErrors   `json:"errors"`
	Services []AnalysisStream `json:"services"`
	PCR      []PCRAnalysis    `json:"pcr"`
	PIDs     []AnalysisPID    `json:"pids"`
}

// AnalysisErrors counts what is wrong in the stream.
type AnalysisErrors struct {
	Sync       uint64 `json:"sync"`
	Transport  uint64 `json:"transport"`
	Continuity uint64 `json:"continuity"`
	CRC        uint64 `json:"crc"`
	PCRJumps   uint64 `json:"pcr_discontinuity"`
	PCRGaps    uint64 `json:"pcr_interval"` // intervals above 100 ms (TR 101 290, 2.3a)
}

// Total returns the sum.
func (e AnalysisErrors) Total() uint64 {
	return e.Sync + e.Transport + e.Continuity + e.CRC + e.PCRJumps + e.PCRGaps
}

// AnalysisStream is one service.
type AnalysisStream struct {
	ID       uint16        `json:"id"`
	Name     string        `json:"name"`
	Provider string        `json:"provider"`
	PMT      uint16        `json:"pmt_pid"`
	PCR      uint16        `json:"pcr_pid"`
	Streams  []AnalysisPID `json:"streams"`
}

// AnalysisPID is one PID.
type AnalysisPID struct {
	PID        uint16 `json:"pid"`
	Codec      string `json:"codec,omitempty"`
	Detail     string `json:"detail,omitempty"`
	Language   string `json:"language,omitempty"`
	Bitrate    int64  `json:"bitrate"`
	Packets    uint64 `json:"packets"`
	Continuity uint64 `json:"continuity_errors"`
	Scrambled  uint64 `json:"scrambled_packets"`
}

// PCRAnalysis is the clock of one PID.
type PCRAnalysis struct {
	PID   uint16  `json:"pid"`
	Count int     `json:"count"`
	Mean  float64 `json:"mean_interval_ms"`
	Max   float64 `json:"max_interval_ms"`

	over  uint64
	first flow.Ticks
	last  flow.Ticks
	clock ts.Unwrapper
}

// Analyze measures a stream, a live one for the given time, and prints what it
// found. It reports whether no error was counted.
func Analyze(ctx context.Context, w io.Writer, input string, d time.Duration, asJSON bool) (clean bool, err error) {
	a := analyzer{pcr: map[uint16]*PCRAnalysis{}}
	if err := read(ctx, input, d, &a); err != nil {
		return false, err
	}
	out := a.result(input)
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return out.Errors.Total() == 0, e.Encode(out)
	}
	out.print(w)
	return out.Errors.Total() == 0, nil
}

// analyzer takes the packets of a stream.
type analyzer struct {
	inspect inspect.Inspector
	pcr     map[uint16]*PCRAnalysis
	order   []uint16
	began   time.Duration
	ended   time.Duration
	clock   [2]flow.Ticks // of the first and the last item with one
	packets uint64        // taken so far
	between [2]uint64     // as of those items
	sync    uint64        // bad sync bytes that the reader of a file met
	file    bool          // arrival is the clock of the stream, as nothing else is known
}

// Append implements flow.Appender.
func (a *analyzer) Append(it flow.Item[flow.Batch]) {
	if a.file {
		it.Arrived = time.Hour + (a.clock[1] - a.clock[0]).Duration()
	}
	if a.began == 0 {
		a.began = it.Arrived
	}
	a.ended = it.Arrived
	a.inspect.Feed(it, func(p flow.Item[flow.Batch]) {
		if p.V.Clock != 0 {
			if a.clock[0] == 0 {
				a.clock[0], a.between[0] = p.V.Clock, a.packets
			}
			a.clock[1], a.between[1] = p.V.Clock, a.packets
		}
		a.packets += uint64(len(p.V.Data) / flow.PacketSize)
	})
	for p := it.V.Data; len(p) >= flow.PacketSize; p = p[flow.PacketSize:] {
		if v, ok := ts.PCR(p); ok && !ts.TEI(p) {
			a.reference(ts.PID(p), v, ts.DiscontinuityIndicator(p))
		}
	}
}

func (a *analyzer) reference(pid uint16, raw uint64, flagged bool) {
	p := a.pcr[pid]
	if p == nil {
		p = &PCRAnalysis{PID: pid}
		a.pcr[pid] = p
		a.order = append(a.order, pid)
	}
	t, step := p.clock.Unwrap(raw)
	p.Count++
	if p.Count == 1 || flagged {
		p.first = t - (p.last - p.first)
	} else if ms := float64(step) / 27e3; ms > 0 {
		p.Max = max(p.Max, ms)
		if ms > 100 {
			p.over++
		}
	}
	p.last = t
}

func (a *analyzer) result(input string) Analysis {
	s := a.inspect.Snapshot()
	out := Analysis{
		Input: config.Redact(input), Seconds: (a.ended - a.began).Seconds(), Packets: s.Packets, Nulls: s.Null,
		Errors: AnalysisErrors{Sync: s.Sync + a.sync, Transport: s.Transport, Continuity: s.Continuity, CRC: s.CRC, PCRJumps: s.PCRJumps},
	}
	seconds := out.Seconds
	if n := a.between[1] - a.between[0]; n > 0 && a.clock[1] > a.clock[0] {
		// The clocks stand at the first packets of items; what is around them counts as well.
		seconds = (a.clock[1] - a.clock[0]).Duration().Seconds() * float64(a.packets) / float64(n)
	}
	rate := func(packets uint64) int64 {
		if seconds <= 0 {
			return 0
		}
		return int64(float64(packets) * 8 * flow.PacketSize / seconds)
	}
	out.Bitrate = rate(s.Packets)
	for _, pid := range a.order {
		p := a.pcr[pid]
		if p.Count > 1 {
			p.Mean = float64(p.last-p.first) / 27e3 / float64(p.Count-1)
		}
		out.Errors.PCRGaps += p.over
		out.PCR = append(out.PCR, *p)
	}
	for _, v := range s.Services {
		x := AnalysisStream{ID: v.ID, Name: v.Name.String(), Provider: v.Provider.String(), PMT: v.PMT, PCR: v.PCR}
		for _, t := range v.Tracks {
			x.Streams = append(x.Streams, AnalysisPID{
				PID: uint16(t.ID), Codec: t.CodecName(), Detail: t.Format, Language: t.Language,
				Bitrate: rate(t.Packets), Packets: t.Packets, Continuity: t.Continuity, Scrambled: t.Scrambled,
			})
		}
		out.Services = append(out.Services, x)
	}
	for _, p := range s.PIDs {
		out.PIDs = append(out.PIDs, AnalysisPID{PID: p.PID, Bitrate: rate(p.Packets), Packets: p.Packets, Continuity: p.Continuity, Scrambled: p.Scrambled})
	}
	return out
}

func (a Analysis) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n%d packets in %.1f s, %.3f Mbit/s, %d null\n", a.Input, a.Packets, a.Seconds, float64(a.Bitrate)/1e6, a.Nulls)
	e := a.Errors
	fmt.Fprintf(w, "errors: sync %d, transport %d, continuity %d, CRC %d, PCR discontinuity %d, PCR interval %d\n",
		e.Sync, e.Transport, e.Continuity, e.CRC, e.PCRJumps, e.PCRGaps)
	for _, s := range a.Services {
		fmt.Fprintf(w, "\nservice %d  %s  (%s)  PMT %d  PCR %d\n", s.ID, s.Name, s.Provider, s.PMT, s.PCR)
		for _, p := range s.Streams {
			fmt.Fprintf(w, "  %5d  %-14s %-24s %-4s %10.3f kbit/s  cc %d%s\n", p.PID, p.Codec, p.Detail, p.Language, float64(p.Bitrate)/1e3, p.Continuity, scrambledText(p))
		}
	}
	fmt.Fprintln(w)
	for _, p := range a.PCR {
		fmt.Fprintf(w, "PCR %5d  %d, every %.2f ms, at most %.2f ms\n", p.PID, p.Count, p.Mean, p.Max)
	}
	fmt.Fprintln(w)
	for _, p := range a.PIDs {
		fmt.Fprintf(w, "PID %5d  %10.3f kbit/s  %8d packets  cc %d%s\n", p.PID, float64(p.Bitrate)/1e3, p.Packets, p.Continuity, scrambledText(p))
	}
}

func scrambledText(p AnalysisPID) string {
	if p.Scrambled == 0 {
		return ""
	}
	return fmt.Sprintf("  scrambled %d", p.Scrambled)
}

// PSI prints every table of a stream, decoded.
func PSI(ctx context.Context, w io.Writer, input string, d time.Duration, asJSON bool) error {
	var c tables
	if err := read(ctx, input, d, &c); err != nil {
		return err
	}
	view := psi.View{Now: time.Now()}
	var nodes []psi.Node
	for t := range c.All() {
		nodes = append(nodes, view.DescribeSubTable(t))
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(nodes)
	}
	for _, n := range nodes {
		if err := n.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

// tables collects the tables of a stream.
type tables struct{ psi.Collector }

// Append implements flow.Appender.
func (t *tables) Append(it flow.Item[flow.Batch]) { t.Push(it.V.Data, nil) }

// ErrInput matches errors about what is no input, whatever arrives from it.
var ErrInput = errors.New("not an input")

// read feeds a file as fast as it can be read, or a live input for d.
func read(ctx context.Context, input string, d time.Duration, to flow.Appender[flow.Batch]) error {
	if !strings.Contains(input, "://") {
		return readFile(input, to)
	}
	if path, ok := strings.CutPrefix(input, "file://"); ok {
		return readFile(path, to)
	}
	src, err := modules{}.Source("analyze", 0, config.Input{URL: input})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	n := counting{to: to}
	err = src.Run(ctx, &n)
	switch {
	case ctx.Err() == nil && err != nil:
		return err
	case n.items == 0:
		return fmt.Errorf("%s: nothing arrived in %v: check the address, and for a group that the network lets it through (headend doctor)", config.Redact(input), d)
	}
	return nil
}

// counting counts what passes.
type counting struct {
	to    flow.Appender[flow.Batch]
	items int
}

// Append implements flow.Appender.
func (c *counting) Append(it flow.Item[flow.Batch]) {
	c.items++
	c.to.Append(it)
}

func readFile(path string, to flow.Appender[flow.Batch]) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var sync ts.Syncer
	if a, ok := to.(*analyzer); ok {
		a.file = true
		defer func() { a.sync = sync.Errors() }()
	}
	packets := 0
	emit := func(b []byte) {
		packets += len(b) / flow.PacketSize
		to.Append(flow.Item[flow.Batch]{V: flow.Batch{Data: b}})
	}
	for {
		buf := make([]byte, 64<<10) // what is cut out of it is kept
		n, err := f.Read(buf)
		sync.Feed(buf[:n], emit)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	sync.Flush(emit)
	if packets == 0 {
		return fmt.Errorf("%s: no transport stream: expected packets of 188, 192 or 204 bytes that begin with 0x47", path)
	}
	return nil
}
