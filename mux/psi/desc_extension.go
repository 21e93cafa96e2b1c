package psi

// NetworkChangeNotify is network_change_notify_descriptor, extension 0x07
// (EN 300 468 clause 6.4.8).
type NetworkChangeNotify struct {
	Cells []CellChanges
}

// Tag returns descriptor_tag.
func (*NetworkChangeNotify) Tag() uint8 { return tagExtension }

func (*NetworkChangeNotify) extension() uint8 { return 0x07 }

func (d *NetworkChangeNotify) code(c *coder) {
	list(c, &d.Cells, func(c *coder, cell *CellChanges) {
		bits(c, 16, &cell.CellID)
		c.sized(8, func(c *coder) { list(c, &cell.Changes, codeNetworkChange) })
	})
}

// CellChanges is the changes of one cell.
type CellChanges struct {
	CellID  uint16
	Changes []NetworkChange
}

// NetworkChange is one announced change of a network.
type NetworkChange struct {
	ID          uint8 // network_change_id
	Version     uint8 // network_change_version
	Start       UTC   // start_time_of_change
	Duration    Duration
	Receivers   uint8 // receiver_category, 3 bits
	Type        uint8 // change_type, 4 bits
	MessageID   uint8
	InvariantTS *InvariantTS // nil if invariant_ts_present is 0
}

// InvariantTS is a transport stream that a change leaves alone.
type InvariantTS struct {
	TransportStreamID uint16
	OriginalNetworkID uint16
}

func codeNetworkChange(c *coder, n *NetworkChange) {
	bits(c, 8, &n.ID)
	bits(c, 8, &n.Version)
	c.fixed(n.Start[:])
	c.fixed(n.Duration[:])
	bits(c, 3, &n.Receivers)
	present(c, &n.InvariantTS)
	bits(c, 4, &n.Type)
	bits(c, 8, &n.MessageID)
	if n.InvariantTS != nil {
		bits(c, 16, &n.InvariantTS.TransportStreamID)
		bits(c, 16, &n.InvariantTS.OriginalNetworkID)
	}
}

// Message is message_descriptor, extension 0x08 (EN 300 468 clause 6.4.7).
type Message struct {
	ID       uint8  // message_id, from 1
	Language string // ISO 639-2, three letters
	Text     Text
}

// Tag returns descriptor_tag.
func (*Message) Tag() uint8 { return tagExtension }

func (*Message) extension() uint8 { return 0x08 }

func (d *Message) code(c *coder) {
	bits(c, 8, &d.ID)
	c.chars(3, &d.Language)
	c.restText(&d.Text)
}
