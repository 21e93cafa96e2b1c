package es

import "fmt"

// Audio object types of ISO/IEC 14496-3 table 1.17.
const (
	aacMain = 1
	aacLC   = 2
	aacLTP  = 4
	aacSBR  = 5
	aacPS   = 29
)

// aacConfig is an AudioSpecificConfig (ISO/IEC 14496-3 clause 1.6.2.1) of AAC.
type aacConfig struct {
	object    int  // of the core
	extension int  // aacSBR or aacPS, 0: not said
	rate      int  // Hz, of the core
	extRate   int  // Hz, of the extension
	channels  int  // of the core
	short     bool // frames of 960 samples
}

// readAACConfig reads an AudioSpecificConfig. ok is false if it is not one of AAC
// whose frames stand alone.
func readAACConfig(r *bitReader) (c aacConfig, ok bool) {
	begin := r.at
	c.object = aacObject(r)
	c.rate = aacFrequency(r)
	config := int(r.bits(4))
	if c.object == aacSBR || c.object == aacPS {
		c.extension = c.object
		c.extRate = aacFrequency(r)
		c.object = aacObject(r)
	}
	if c.object != aacMain && c.object != aacLC && c.object != 3 && c.object != aacLTP {
		return c, false
	}
	c.short = r.bits(1) == 1 // frameLengthFlag
	if r.bits(1) == 1 {      // dependsOnCoreCoder
		r.skip(14)
	}
	extended := r.bits(1) == 1
	c.channels = aacChannelCount(config)
	if config == 0 {
		c.channels = readPCE(r, begin)
	}
	return c, !extended && !r.short && c.rate > 0 && c.channels > 0 && (c.extension == 0 || c.extRate > 0)
}

// sync reads the extension that may follow the configuration where its length is
// known (clause 1.6.3.7).
func (c *aacConfig) sync(r *bitReader, end int) {
	if c.extension != 0 || end-r.at < 16 || r.bits(11) != 0x2B7 || aacObject(r) != aacSBR || r.bits(1) == 0 {
		return
	}
	c.extension, c.extRate = aacSBR, aacFrequency(r)
	if end-r.at >= 12 && r.bits(11) == 0x548 && r.bits(1) == 1 {
		c.extension = aacPS
	}
}

func aacObject(r *bitReader) int {
	n := int(r.bits(5))
	if n == 31 {
		n = 32 + int(r.bits(6))
	}
	return n
}

func aacFrequency(r *bitReader) int {
	if i := int(r.bits(4)); i != 15 {
		return aacRate(i)
	}
	return int(r.bits(24))
}

// aacRateIndex returns samplingFrequencyIndex, 15 if the rate has none.
func aacRateIndex(rate int) uint32 {
	for i := range 13 {
		if aacRate(i) == rate {
			return uint32(i)
		}
	}
	return 15
}

// aacChannelCount returns the channels of channelConfiguration (table 1.19), 0 if a
// program config element has to tell.
func aacChannelCount(config int) int {
	switch {
	case config >= 1 && config <= 6:
		return config
	case config == 7, config == 12, config == 14:
		return 8
	case config == 11:
		return 7
	case config == 13:
		return 24
	}
	return 0
}

// readPCE reads a program_config_element (clause 4.4.1.1) and returns the number of
// its channels. Its padding counts from the bit begin on.
func readPCE(r *bitReader, begin int) (channels int) {
	channels = pceChannels(r)
	if over := (r.at - begin) % 8; over != 0 {
		r.skip(8 - over)
	}
	r.skip(8 * int(r.bits(8))) // comment
	return channels
}

// pceChannels reads a program_config_element up to its padding.
func pceChannels(r *bitReader) (channels int) {
	r.skip(4 + 2 + 4) // element_instance_tag, object_type, sampling_frequency_index
	elements := int(r.bits(4)) + int(r.bits(4)) + int(r.bits(4))
	lfe, assoc, coupling := int(r.bits(2)), int(r.bits(3)), int(r.bits(4))
	optional(r, 4)
	optional(r, 4)
	optional(r, 3)
	for range elements {
		channels += 1 + int(r.bits(1))
		r.skip(4)
	}
	r.skip(4*lfe + 4*assoc + 5*coupling)
	return channels + lfe
}

// format makes the format of AAC with this configuration, of which record is the
// bytes.
func (c *aacConfig) format(f Format, record []byte) Format {
	f.Record, f.SampleRate, f.Channels, f.FrameSamples = record, c.rate, c.channels, 1024
	object := c.object
	if c.short {
		f.FrameSamples = 960
	}
	if c.extension != 0 {
		object = c.extension
		f.FrameSamples = f.FrameSamples * c.extRate / c.rate
		f.SampleRate = c.extRate
	}
	if c.extension == aacPS && c.channels == 1 {
		f.Channels = 2
	}
	f.RFC6381 = fmt.Sprintf("mp4a.40.%d", object)
	return f
}
