package psi

// SatelliteDelivery is satellite_delivery_system_descriptor, tag 0x43 (EN 300
// 468 clause 6.2.13.2).
type SatelliteDelivery struct {
	Frequency    uint64 // Hz, multiple of 10 kHz
	Position     uint16 // orbital_position in units of 0.1°
	East         bool   // west_east_flag
	Polarization uint8  // 0 horizontal, 1 vertical, 2 left, 3 right
	RollOff      uint8  // of DVB-S2: 0 is 0.35, 1 is 0.25, 2 is 0.20
	S2           bool   // modulation_system: DVB-S2
	Modulation   uint8  // modulation_type: 0 auto, 1 QPSK, 2 8PSK, 3 16-QAM
	SymbolRate   uint32 // symbols per second, multiple of 100
	FEC          uint8  // FEC_inner, 4 bits: 1 is 1/2, 2 is 2/3, 3 is 3/4 …
}

// Tag returns descriptor_tag.
func (*SatelliteDelivery) Tag() uint8 { return 0x43 }

func (d *SatelliteDelivery) code(c *coder) {
	bcd(c, 8, 10_000, &d.Frequency)
	bcd(c, 4, 1, &d.Position)
	c.flag(&d.East)
	bits(c, 2, &d.Polarization)
	bits(c, 2, &d.RollOff)
	c.flag(&d.S2)
	bits(c, 2, &d.Modulation)
	bcd(c, 7, 100, &d.SymbolRate)
	bits(c, 4, &d.FEC)
}

// CableDelivery is cable_delivery_system_descriptor, tag 0x44 (EN 300 468
// clause 6.2.13.1).
type CableDelivery struct {
	Frequency  uint64 // Hz, multiple of 100
	FECOuter   uint8  // 4 bits: 1 none, 2 RS(204,188)
	Modulation uint8  // 1 16-QAM, 2 32-QAM, 3 64-QAM, 4 128-QAM, 5 256-QAM
	SymbolRate uint32 // symbols per second, multiple of 100
	FECInner   uint8  // 4 bits: 15 none
}

// Tag returns descriptor_tag.
func (*CableDelivery) Tag() uint8 { return 0x44 }

func (d *CableDelivery) code(c *coder) {
	bcd(c, 8, 100, &d.Frequency)
	c.reserved(12)
	bits(c, 4, &d.FECOuter)
	bits(c, 8, &d.Modulation)
	bcd(c, 7, 100, &d.SymbolRate)
	bits(c, 4, &d.FECInner)
}

// TerrestrialDelivery is terrestrial_delivery_system_descriptor, tag 0x5A
// (EN 300 468 clause 6.2.13.4).
type TerrestrialDelivery struct {
	Frequency      uint64 // centre_frequency in Hz, multiple of 10
	Bandwidth      uint8  // 0 8 MHz, 1 7 MHz, 2 6 MHz, 3 5 MHz
	HighPriority   bool   // priority
	NoTimeSlicing  bool   // Time_Slicing_indicator: 1 if time slicing is not used
	NoMPEFEC       bool   // MPE-FEC_indicator: 1 if MPE-FEC is not used
	Constellation  uint8  // 0 QPSK, 1 16-QAM, 2 64-QAM
	Hierarchy      uint8  // hierarchy_information, 3 bits
	CodeRateHP     uint8  // 0 1/2, 1 2/3, 2 3/4, 3 5/6, 4 7/8
	CodeRateLP     uint8
	GuardInterval  uint8 // 0 1/32, 1 1/16, 2 1/8, 3 1/4
	Mode           uint8 // transmission_mode: 0 2k, 1 8k, 2 4k
	OtherFrequency bool  // other_frequency_flag
}

// Tag returns descriptor_tag.
func (*TerrestrialDelivery) Tag() uint8 { return 0x5A }

func (d *TerrestrialDelivery) code(c *coder) {
	scaled(c, 32, 10, &d.Frequency)
	bits(c, 3, &d.Bandwidth)
	c.flag(&d.HighPriority)
	c.flag(&d.NoTimeSlicing)
	c.flag(&d.NoMPEFEC)
	c.reserved(2)
	bits(c, 2, &d.Constellation)
	bits(c, 3, &d.Hierarchy)
	bits(c, 3, &d.CodeRateHP)
	bits(c, 3, &d.CodeRateLP)
	bits(c, 2, &d.GuardInterval)
	bits(c, 2, &d.Mode)
	c.flag(&d.OtherFrequency)
	c.reserved(32)
}

