package psi

import (
	"bytes"
	"fmt"
)

// Descriptor is one descriptor: a pointer to one of the descriptor structs of
// this package, or to Raw.
type Descriptor interface {
	// Tag returns descriptor_tag.
	Tag() uint8
	// code walks the fields after descriptor_length in either direction.
	code(c *coder)
}

// Raw is a descriptor kept as it came: one whose tag is not known, whose content
// is broken, or that would not be written again bit for bit.
type Raw struct {
	DescriptorTag uint8
	Data          []byte     // what follows descriptor_length
	View          Descriptor // what could be read of it, or nil; it is not written
	Problem       string     // why View is nil though the tag is known
}

// Tag returns descriptor_tag.
func (d *Raw) Tag() uint8 { return d.DescriptorTag }

func (d *Raw) code(c *coder) { c.rest(&d.Data) }

// Descriptors is a descriptor loop without its length field.
type Descriptors []Descriptor

// Find returns the first descriptor of type T in the loop, also where it is only
// the View of a Raw.
func Find[T Descriptor](loop Descriptors) (T, bool) {
	for d := range All[T](loop) {
		return d, true
	}
	var none T
	return none, false
}

// All yields the descriptors of type T in the loop in order, also those that are
// only the View of a Raw.
func All[T Descriptor](loop Descriptors) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for _, d := range loop {
			t, ok := d.(T)
			if raw, isRaw := d.(*Raw); !ok && isRaw && raw.View != nil {
				t, ok = raw.View.(T)
			}
			if ok && !yield(t) {
				return
			}
		}
	}
}

// ParseDescriptors parses a descriptor loop as it stands in the table with the
// given table_id, which decides about tags that mean different things in
// different tables. It fails only if the lengths do not add up; descriptors that
// are broken inside become Raw. The result shares no memory with b.
func ParseDescriptors(table uint8, b []byte) (Descriptors, error) {
	c := newDecoder(bytes.Clone(b), scope{table: table})
	var ds Descriptors
	c.descriptors(&ds)
	return ds, c.err
}

// AppendTo appends the descriptors with their tags and lengths. It fails if a
// value does not fit its field or a descriptor has more than 255 bytes.
func (ds Descriptors) AppendTo(dst []byte) ([]byte, error) {
	c := newEncoder(dst)
	c.descriptors(&ds)
	return c.b, c.err
}

// descriptors codes descriptors up to the end of the enclosing structure.
func (c *coder) descriptors(ds *Descriptors) {
	if c.enc {
		for _, d := range *ds {
			c.descriptor(d)
		}
		return
	}
	for c.err == nil && c.left() > 0 {
		var tag uint8
		var data []byte
		bits(c, 8, &tag)
		c.bytes8(&data)
		if c.err != nil {
			c.err = fmt.Errorf("descriptor %#02x: %w", tag, c.err)
			return
		}
		d := parseDescriptor(c.scope, tag, data)
		if p, ok := d.(*PrivateDataSpecifier); ok {
			c.scope.specifier = p.Specifier
		}
		*ds = append(*ds, d)
	}
}

// loop codes a descriptor loop after four reserved bits and its 12-bit length.
func (c *coder) loop(ds *Descriptors) {
	c.reserved(4)
	c.sized(12, func(c *coder) { c.descriptors(ds) })
}

func (c *coder) descriptor(d Descriptor) {
	tag := d.Tag()
	bits(c, 8, &tag)
	c.sized(8, func(c *coder) { c.descriptorBody(d) })
	if c.err != nil {
		c.err = fmt.Errorf("%s: %w", DescriptorName(d), c.err)
	}
}

// descriptorBody codes what follows descriptor_length.
func (c *coder) descriptorBody(d Descriptor) {
	if x, ok := d.(extended); ok {
		extension := x.extension()
		bits(c, 8, &extension)
	}
	d.code(c)
}

// parseDescriptor keeps data.
func parseDescriptor(s scope, tag uint8, data []byte) Descriptor {
	raw := &Raw{DescriptorTag: tag, Data: data}
	e, ok := lookupDescriptor(s, tag, data)
	if !ok {
		return raw
	}
	d := e.make()
	c := newDecoder(data, s)
	c.descriptorBody(d)
	if c.err != nil {
		raw.Problem = c.err.Error()
		return raw
	}
	again := newEncoder(nil)
	again.descriptorBody(d)
	if again.err != nil || !bytes.Equal(again.b, data) {
		raw.View = d
		return raw
	}
	return d
}
