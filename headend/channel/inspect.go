package channel

import (
	"time"

	"sigma/headend/config"
	"sigma/mux"
	"sigma/mux/inspect"
)

// newExtractor returns what picks and renames the programme of an input, or nil
// when everything passes as it is.
func newExtractor(ch config.Channel, in config.Input) (*mux.Extractor, error) {
	end, err := config.ParseInput(in.URL)
	if err != nil {
		return nil, err
	}
	sel, err := NewSelection(ch.ProgramID, ch.Service, ch.Provider, ch.PIDs)
	if err != nil {
		return nil, err
	}
	sel.Program = end.Program
	if sel.Program == 0 && !sel.Renames() {
		return nil, nil
	}
	return &mux.Extractor{Selection: sel}, nil
}

// NewSelection makes the selection of a programme of what the configuration says
// of it: everything is kept where an argument is zero.
func NewSelection(program uint16, service, provider string, pids config.PIDMap) (mux.Selection, error) {
	wishes, err := pids.Parse()
	if err != nil {
		return mux.Selection{}, err
	}
	sel := mux.Selection{ServiceID: program, Name: service, Provider: provider}
	for _, p := range wishes {
		sel.PIDs = append(sel.PIDs, mux.PID{Kind: p.Kind, Index: p.Index, Value: p.Value})
	}
	return sel, nil
}

// look takes a new snapshot of what the inspection knows, once a second, on the
// goroutine of the source.
func (in *input) look(now time.Duration) {
	if in.seen.Load() != nil && now-in.looked < time.Second {
		return
	}
	in.looked = now
	s := findings{Snapshot: in.inspect.Snapshot()}
	if in.extract != nil {
		st := in.extract.Status()
		s.service = &st
	}
	in.seen.Store(&s)
}

// findings is what the inspection of an input found.
type findings struct {
	inspect.Snapshot
	service *mux.ServiceStatus // nil when no programme is picked
}

// missing says what of the programme the input lacks, or nothing.
func (f *findings) missing() string {
	if f == nil || f.service == nil || f.service.State == mux.Found {
		return ""
	}
	return f.service.State.String()
}

// scrambled reports whether a stream of the programme on air is scrambled.
func (f *findings) scrambled(before *findings) bool {
	if f == nil || before == nil {
		return false
	}
	return f.Counters.Scrambled > before.Counters.Scrambled
}

func (f *findings) addTo(k *Counters) {
	if f == nil {
		return
	}
	k.Packets = f.Packets
	k.Sync += f.Sync
	k.Transport += f.Transport
	k.Continuity += f.Continuity
	k.Scrambled += f.Counters.Scrambled
	k.CRC += f.CRC
	k.PCRJumps += f.PCRJumps
}

// services puts the programmes found into the words of the status.
func (f *findings) services() []Service {
	if f == nil {
		return nil
	}
	var out []Service
	for _, s := range f.Services {
		v := Service{ID: s.ID, Name: s.Name.String(), Provider: s.Provider.String(), PMT: s.PMT, PCR: s.PCR}
		for _, t := range s.Tracks {
			v.PIDs = append(v.PIDs, PID{
				PID: uint16(t.ID), StreamType: t.StreamType, Codec: t.CodecName(), Detail: t.Format, Language: t.Language,
				Bitrate: t.Bitrate, Continuity: t.Continuity, Scrambled: t.Scrambled > 0,
			})
		}
		out = append(out, v)
	}
	return out
}
