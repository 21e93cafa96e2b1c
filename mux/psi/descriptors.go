package psi

import "fmt"

// descriptorEntry says what the package knows of one descriptor_tag.
type descriptorEntry struct {
	tag  uint8
	name string // as the standard writes it
	make func() Descriptor
}

// made returns a constructor for a descriptor struct.
func made[T any, P interface {
	*T
	Descriptor
}]() func() Descriptor {
	return func() Descriptor { return P(new(T)) }
}

// lookupDescriptor finds the meaning of a tag in its scope.
func lookupDescriptor(s scope, tag uint8, data []byte) (descriptorEntry, bool) {
	return find(commonDescriptors(), tag)
}

func find(entries []descriptorEntry, tag uint8) (descriptorEntry, bool) {
	for _, e := range entries {
		if e.tag == tag {
			return e, true
		}
	}
	return descriptorEntry{}, false
}

func commonDescriptors() []descriptorEntry {
	return []descriptorEntry{
		{0x48, "service_descriptor", made[Service]()},
		{0x5F, "private_data_specifier_descriptor", made[PrivateDataSpecifier]()},
	}
}

// DescriptorName returns the name of a descriptor as the standards write it.
func DescriptorName(d Descriptor) string {
	return fmt.Sprintf("descriptor %#02x", d.Tag())
}
