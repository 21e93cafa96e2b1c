package es

import (
	"slices"

	"sigma/mux/flow"
)

// Format is what decoders, containers and manifests need to know of a track. It is a
// plain value; the bytes of Record are immutable.
type Format struct {
	Codec flow.Codec

	// RFC6381 is the codecs parameter: "avc1.64001f", "mp4a.40.2" (RFC 6381 clause 3,
	// ISO/IEC 14496-15 annex E, and the binding of each codec).
	RFC6381 string
	// Record is the body of the configuration box of the sample entry, without box
	// header: of avcC, hvcC, av1C (ISO/IEC 14496-15), vpcC, dac3, dec3 (TS 102 366 annex
	// F), dOps; of AAC the AudioSpecificConfig (ISO/IEC 14496-3 clause 1.6.2.1). Empty
	// where the codec needs none.
	Record []byte

	Width, Height  int    // luma samples after cropping; 0 for audio
	SARNum, SARDen int    // sample aspect ratio; 1:1 when the stream does not say
	RateNum        int    // frames per second (of fields, two count as one); 0 when unknown
	RateDen        int    // 1 or 1001 mostly
	Interlaced     bool   // coded as fields or with field timing
	Reordered      bool   // pictures may leave the decoder in another order (B-frames)
	Colour         Colour // code points of ISO/IEC 23091-2; zero when unknown

	SampleRate   int // Hz; 0 for video
	Channels     int
	FrameSamples int // audio samples per frame, at SampleRate

	// Captions are the closed captions found in the video: "CC1" to "CC4" for CEA-608
	// channels, "SERVICE1" to "SERVICE63" for CEA-708 (as INSTREAM-ID of RFC 8216).
	Captions []string
}

// Colour is the colour description of a video track: colour_primaries,
// transfer_characteristics and matrix_coefficients of ISO/IEC 23091-2; 2 or 0 means
// unspecified.
type Colour struct {
	Primaries, Transfer, Matrix uint8
	FullRange                   bool
}

// Same reports whether a decoder that was set up with f can go on with o: only what
// the sample entry tells counts, not captions.
func (f *Format) Same(o *Format) bool {
	return f.Codec == o.Codec && f.RFC6381 == o.RFC6381 && f.Width == o.Width && f.Height == o.Height &&
		f.SARNum == o.SARNum && f.SARDen == o.SARDen && f.SampleRate == o.SampleRate && f.Channels == o.Channels &&
		slices.Equal(f.Record, o.Record)
}
