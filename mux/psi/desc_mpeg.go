package psi

// VideoStream is video_stream_descriptor, tag 0x02 (ISO/IEC 13818-1 clause
// 2.6.2).
type VideoStream struct {
	MultipleFrameRate     bool  // multiple_frame_rate_flag
	FrameRateCode         uint8 // frame_rate_code, 4 bits
	MPEG1Only             bool  // MPEG_1_only_flag: the fields below StillPicture are absent
	ConstrainedParameters bool  // constrained_parameter_flag
	StillPicture          bool  // still_picture_flag
	ProfileAndLevel       uint8
	ChromaFormat          uint8 // 2 bits
	FrameRateExtension    bool  // frame_rate_extension_flag
}

// Tag returns descriptor_tag.
func (*VideoStream) Tag() uint8 { return 0x02 }

func (d *VideoStream) code(c *coder) {
	c.flag(&d.MultipleFrameRate)
	bits(c, 4, &d.FrameRateCode)
	c.flag(&d.MPEG1Only)
	c.flag(&d.ConstrainedParameters)
	c.flag(&d.StillPicture)
	if !d.MPEG1Only {
		bits(c, 8, &d.ProfileAndLevel)
		bits(c, 2, &d.ChromaFormat)
		c.flag(&d.FrameRateExtension)
		c.reserved(5)
	}
}

// AudioStream is audio_stream_descriptor, tag 0x03 (ISO/IEC 13818-1 clause
// 2.6.4).
type AudioStream struct {
	FreeFormat   bool  // free_format_flag
	ID           bool  // ID bit of the audio header: MPEG-1
	Layer        uint8 // 2 bits as in the audio header: 3 is layer I
	VariableRate bool  // variable_rate_audio_indicator
}

// Tag returns descriptor_tag.
func (*AudioStream) Tag() uint8 { return 0x03 }

func (d *AudioStream) code(c *coder) {
	c.flag(&d.FreeFormat)
	c.flag(&d.ID)
	bits(c, 2, &d.Layer)
	c.flag(&d.VariableRate)
	c.reserved(3)
}

// Registration is registration_descriptor, tag 0x05 (ISO/IEC 13818-1 clause
// 2.6.8).
type Registration struct {
	Format string // format_identifier: four bytes such as "CUEI", "HDMV", "AC-3"
	Info   []byte // additional_identification_info
}

// Tag returns descriptor_tag.
func (*Registration) Tag() uint8 { return 0x05 }

func (d *Registration) code(c *coder) {
	c.chars(4, &d.Format)
	c.rest(&d.Info)
}

// DataStreamAlignment is data_stream_alignment_descriptor, tag 0x06 (ISO/IEC
// 13818-1 clause 2.6.10).
type DataStreamAlignment struct {
	Type uint8 // alignment_type
}

// Tag returns descriptor_tag.
func (*DataStreamAlignment) Tag() uint8 { return 0x06 }

func (d *DataStreamAlignment) code(c *coder) { bits(c, 8, &d.Type) }

// CADescriptor is CA_descriptor, tag 0x09 (ISO/IEC 13818-1 clause 2.6.16): the
// EMM PID in a CAT, the ECM PID in a PMT.
type CADescriptor struct {
	SystemID uint16 `text:"%#04x"` // CA_system_ID
	PID      uint16 // CA_PID, 13 bits
	Private  []byte
}

// Tag returns descriptor_tag.
func (*CADescriptor) Tag() uint8 { return 0x09 }

func (d *CADescriptor) code(c *coder) {
	bits(c, 16, &d.SystemID)
	c.reserved(3)
	bits(c, 13, &d.PID)
	c.rest(&d.Private)
}

// ISO639Language is ISO_639_language_descriptor, tag 0x0A (ISO/IEC 13818-1
// clause 2.6.18).
type ISO639Language struct {
	Languages []AudioLanguage
}

// Tag returns descriptor_tag.
func (*ISO639Language) Tag() uint8 { return 0x0A }

func (d *ISO639Language) code(c *coder) {
	list(c, &d.Languages, func(c *coder, l *AudioLanguage) {
		c.chars(3, &l.Language)
		bits(c, 8, &l.Type)
	})
}

// AudioLanguage is one language of an ISO639Language.
type AudioLanguage struct {
	Language string // ISO 639-2, three letters
	Type     uint8  // audio_type: 1 clean effects, 2 hearing impaired, 3 visual impaired commentary
}

