// Package scte35 reads and writes splice_info_section (SCTE 35 2023): what tells where
// a programme may be left and where it comes back.
//
// It owns splice_null, splice_insert, time_signal, and the avail and segmentation
// descriptors; everything else is kept verbatim, so that what was read is written again
// byte for byte. It refuses to say what a splice means for a player, and to decrypt.
package scte35

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sigma/mux/psi"
)

// Errors of Parse and AppendTo. They are wrapped with what was found.
var (
	ErrShort  = errors.New("ends too early")
	ErrSyntax = errors.New("not a splice_info_section")
	ErrRange  = errors.New("value does not fit its field")
)

const (
	unknown      = 0xFFF // splice_command_length of a command whose length is not told
	crcSize      = 4
	headSize     = 3
	prefixSize   = 14 // bytes of a section up to splice_command_type
	ticksPerTick = 90_000
)

// PTSModulus is one more than the largest PTS.
const PTSModulus = 1 << 33

// Section is a splice_info_section (clause 9.6.1).
type Section struct {
	SAPType         uint8  `json:"sap_type"` // 2 bits; 3: not told
	ProtocolVersion uint8  `json:"protocol_version"`
	PTSAdjustment   uint64 `json:"pts_adjustment"` // 33 bits of 90 kHz, to be added to every PTS in it
	CWIndex         uint8  `json:"cw_index"`
	Tier            uint16 `json:"tier"` // 12 bits; 0xFFF: all
	// Command is nil in an encrypted section.
	Command     Command      `json:"splice_command,omitempty"`
	Descriptors []Descriptor `json:"descriptors,omitempty"`
	Encryption  uint8        `json:"encryption_algorithm,omitempty"` // 6 bits
	// Encrypted is all from splice_command_type to the CRC of an encrypted section.
	Encrypted []byte `json:"encrypted,omitempty"`

	length   uint16 // splice_command_length of an encrypted section
	open     bool   // splice_command_length was not told
	tail     []byte // of the command, behind what is known of it
	stuffing []byte // alignment_stuffing
}

// New returns a section for all tiers with a command.
func New(c Command, descriptors ...Descriptor) *Section {
	return &Section{SAPType: 3, CWIndex: 0xFF, Tier: 0xFFF, Command: c, Descriptors: descriptors}
}

// Parse reads a section, table_id and CRC_32 included. The result shares no memory with
// b. It wraps ErrShort, ErrSyntax or psi.ErrCRC. A descriptor that is broken inside is
// kept as an Other.
func Parse(b []byte) (*Section, error) {
	if err := psi.Section(b).Check(); err != nil {
		return nil, fmt.Errorf("splice_info_section: %w", err)
	}
	if b[0] != psi.TableSpliceInfo || b[1]&0xC0 != 0 || len(b) < prefixSize+crcSize {
		return nil, fmt.Errorf("%w: table %#02x, %d bytes", ErrSyntax, b[0], len(b))
	}
	s := &Section{}
	c := &coder{b: b[:len(b)-crcSize]}
	c.pos = 8
	s.code(c)
	if c.err != nil {
		return nil, fmt.Errorf("splice_info_section: %w", c.err)
	}
	return s, nil
}

// AppendTo appends the section with its CRC_32. It wraps ErrRange when a value does not
// fit.
func (s *Section) AppendTo(dst []byte) ([]byte, error) {
	b, err := encoded(func(c *coder) {
		c.put(8, uint64(psi.TableSpliceInfo))
		s.code(c)
	})
	size := len(b) - headSize + crcSize
	if err == nil && size > psi.MaxPrivateSection-headSize {
		err = fmt.Errorf("%w: section_length %d", ErrRange, size)
	}
	if err != nil {
		return dst, fmt.Errorf("splice_info_section: %w", err)
	}
	b[1] |= byte(size >> 8)
	b[2] = byte(size)
	dst = append(dst, b...)
	return binary.BigEndian.AppendUint32(dst, psi.CRC32(b)), nil
}

// code walks the section from behind table_id to before CRC_32. section_length is put
// in later.
func (s *Section) code(c *coder) {
	encrypted := s.Encrypted != nil
	var zero uint8
	bits(c, 2, &zero)
	bits(c, 2, &s.SAPType)
	length := uint16(0)
	bits(c, 12, &length)
	bits(c, 8, &s.ProtocolVersion)
	c.flag(&encrypted)
	bits(c, 6, &s.Encryption)
	bits(c, 33, &s.PTSAdjustment)
	bits(c, 8, &s.CWIndex)
	bits(c, 12, &s.Tier)
	if encrypted {
		bits(c, 12, &s.length)
		if s.Encrypted == nil {
			s.Encrypted = []byte{}
		}
		c.take(c.left(), &s.Encrypted)
		return
	}
	s.command(c)
	s.descriptors(c)
	c.take(c.left(), &s.stuffing)
}

// command walks splice_command_length, splice_command_type and the command.
func (s *Section) command(c *coder) {
	var body []byte
	length, kind := uint16(unknown), uint8(0)
	if c.enc {
		if s.Command == nil {
			c.fail("%w: no command", ErrRange)
			return
		}
		var err error
		if body, err = encoded(s.Command.code); err != nil {
			c.fail("%w", err)
		}
		body = append(body, s.tail...)
		if kind = s.Command.Type(); !s.open {
			length = uint16(len(body))
		}
	}
	bits(c, 12, &length)
	bits(c, 8, &kind)
	if c.enc {
		c.take(len(body), &body)
		return
	}
	s.open = length == unknown
	switch kind {
	case TypeNull:
		s.Command = &Null{}
	case TypeInsert:
		s.Command = &Insert{}
	case TypeTimeSignal:
		s.Command = &TimeSignal{}
	default:
		s.Command = &OtherCommand{Command: kind}
		if s.open {
			c.fail("%w: command %#02x of no length", ErrSyntax, kind)
		}
	}
	if s.open { // it is as long as it is
		s.Command.code(c)
		return
	}
	c.take(int(length), &body)
	if c.err != nil {
		return
	}
	inner := &coder{b: body}
	s.Command.code(inner)
	c.err = inner.err
	inner.take(inner.left(), &s.tail)
}

// descriptors walks the loop of splice descriptors (clause 10.2).
func (s *Section) descriptors(c *coder) {
	if c.enc {
		var loop []byte
		for _, d := range s.Descriptors {
			body, err := encoded(d.code)
			if err == nil && len(body) > 255 {
				err = fmt.Errorf("%w: descriptor of %d bytes", ErrRange, len(body))
			}
			if err != nil {
				c.fail("%w", err)
			}
			loop = append(append(loop, d.Tag(), byte(len(body))), body...)
		}
		length := uint16(min(len(loop), 0xFFFF))
		bits(c, 16, &length)
		c.take(len(loop), &loop)
		return
	}
	var length uint16
	var loop []byte
	bits(c, 16, &length)
	c.take(int(length), &loop)
	for len(loop) > 0 && c.err == nil {
		if len(loop) < 2 || len(loop) < 2+int(loop[1]) {
			c.fail("%w: descriptor of %d bytes", ErrShort, len(loop))
			return
		}
		s.Descriptors = append(s.Descriptors, readDescriptor(loop[0], loop[2:2+int(loop[1])]))
		loop = loop[2+int(loop[1]):]
	}
}
