package scte35

// The types of command (table 7).
const (
	TypeNull       uint8 = 0x00
	TypeSchedule   uint8 = 0x04
	TypeInsert     uint8 = 0x05
	TypeTimeSignal uint8 = 0x06
	TypeBandwidth  uint8 = 0x07
	TypePrivate    uint8 = 0xFF
)

// Command is a splice command: a *Null, *Insert, *TimeSignal or *OtherCommand.
type Command interface {
	// Type returns splice_command_type.
	Type() uint8
	code(c *coder)
}

// Null is splice_null, a heartbeat (clause 9.7.1).
type Null struct{}

// Type implements Command.
func (*Null) Type() uint8 { return TypeNull }

func (*Null) code(*coder) {}

// OtherCommand is a command that is kept verbatim.
type OtherCommand struct {
	Command uint8  `json:"type"`
	Data    []byte `json:"data,omitempty"`
}

// Type implements Command.
func (o *OtherCommand) Type() uint8 { return o.Command }

func (o *OtherCommand) code(c *coder) { c.take(c.left(), &o.Data) }

// Time is splice_time (clause 9.8.1).
type Time struct {
	Known bool   `json:"known"`
	PTS   uint64 `json:"pts,omitempty"` // 33 bits of 90 kHz, without pts_adjustment

	off uint16
}

func (t *Time) code(c *coder) {
	c.flag(&t.Known)
	if !t.Known {
		c.reserved(7, &t.off)
		return
	}
	c.reserved(6, &t.off)
	bits(c, 33, &t.PTS)
}

// TimeSignal is time_signal (clause 9.7.4): what happens then, its descriptors tell.
type TimeSignal struct {
	Time Time `json:"splice_time"`
}

// Type implements Command.
func (*TimeSignal) Type() uint8 { return TypeTimeSignal }

func (t *TimeSignal) code(c *coder) { t.Time.code(c) }

// Insert is splice_insert (clause 9.7.3).
type Insert struct {
	EventID      uint32 `json:"splice_event_id"`
	Cancel       bool   `json:"cancel,omitempty"` // nothing below counts
	OutOfNetwork bool   `json:"out_of_network"`   // the programme is left; else it comes back
	Immediate    bool   `json:"immediate,omitempty"`
	// Program says that the whole programme is spliced at Time, else each of Components.
	Program    bool              `json:"program"`
	Time       Time              `json:"splice_time"` // when not Immediate
	Components []InsertComponent `json:"components,omitempty"`
	// Break is the planned length of the break, nil when it is not told.
	Break           *BreakDuration `json:"break_duration,omitempty"`
	UniqueProgramID uint16         `json:"unique_program_id"`
	AvailNum        uint8          `json:"avail_num"`
	AvailsExpected  uint8          `json:"avails_expected"`

	off [2]uint16
}

// InsertComponent is an elementary stream that is spliced by itself.
type InsertComponent struct {
	Tag  uint8 `json:"tag"`         // component_tag
	Time Time  `json:"splice_time"` // when not Immediate
}

// BreakDuration is break_duration (clause 9.8.2).
type BreakDuration struct {
	AutoReturn bool   `json:"auto_return"` // the programme comes back by itself
	Duration   uint64 `json:"duration"`    // 33 bits of 90 kHz

	off uint16
}

// Type implements Command.
func (*Insert) Type() uint8 { return TypeInsert }

func (x *Insert) code(c *coder) {
	bits(c, 32, &x.EventID)
	c.flag(&x.Cancel)
	c.reserved(7, &x.off[0])
	if x.Cancel {
		return
	}
	timed := x.Break != nil
	c.flag(&x.OutOfNetwork)
	c.flag(&x.Program)
	c.flag(&timed)
	c.flag(&x.Immediate)
	c.reserved(4, &x.off[1])
	if x.Program && !x.Immediate {
		x.Time.code(c)
	}
	if !x.Program {
		list(c, &x.Components, func(c *coder, k *InsertComponent) {
			bits(c, 8, &k.Tag)
			if !x.Immediate {
				k.Time.code(c)
			}
		})
	}
	if timed {
		if x.Break == nil {
			x.Break = &BreakDuration{}
		}
		c.flag(&x.Break.AutoReturn)
		c.reserved(6, &x.Break.off)
		bits(c, 33, &x.Break.Duration)
	}
	bits(c, 16, &x.UniqueProgramID)
	bits(c, 8, &x.AvailNum)
	bits(c, 8, &x.AvailsExpected)
}

// list codes a count of 8 bits and as many elements.
func list[T any](c *coder, v *[]T, code func(*coder, *T)) {
	n := uint8(min(len(*v), 255))
	if len(*v) > 255 {
		c.fail("%w: %d components", ErrRange, len(*v))
	}
	bits(c, 8, &n)
	for i := 0; i < int(n) && c.err == nil; i++ {
		if !c.enc {
			*v = append(*v, *new(T))
		}
		code(c, &(*v)[i])
	}
}
