package scte35

// identifier is that of the descriptors of SCTE 35: "CUEI".
const identifier uint32 = 0x43554549

// The tags of splice descriptors (table 16).
const (
	TagAvail        uint8 = 0x00
	TagDTMF         uint8 = 0x01
	TagSegmentation uint8 = 0x02
	TagTime         uint8 = 0x03
	TagAudio        uint8 = 0x04
)

// Descriptor is a splice descriptor: an *Avail, *Segmentation or *Other.
type Descriptor interface {
	// Tag returns splice_descriptor_tag.
	Tag() uint8
	code(c *coder)
}

// readDescriptor reads the body of a descriptor. What cannot be written again as it was
// is kept verbatim.
func readDescriptor(tag uint8, b []byte) Descriptor {
	var d Descriptor
	switch tag {
	case TagAvail:
		d = &Avail{}
	case TagSegmentation:
		d = &Segmentation{}
	default:
		return &Other{tag, b}
	}
	c := &coder{b: b}
	if d.code(c); c.err != nil || c.left() > 0 {
		return &Other{tag, b}
	}
	return d
}

// Other is a descriptor that is kept verbatim.
type Other struct {
	DescriptorTag uint8  `json:"tag"`
	Data          []byte `json:"data,omitempty"` // from its identifier on
}

// Tag implements Descriptor.
func (o *Other) Tag() uint8 { return o.DescriptorTag }

func (o *Other) code(c *coder) { c.take(c.left(), &o.Data) }

func codeIdentifier(c *coder) {
	id := identifier
	if bits(c, 32, &id); id != identifier {
		c.fail("%w: descriptor of %#08x", ErrSyntax, id)
	}
}

// Avail is avail_descriptor (clause 10.3.1).
type Avail struct {
	ProviderAvailID uint32 `json:"provider_avail_id"`
}

// Tag implements Descriptor.
func (*Avail) Tag() uint8 { return TagAvail }

func (a *Avail) code(c *coder) {
	codeIdentifier(c)
	bits(c, 32, &a.ProviderAvailID)
}

// Segmentation is segmentation_descriptor (clause 10.3.3).
type Segmentation struct {
	EventID uint32 `json:"segmentation_event_id"`
	Cancel  bool   `json:"cancel,omitempty"` // nothing below counts
	// Program says that it is about the whole programme, else about Components.
	Program    bool                    `json:"program"`
	Components []SegmentationComponent `json:"components,omitempty"`
	// Restrictions is nil when delivery is not restricted.
	Restrictions *Restrictions `json:"restrictions,omitempty"`
	// Duration is nil when it is not told; 40 bits of 90 kHz.
	Duration         *uint64 `json:"segmentation_duration,omitempty"`
	UPIDType         uint8   `json:"upid_type"`
	UPID             []byte  `json:"upid,omitempty"`
	TypeID           uint8   `json:"segmentation_type_id"`
	SegmentNum       uint8   `json:"segment_num"`
	SegmentsExpected uint8   `json:"segments_expected"`
	// Sub is nil when there are no sub-segments.
	Sub *SubSegment `json:"sub_segment,omitempty"`

	off  [2]uint16
	tail []byte // behind what is known of it
}

// SegmentationComponent is an elementary stream that a Segmentation is about.
type SegmentationComponent struct {
	Tag       uint8  `json:"tag"`
	PTSOffset uint64 `json:"pts_offset"` // 33 bits of 90 kHz, to be added to the time of the signal

	off uint16
}

// Restrictions says where a segment may be delivered.
type Restrictions struct {
	WebDeliveryAllowed bool  `json:"web_delivery_allowed"`
	NoRegionalBlackout bool  `json:"no_regional_blackout"`
	ArchiveAllowed     bool  `json:"archive_allowed"`
	Device             uint8 `json:"device_restrictions"` // 2 bits; 3: none
}

// SubSegment is which of some sub-segments a Segmentation is about.
type SubSegment struct {
	Num      uint8 `json:"sub_segment_num"`
	Expected uint8 `json:"sub_segments_expected"`
}

// Tag implements Descriptor.
func (*Segmentation) Tag() uint8 { return TagSegmentation }

func (s *Segmentation) code(c *coder) {
	codeIdentifier(c)
	bits(c, 32, &s.EventID)
	c.flag(&s.Cancel)
	c.reserved(7, &s.off[0])
	if !s.Cancel {
		s.what(c)
	}
	c.take(c.left(), &s.tail)
}

// what walks what is not there when the event is cancelled.
func (s *Segmentation) what(c *coder) {
	timed, free := s.Duration != nil, s.Restrictions == nil
	c.flag(&s.Program)
	c.flag(&timed)
	c.flag(&free)
	if free {
		c.reserved(5, &s.off[1])
	} else {
		if s.Restrictions == nil {
			s.Restrictions = &Restrictions{}
		}
		s.Restrictions.code(c)
	}
	if !s.Program {
		list(c, &s.Components, func(c *coder, k *SegmentationComponent) {
			bits(c, 8, &k.Tag)
			c.reserved(7, &k.off)
			bits(c, 33, &k.PTSOffset)
		})
	}
	if timed {
		if s.Duration == nil {
			s.Duration = new(uint64)
		}
		bits(c, 40, s.Duration)
	}
	bits(c, 8, &s.UPIDType)
	n := uint8(min(len(s.UPID), 255))
	bits(c, 8, &n)
	c.take(int(n), &s.UPID)
	bits(c, 8, &s.TypeID)
	bits(c, 8, &s.SegmentNum)
	bits(c, 8, &s.SegmentsExpected)
	if c.enc && s.Sub != nil || !c.enc && c.err == nil && c.left() == 2 {
		if s.Sub == nil {
			s.Sub = &SubSegment{}
		}
		bits(c, 8, &s.Sub.Num)
		bits(c, 8, &s.Sub.Expected)
	}
}

func (r *Restrictions) code(c *coder) {
	c.flag(&r.WebDeliveryAllowed)
	c.flag(&r.NoRegionalBlackout)
	c.flag(&r.ArchiveAllowed)
	bits(c, 2, &r.Device)
}

// Kind is what a segmentation does to the programme.
type Kind uint8

// The kinds.
const (
	KindOther Kind = iota
	KindOut        // an avail begins
	KindIn         // it ends
)

// Kind returns what the segmentation_type_id does to the programme (table 23): breaks,
// advertisements, placement opportunities and ad blocks leave it.
func (s *Segmentation) Kind() Kind {
	switch t := s.TypeID; {
	case t == 0x22, t >= 0x30 && t <= 0x3A && t&1 == 0, t == 0x44, t == 0x46:
		return KindOut
	case t == 0x23, t >= 0x31 && t <= 0x3B && t&1 == 1, t == 0x45, t == 0x47:
		return KindIn
	}
	return KindOther
}
