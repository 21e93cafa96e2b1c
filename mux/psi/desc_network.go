package psi

// NetworkName is network_name_descriptor, tag 0x40 (EN 300 468 clause
// 6.2.27).
type NetworkName struct {
	Name Text
}

// Tag returns descriptor_tag.
func (*NetworkName) Tag() uint8 { return 0x40 }

func (d *NetworkName) code(c *coder) { c.restText(&d.Name) }

// ServiceList is service_list_descriptor, tag 0x41 (EN 300 468 clause 6.2.35).
type ServiceList struct {
	Services []ListedService
}

// Tag returns descriptor_tag.
func (*ServiceList) Tag() uint8 { return 0x41 }

func (d *ServiceList) code(c *coder) {
	list(c, &d.Services, func(c *coder, s *ListedService) {
		bits(c, 16, &s.ServiceID)
		bits(c, 8, &s.Type)
	})
}

// ListedService is one service of a ServiceList.
type ListedService struct {
	ServiceID uint16
	Type      ServiceType
}

// BouquetName is bouquet_name_descriptor, tag 0x47 (EN 300 468 clause 6.2.4).
type BouquetName struct {
	Name Text
}

// Tag returns descriptor_tag.
func (*BouquetName) Tag() uint8 { return 0x47 }

func (d *BouquetName) code(c *coder) { c.restText(&d.Name) }

// CountryAvailability is country_availability_descriptor, tag 0x49 (EN 300 468
// clause 6.2.10).
type CountryAvailability struct {
	Available bool     // country_availability_flag
	Countries []string // ISO 3166, three letters
}

// Tag returns descriptor_tag.
func (*CountryAvailability) Tag() uint8 { return 0x49 }

func (d *CountryAvailability) code(c *coder) {
	c.flag(&d.Available)
	c.reserved(7)
	list(c, &d.Countries, func(c *coder, s *string) { c.chars(3, s) })
}

// Linkage is linkage_descriptor, tag 0x4A (EN 300 468 clause 6.2.19).
type Linkage struct {
	Target ServiceRef
	Type   uint8  `text:"%#02x"` // linkage_type: 0x02 EPG, 0x04 complete SI, 0x09 system software update
	Data   []byte // what linkage_type brings, and private data
}

// Tag returns descriptor_tag.
func (*Linkage) Tag() uint8 { return 0x4A }

func (d *Linkage) code(c *coder) {
	bits(c, 16, &d.Target.TransportStreamID)
	bits(c, 16, &d.Target.OriginalNetworkID)
	bits(c, 16, &d.Target.ServiceID)
	bits(c, 8, &d.Type)
	c.rest(&d.Data)
}

// MultilingualNetworkName is multilingual_network_name_descriptor, tag 0x5B
// (EN 300 468 clause 6.2.24).
type MultilingualNetworkName struct {
	Names []LanguageText
}

// Tag returns descriptor_tag.
func (*MultilingualNetworkName) Tag() uint8 { return 0x5B }

func (d *MultilingualNetworkName) code(c *coder) {
	list(c, &d.Names, func(c *coder, n *LanguageText) {
		c.chars(3, &n.Language)
		c.text(&n.Text)
	})
}

// LanguageText is a text in one language.
type LanguageText struct {
	Language string // ISO 639-2, three letters
	Text     Text
}

// MultilingualBouquetName is multilingual_bouquet_name_descriptor, tag 0x5C
// (EN 300 468 clause 6.2.22).
type MultilingualBouquetName struct {
	Names []LanguageText
}

// Tag returns descriptor_tag.
func (*MultilingualBouquetName) Tag() uint8 { return 0x5C }

func (d *MultilingualBouquetName) code(c *coder) {
	list(c, &d.Names, func(c *coder, n *LanguageText) {
		c.chars(3, &n.Language)
		c.text(&n.Text)
	})
}

// FrequencyList is frequency_list_descriptor, tag 0x62 (EN 300 468 clause
// 6.2.17).
type FrequencyList struct {
	CodingType  uint8    // 2 bits: 1 satellite, 2 cable, 3 terrestrial
	Frequencies []uint64 // centre_frequency in Hz; as coded if CodingType is 0
}

// Tag returns descriptor_tag.
func (*FrequencyList) Tag() uint8 { return 0x62 }

func (d *FrequencyList) code(c *coder) {
	c.reserved(6)
	bits(c, 2, &d.CodingType)
	list(c, &d.Frequencies, func(c *coder, f *uint64) {
		switch d.CodingType {
		case 1:
			bcd(c, 8, 10_000, f)
		case 2:
			bcd(c, 8, 100, f)
		case 3:
			scaled(c, 32, 10, f)
		default:
			bits(c, 32, f)
		}
	})
}

// CellList is cell_list_descriptor, tag 0x6C (EN 300 468 clause 6.2.7).
type CellList struct {
	Cells []Cell
}

// Tag returns descriptor_tag.
func (*CellList) Tag() uint8 { return 0x6C }

func (d *CellList) code(c *coder) {
	list(c, &d.Cells, func(c *coder, cell *Cell) {
		bits(c, 16, &cell.ID)
		cell.Area.code(c)
		c.sized(8, func(c *coder) {
			list(c, &cell.Subcells, func(c *coder, s *Subcell) {
				bits(c, 8, &s.Extension)
				s.Area.code(c)
			})
		})
	})
}

// Cell is one cell of a CellList.
type Cell struct {
	ID       uint16
	Area     CellArea
	Subcells []Subcell
}

// Subcell is the coverage of one transposer.
type Subcell struct {
	Extension uint8 // cell_id_extension
	Area      CellArea
}

// CellArea is the rectangle of a cell, from its south-western corner. Latitudes
// are in units of 90°/2^15 and longitudes in 180°/2^15, two's complement.
type CellArea struct {
	Latitude, Longitude             uint16
	LatitudeExtent, LongitudeExtent uint16 // 12 bits
}

func (a *CellArea) code(c *coder) {
	bits(c, 16, &a.Latitude)
	bits(c, 16, &a.Longitude)
	bits(c, 12, &a.LatitudeExtent)
	bits(c, 12, &a.LongitudeExtent)
}

// CellFrequencyLink is cell_frequency_link_descriptor, tag 0x6D (EN 300 468
// clause 6.2.6).
type CellFrequencyLink struct {
	Cells []CellFrequency
}

// Tag returns descriptor_tag.
func (*CellFrequencyLink) Tag() uint8 { return 0x6D }

func (d *CellFrequencyLink) code(c *coder) {
	list(c, &d.Cells, func(c *coder, f *CellFrequency) {
		bits(c, 16, &f.CellID)
		scaled(c, 32, 10, &f.Frequency)
		codeTransposers(c, &f.Transposers)
	})
}

// CellFrequency is the frequency of one cell.
type CellFrequency struct {
	CellID      uint16
	Frequency   uint64 // Hz, multiple of 10
	Transposers []Transposer
}

// Transposer is the frequency of one transposer in a cell.
type Transposer struct {
	Extension uint8  // cell_id_extension
	Frequency uint64 // Hz, multiple of 10
}

// codeTransposers codes transposers after their 8-bit length.
func codeTransposers(c *coder, s *[]Transposer) {
	c.sized(8, func(c *coder) {
		list(c, s, func(c *coder, t *Transposer) {
			bits(c, 8, &t.Extension)
			scaled(c, 32, 10, &t.Frequency)
		})
	})
}