// MultiplexBufferUtilization is multiplex_buffer_utilization_descriptor, tag
// 0x0C (ISO/IEC 13818-1 clause 2.6.22).
type MultiplexBufferUtilization struct {
	BoundValid bool   // bound_valid_flag
	Lower      uint16 // LTW_offset_lower_bound, 15 bits, in periods of 90 kHz
	Upper      uint16 // LTW_offset_upper_bound, 15 bits, in periods of 90 kHz
}

// Tag returns descriptor_tag.
func (*MultiplexBufferUtilization) Tag() uint8 { return 0x0C }

func (d *MultiplexBufferUtilization) code(c *coder) {
	c.flag(&d.BoundValid)
	bits(c, 15, &d.Lower)
	c.reserved(1)
	bits(c, 15, &d.Upper)
}

// MaximumBitrate is maximum_bitrate_descriptor, tag 0x0E (ISO/IEC 13818-1
// clause 2.6.26).
type MaximumBitrate struct {
	Rate uint32 // maximum_bitrate, 22 bits, in units of 400 bit/s (50 bytes/s)
}

// Tag returns descriptor_tag.
func (*MaximumBitrate) Tag() uint8 { return 0x0E }

func (d *MaximumBitrate) code(c *coder) {
	c.reserved(2)
	bits(c, 22, &d.Rate)
}

// PrivateDataIndicator is private_data_indicator_descriptor, tag 0x0F
// (ISO/IEC 13818-1 clause 2.6.28).
type PrivateDataIndicator struct {
	Indicator uint32 `text:"%#08x"`
}

// Tag returns descriptor_tag.
func (*PrivateDataIndicator) Tag() uint8 { return 0x0F }

func (d *PrivateDataIndicator) code(c *coder) { bits(c, 32, &d.Indicator) }

// SmoothingBuffer is smoothing_buffer_descriptor, tag 0x10 (ISO/IEC 13818-1
// clause 2.6.30).
type SmoothingBuffer struct {
	LeakRate uint32 // sb_leak_rate, 22 bits, in units of 400 bit/s
	Size     uint32 // sb_size, 22 bits, in bytes
}

// Tag returns descriptor_tag.
func (*SmoothingBuffer) Tag() uint8 { return 0x10 }

func (d *SmoothingBuffer) code(c *coder) {
	c.reserved(2)
	bits(c, 22, &d.LeakRate)
	c.reserved(2)
	bits(c, 22, &d.Size)
}

// CarouselIdentifier is carousel_identifier_descriptor, tag 0x13 (TR 101 202
// clause 4.7.7.1).
type CarouselIdentifier struct {
	CarouselID uint32
	Private    []byte // format identifier and what it brings
}

// Tag returns descriptor_tag.
func (*CarouselIdentifier) Tag() uint8 { return 0x13 }

func (d *CarouselIdentifier) code(c *coder) {
	bits(c, 32, &d.CarouselID)
	c.rest(&d.Private)
}

// AssociationTag is association_tag_descriptor, tag 0x14 (TR 101 202 clause
// 4.7.7.2).
type AssociationTag struct {
	AssociationTag uint16
	Use            uint16
	Selector       []byte
	Private        []byte
}

// Tag returns descriptor_tag.
func (*AssociationTag) Tag() uint8 { return 0x14 }

func (d *AssociationTag) code(c *coder) {
	bits(c, 16, &d.AssociationTag)
	bits(c, 16, &d.Use)
	c.bytes8(&d.Selector)
	c.rest(&d.Private)
}

// AVCVideo is AVC_video_descriptor, tag 0x28 (ISO/IEC 13818-1 clause
// 2.6.64).
type AVCVideo struct {
	Profile             uint8 // profile_idc
	Constraints         uint8 // constraint_set0_flag first, to AVC_compatible_flags
	Level               uint8 // level_idc
	StillPresent        bool  // AVC_still_present
	Picture24Hour       bool  // AVC_24_hour_picture_flag
	FramePackingSEINone bool  // Frame_Packing_SEI_not_present_flag
}

// Tag returns descriptor_tag.
func (*AVCVideo) Tag() uint8 { return 0x28 }

func (d *AVCVideo) code(c *coder) {
	bits(c, 8, &d.Profile)
	bits(c, 8, &d.Constraints)
	bits(c, 8, &d.Level)
	c.flag(&d.StillPresent)
	c.flag(&d.Picture24Hour)
	c.flag(&d.FramePackingSEINone)
	c.reserved(5)
}