// S2Delivery is S2_satellite_delivery_system_descriptor, tag 0x79 (EN 300 468
// clause 6.2.13.3).
type S2Delivery struct {
	ScramblingIndex *uint32 // scrambling_sequence_index, 18 bits; nil for the default
	InputStream     *uint8  // input_stream_identifier; nil for a single input stream
	DVBSCompatible  bool    // backwards_compatibility_indicator
}

// Tag returns descriptor_tag.
func (*S2Delivery) Tag() uint8 { return 0x79 }

func (d *S2Delivery) code(c *coder) {
	present(c, &d.ScramblingIndex)
	present(c, &d.InputStream)
	c.flag(&d.DVBSCompatible)
	c.reserved(5)
	if d.ScramblingIndex != nil {
		c.reserved(6)
		bits(c, 18, d.ScramblingIndex)
	}
	octet(c, d.InputStream)
}

// T2Delivery is T2_delivery_system_descriptor, extension 0x04 (EN 300 468 clause
// 6.4.6.3).
type T2Delivery struct {
	PLP        uint8         // plp_id
	SystemID   uint16        // T2_system_id
	Parameters *T2Parameters // nil if the descriptor ends before them
}

// Tag returns descriptor_tag.
func (*T2Delivery) Tag() uint8 { return tagExtension }

func (*T2Delivery) extension() uint8 { return 0x04 }

func (d *T2Delivery) code(c *coder) {
	bits(c, 8, &d.PLP)
	bits(c, 16, &d.SystemID)
	if !c.more(d.Parameters != nil) {
		return
	}
	if d.Parameters == nil {
		d.Parameters = new(T2Parameters)
	}
	d.Parameters.code(c)
}

// T2Parameters is the modulation and the cells of a T2Delivery.
type T2Parameters struct {
	MISO           uint8 // SISO/MISO, 2 bits
	Bandwidth      uint8 // 4 bits: 0 8 MHz, 1 7 MHz, 2 6 MHz, 3 5 MHz, 4 10 MHz, 5 1.712 MHz
	GuardInterval  uint8 // 3 bits
	Mode           uint8 // transmission_mode, 3 bits
	OtherFrequency bool  // other_frequency_flag
	TFS            bool  // tfs_flag: a cell may have several frequencies
	Cells          []T2Cell
}

// T2Cell is one cell of a T2Delivery.
type T2Cell struct {
	ID          uint16
	Frequencies []uint64 // centre_frequency in Hz, multiples of 10; exactly one without TFS
	Transposers []Transposer
}

func (p *T2Parameters) code(c *coder) {
	bits(c, 2, &p.MISO)
	bits(c, 4, &p.Bandwidth)
	c.reserved(2)
	bits(c, 3, &p.GuardInterval)
	bits(c, 3, &p.Mode)
	c.flag(&p.OtherFrequency)
	c.flag(&p.TFS)
	list(c, &p.Cells, func(c *coder, cell *T2Cell) {
		bits(c, 16, &cell.ID)
		if p.TFS {
			c.sized(8, func(c *coder) {
				list(c, &cell.Frequencies, func(c *coder, f *uint64) { scaled(c, 32, 10, f) })
			})
		} else {
			cell.oneFrequency(c)
		}
		codeTransposers(c, &cell.Transposers)
	})
}

func (t *T2Cell) oneFrequency(c *coder) {
	if !c.enc {
		t.Frequencies = make([]uint64, 1)
	}
	if len(t.Frequencies) != 1 {
		c.fail("cell %d has %d frequencies, want 1 without TFS", t.ID, len(t.Frequencies))
		return
	}
	scaled(c, 32, 10, &t.Frequencies[0])
}

// C2Delivery is C2_delivery_system_descriptor, extension 0x0D (EN 300 468 clause
// 6.4.6.1).
type C2Delivery struct {
	PLP           uint8  // plp_id
	DataSlice     uint8  // data_slice_id
	Frequency     uint32 // C2_System_tuning_frequency in Hz
	FrequencyType uint8  // C2_System_tuning_frequency_type, 2 bits
	Symbol        uint8  // active_OFDM_symbol_duration, 3 bits
	GuardInterval uint8  // 3 bits
}

// Tag returns descriptor_tag.
func (*C2Delivery) Tag() uint8 { return tagExtension }

func (*C2Delivery) extension() uint8 { return 0x0D }

func (d *C2Delivery) code(c *coder) {
	bits(c, 8, &d.PLP)
	bits(c, 8, &d.DataSlice)
	bits(c, 32, &d.Frequency)
	bits(c, 2, &d.FrequencyType)
	bits(c, 3, &d.Symbol)
	bits(c, 3, &d.GuardInterval)
}
