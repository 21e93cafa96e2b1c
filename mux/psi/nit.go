package psi

import (
	"fmt"
	"slices"
)

// NIT is the network information table of one network (EN 300 468 clause 5.2.1).
type NIT struct {
	Other       bool // describes another network: table_id 0x41
	NetworkID   uint16
	Version     uint8 // version_number, 0 to 31
	Next        bool  // current_next_indicator 0
	Descriptors Descriptors
	Streams     []TransportStream
}

// TransportStream is one transport stream of a NIT or BAT.
type TransportStream struct {
	TransportStreamID uint16
	OriginalNetworkID uint16
	Descriptors       Descriptors
}

// ParseNIT parses all sections of one version of a NIT, actual or other.
func ParseNIT(sections ...Section) (*NIT, error) {
	t := new(NIT)
	h, err := decodeSections(sections, is(TableNITActual, TableNITOther), longOnly(func(_ Section, c *coder) {
		decodeNetwork(c, &t.Descriptors, &t.Streams)
	}))
	t.Other, t.NetworkID, t.Version, t.Next = h.TableID == TableNITOther, h.Extension, h.Version, h.Next
	return orNil(t, err)
}

// ID returns table_id.
func (t *NIT) ID() uint8 {
	if t.Other {
		return TableNITOther
	}
	return TableNITActual
}

// Sections builds the sections of the table, split between descriptors of the
// first loop and between transport streams.
func (t *NIT) Sections() ([]Section, error) {
	h := Header{TableID: t.ID(), Extension: t.NetworkID, Version: t.Version, Next: t.Next}
	return networkSections(h, t.Descriptors, t.Streams)
}

// BAT is the bouquet association table of one bouquet (EN 300 468 clause 5.2.2).
type BAT struct {
	BouquetID   uint16
	Version     uint8 // version_number, 0 to 31
	Next        bool  // current_next_indicator 0
	Descriptors Descriptors
	Streams     []TransportStream
}

// ParseBAT parses all sections of one version of a BAT.
func ParseBAT(sections ...Section) (*BAT, error) {
	t := new(BAT)
	h, err := decodeSections(sections, is(TableBAT), longOnly(func(_ Section, c *coder) {
		decodeNetwork(c, &t.Descriptors, &t.Streams)
	}))
	t.BouquetID, t.Version, t.Next = h.Extension, h.Version, h.Next
	return orNil(t, err)
}

// ID returns table_id.
func (*BAT) ID() uint8 { return TableBAT }

// Sections builds the sections of the table, split between descriptors of the
// first loop and between transport streams.
func (t *BAT) Sections() ([]Section, error) {
	h := Header{TableID: TableBAT, Extension: t.BouquetID, Version: t.Version, Next: t.Next}
	return networkSections(h, t.Descriptors, t.Streams)
}

func decodeNetwork(c *coder, ds *Descriptors, streams *[]TransportStream) {
	c.loop(ds)
	c.reserved(4)
	c.sized(12, func(c *coder) { list(c, streams, codeTransportStream) })
}

func codeTransportStream(c *coder, s *TransportStream) {
	bits(c, 16, &s.TransportStreamID)
	bits(c, 16, &s.OriginalNetworkID)
	c.loop(&s.Descriptors)
}

// networkSections splits two loops over sections: first the descriptors, then the
// transport streams, both in order.
func networkSections(h Header, ds Descriptors, streams []TransportStream) ([]Section, error) {
	first, err := encodeEntries(ds, codeDescriptor)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", TableName(h.TableID), err)
	}
	second, err := encodeEntries(streams, codeTransportStream)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", TableName(h.TableID), err)
	}
	const lengths = 4 // two length fields
	ends, err := group(slices.Concat(first, second), MaxSection-longHeader-crcSize-lengths)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", TableName(h.TableID), err)
	}
	var out []Section
	from := 0
	for i, to := range ends {
		a := slices.Concat(first[min(from, len(first)):min(to, len(first))]...)
		b := slices.Concat(second[max(from-len(first), 0):max(to-len(first), 0)]...)
		body := []byte{0xF0 | byte(len(a)>>8), byte(len(a))}
		body = append(body, a...)
		body = append(body, 0xF0|byte(len(b)>>8), byte(len(b)))
		body = append(body, b...)
		h.Number, h.Last = uint8(i), uint8(len(ends)-1)
		s, err := h.Section(body)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		from = to
	}
	return out, nil
}