// AVCTimingHRD is AVC_timing_and_HRD_descriptor, tag 0x2A (ISO/IEC 13818-1
// clause 2.6.66).
type AVCTimingHRD struct {
	HRDManagementValid bool       // hrd_management_valid_flag
	Timing             *AVCTiming // nil if picture_and_timing_info_present is 0
	FixedFrameRate     bool       // fixed_frame_rate_flag
	TemporalPOC        bool       // temporal_poc_flag
	DisplayConversion  bool       // picture_to_display_conversion_flag
}

// Tag returns descriptor_tag.
func (*AVCTimingHRD) Tag() uint8 { return 0x2A }

func (d *AVCTimingHRD) code(c *coder) {
	c.flag(&d.HRDManagementValid)
	c.reserved(6)
	present(c, &d.Timing)
	if d.Timing != nil {
		d.Timing.code(c)
	}
	c.flag(&d.FixedFrameRate)
	c.flag(&d.TemporalPOC)
	c.flag(&d.DisplayConversion)
	c.reserved(5)
}

// AVCTiming is the clock of an AVCTimingHRD.
type AVCTiming struct {
	Is90kHz        bool   // 90kHz_flag: N and K are absent
	N, K           uint32 // time_scale is 27 MHz × N / K
	NumUnitsInTick uint32
}

func (t *AVCTiming) code(c *coder) {
	c.flag(&t.Is90kHz)
	c.reserved(7)
	if !t.Is90kHz {
		bits(c, 32, &t.N)
		bits(c, 32, &t.K)
	}
	bits(c, 32, &t.NumUnitsInTick)
}

// HEVCVideo is HEVC_video_descriptor, tag 0x38 (ISO/IEC 13818-1 clause
// 2.6.95).
type HEVCVideo struct {
	ProfileSpace        uint8           // 2 bits
	HighTier            bool            // tier_flag
	Profile             uint8           // profile_idc, 5 bits
	Compatibility       uint32          `text:"%#08x"` // profile_compatibility_indication
	Progressive         bool            // progressive_source_flag
	Interlaced          bool            // interlaced_source_flag
	NonPacked           bool            // non_packed_constraint_flag
	FrameOnly           bool            // frame_only_constraint_flag
	Copied44            uint64          // copied_44bits
	Level               uint8           // level_idc: 30 times the level
	StillPresent        bool            // HEVC_still_present_flag
	Picture24Hour       bool            // HEVC_24hr_picture_present_flag
	SubPicHRDParamsNone bool            // sub_pic_hrd_params_not_present_flag
	HDRWCG              uint8           // HDR_WCG_idc, 2 bits
	Temporal            *TemporalLayers // nil if temporal_layer_subset_flag is 0
}

// Tag returns descriptor_tag.
func (*HEVCVideo) Tag() uint8 { return 0x38 }

func (d *HEVCVideo) code(c *coder) {
	bits(c, 2, &d.ProfileSpace)
	c.flag(&d.HighTier)
	bits(c, 5, &d.Profile)
	bits(c, 32, &d.Compatibility)
	c.flag(&d.Progressive)
	c.flag(&d.Interlaced)
	c.flag(&d.NonPacked)
	c.flag(&d.FrameOnly)
	bits(c, 44, &d.Copied44)
	bits(c, 8, &d.Level)
	present(c, &d.Temporal)
	c.flag(&d.StillPresent)
	c.flag(&d.Picture24Hour)
	c.flag(&d.SubPicHRDParamsNone)
	c.reserved(2)
	bits(c, 2, &d.HDRWCG)
	if d.Temporal != nil {
		bits(c, 3, &d.Temporal.Min)
		c.reserved(5)
		bits(c, 3, &d.Temporal.Max)
		c.reserved(5)
	}
}

// TemporalLayers is the range of temporal sub-layers in an HEVC stream.
type TemporalLayers struct {
	Min uint8 // temporal_id_min, 3 bits
	Max uint8 // temporal_id_max, 3 bits
}

// CueIdentifier is cue_identifier_descriptor, tag 0x8A in a programme registered
// as CUEI (SCTE 35 clause 8.2).
type CueIdentifier struct {
	Type uint8 // cue_stream_type: 1 all commands, 2 segmentation, 3 tiered
}

// Tag returns descriptor_tag.
func (*CueIdentifier) Tag() uint8 { return 0x8A }

func (d *CueIdentifier) code(c *coder) { bits(c, 8, &d.Type) }
