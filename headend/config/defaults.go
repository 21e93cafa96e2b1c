package config

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The values that hold where the configuration is silent.
const (
	DefaultLanguage        = "en"
	DefaultHTTP            = ":8080"
	DefaultSSH             = ":2222"
	DefaultSourceTimeout   = Duration(5 * time.Second)
	DefaultReturnDelay     = Duration(10 * time.Second)
	DefaultMaxRetry        = Duration(30 * time.Second)
	DefaultSegmentDuration = Duration(5 * time.Second)
	DefaultSegmentCount    = 6
	DefaultChunkDuration   = Duration(500 * time.Millisecond)
	DefaultHLSSCTE35       = "rfc8216"
	DefaultWebRTC          = ":8189"
	DefaultPrepush         = Duration(10 * time.Second)
	DefaultTTL             = 16 // hops: through the distribution network, not out of it
)

// AllProtocols returns the ways of playout that Channel.Protocols may name: "cmaf" is
// LL-HLS, "mss" Smooth Streaming, "player" embed.html and "jpeg" preview.jpg.
func AllProtocols() []string {
	return []string{"hls", "cmaf", "dash", "mss", "webrtc", "mpegts", "player", "jpeg"}
}

// Defaults returns the configuration of a new box: no channels, every field of
// Box filled.
func Defaults() Config {
	return Config{Box: Box{Name: "headend", Language: DefaultLanguage, HTTP: DefaultHTTP, SSH: DefaultSSH, WebRTC: DefaultWebRTC}}
}

// Clone returns a copy that shares nothing with c.
func (c Channel) Clone() Channel {
	c.Protocols = slices.Clone(c.Protocols)
	c.Inputs = slices.Clone(c.Inputs)
	for i := range c.Inputs {
		c.Inputs[i].Headers = maps.Clone(c.Inputs[i].Headers)
	}
	c.Outputs = slices.Clone(c.Outputs)
	for i := range c.Outputs {
		if ttl := c.Outputs[i].TTL; ttl != nil {
			v := *ttl
			c.Outputs[i].TTL = &v
		}
	}
	return c
}

// Effective returns a copy of c with every default filled in, for use: inputs
// carry the time-out and the priority that hold for them, outputs the labels of
// their channel. What is stored keeps what the operator wrote.
func (c Config) Effective() Config {
	c = c.Clone()
	d := Defaults().Box
	c.Box.Name = cmp.Or(c.Box.Name, d.Name)
	c.Box.Language = cmp.Or(c.Box.Language, d.Language)
	c.Box.HTTP = cmp.Or(c.Box.HTTP, d.HTTP)
	c.Box.SSH = cmp.Or(c.Box.SSH, d.SSH)
	c.Box.WebRTC = cmp.Or(c.Box.WebRTC, d.WebRTC)
	for i := range c.Channels {
		c.Channels[i] = c.Channels[i].Effective()
		c.Channels[i].OnPlay = cmp.Or(c.Channels[i].OnPlay, c.Box.OnPlay)
	}
	return c
}

// Effective is Config.Effective for one channel.
func (c Channel) Effective() Channel {
	c = c.Clone()
	c.SourceTimeout = cmp.Or(c.SourceTimeout, DefaultSourceTimeout)
	c.ReturnDelay = cmp.Or(c.ReturnDelay, DefaultReturnDelay)
	c.SegmentDuration = cmp.Or(c.SegmentDuration, DefaultSegmentDuration)
	c.SegmentCount = cmp.Or(c.SegmentCount, DefaultSegmentCount)
	c.ChunkDuration = cmp.Or(c.ChunkDuration, DefaultChunkDuration)
	c.HLSSCTE35 = cmp.Or(c.HLSSCTE35, DefaultHLSSCTE35)
	c.Prepush = cmp.Or(c.Prepush, DefaultPrepush)
	if len(c.Protocols) == 0 {
		c.Protocols = AllProtocols()
	}
	for i := range c.Inputs {
		in := &c.Inputs[i]
		in.SourceTimeout = cmp.Or(in.SourceTimeout, c.SourceTimeout)
		in.MaxRetry = cmp.Or(in.MaxRetry, DefaultMaxRetry)
		in.Priority = cmp.Or(in.Priority, i+1)
	}
	for i := range c.Outputs {
		o := &c.Outputs[i]
		o.Service = cmp.Or(o.Service, c.Service)
		o.Provider = cmp.Or(o.Provider, c.Provider)
		o.ProgramID = cmp.Or(o.ProgramID, c.ProgramID)
		o.PIDs = cmp.Or(o.PIDs, c.PIDs)
		if o.TTL == nil {
			ttl := DefaultTTL
			if e, err := ParseOutput(o.URL); err == nil && e.Loopback() {
				ttl = 0
			}
			o.TTL = &ttl
		}
	}
	return c
}

// Order returns the places in Inputs of the inputs that are not disabled, best
// first: by priority, equals in the order of the list.
func (c Channel) Order() []int {
	var out []int
	for i, in := range c.Inputs {
		if !in.Disabled {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Compare(cmp.Or(c.Inputs[a].Priority, a+1), cmp.Or(c.Inputs[b].Priority, b+1))
	})
	return out
}
