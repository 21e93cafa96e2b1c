package config

import "reflect"

// ChannelDelta says which parts of a channel differ between two configurations,
// so that only those need to be touched. It compares effective values: writing a
// default out is no change.
type ChannelDelta struct {
	Name    string
	Added   bool // only in the new configuration
	Removed bool // only in the old one
	Toggled bool // Disabled differs
	Labels  bool // title or comment differ: nothing that runs is concerned
	Choice  bool // time-outs, return, probing, priorities or the order of inputs differ
	Rewrite bool // service id, names or PIDs on the way out differ
	Segment bool // duration, count or protocols of playout differ

	Doors bool // how viewers come in differs: on_play, prepush or start_track

	// Inputs and Outputs have one entry for each item of the new channel: the place
	// of the same item in the old channel, or -1 if it must be made. Items of the old
	// channel that are not named are gone. An input is the same if it would be opened
	// in the same way; an output is the same if it would send the same.
	Inputs  []int
	Outputs []int

	inputsGone, outputsGone bool
}

// InputsChanged reports whether an input must be opened or closed.
func (d ChannelDelta) InputsChanged() bool { return d.inputsGone || missing(d.Inputs) }

// OutputsChanged reports whether an output must be opened or closed.
func (d ChannelDelta) OutputsChanged() bool { return d.outputsGone || missing(d.Outputs) }

// Touches reports whether anything that runs is concerned.
func (d ChannelDelta) Touches() bool {
	return d.Added || d.Removed || d.Toggled || d.Choice || d.Rewrite || d.Segment || d.Doors || d.InputsChanged() || d.OutputsChanged()
}

func missing(from []int) bool {
	for _, i := range from {
		if i < 0 {
			return true
		}
	}
	return false
}

// Deltas compares the channels of two configurations by name: those of b in their
// order, then those that are gone. Channels without any difference are left out.
func Deltas(a, b Config) []ChannelDelta {
	var out []ChannelDelta
	for i := range b.Channels {
		ch := b.Channels[i]
		old := a.Channel(ch.Name)
		if old == nil {
			d := Delta(Channel{Name: ch.Name}, ch)
			d.Added = true
			out = append(out, d)
			continue
		}
		if d := Delta(*old, ch); d.Touches() || d.Labels {
			out = append(out, d)
		}
	}
	for _, ch := range a.Channels {
		if b.Channel(ch.Name) == nil {
			out = append(out, ChannelDelta{Name: ch.Name, Removed: true, inputsGone: len(ch.Inputs) > 0, outputsGone: len(ch.Outputs) > 0})
		}
	}
	return out
}

// Delta compares two states of one channel.
func Delta(a, b Channel) ChannelDelta {
	a, b = a.Effective(), b.Effective()
	d := ChannelDelta{
		Name:    b.Name,
		Toggled: a.Disabled != b.Disabled,
		Labels:  a.Title != b.Title || a.Comment != b.Comment,
		Choice:  a.ReturnDelay != b.ReturnDelay || a.NoReturn != b.NoReturn || a.Recheck != b.Recheck,
		Rewrite: a.ProgramID != b.ProgramID || a.Service != b.Service || a.Provider != b.Provider || a.PIDs != b.PIDs,
		Segment: a.SegmentDuration != b.SegmentDuration || a.SegmentCount != b.SegmentCount || a.ChunkDuration != b.ChunkDuration ||
			a.HLSSCTE35 != b.HLSSCTE35 ||
			!reflect.DeepEqual(a.Protocols, b.Protocols),
		Doors: a.OnPlay != b.OnPlay || a.Prepush != b.Prepush || a.StartTrack != b.StartTrack,
	}
	d.Inputs = matchEqual(opening(a.Inputs), opening(b.Inputs))
	d.Outputs = matchEqual(sending(a.Outputs), sending(b.Outputs))
	d.inputsGone = gone(d.Inputs, len(a.Inputs))
	d.outputsGone = gone(d.Outputs, len(a.Outputs))
	for j, i := range d.Inputs {
		if i >= 0 {
			old, in := a.Inputs[i], b.Inputs[j]
			d.Choice = d.Choice || i != j || old.Priority != in.Priority || old.SourceTimeout != in.SourceTimeout
			d.Labels = d.Labels || old.Comment != in.Comment
		}
	}
	for j, i := range d.Outputs {
		d.Labels = d.Labels || i >= 0 && (i != j || a.Outputs[i].Comment != b.Outputs[j].Comment)
	}
	return d
}

// gone reports whether an item of the n old ones is not among from.
func gone(from []int, n int) bool {
	for _, i := range from {
		if i >= 0 {
			n--
		}
	}
	return n > 0
}

// opening strips inputs of what does not change how they are opened.
func opening(in []Input) []Input {
	out := make([]Input, len(in))
	for i, v := range in {
		v.Priority, v.SourceTimeout, v.Comment = 0, 0, ""
		if len(v.Headers) == 0 {
			v.Headers = nil
		}
		out[i] = v
	}
	return out
}

// sending strips outputs of what does not change what they send.
func sending(o []Output) []Output {
	out := make([]Output, len(o))
	for i, v := range o {
		v.Comment = ""
		out[i] = v
	}
	return out
}
