package psi

import "fmt"

// maxExtended is how many extended_event_descriptors one text may take, and
// extendedRoom how many bytes each has for items and text.
const (
	maxExtended  = 16
	extendedRoom = 255 - 6
)

// NewExtendedEvents splits a long text of an event over as many ExtendedEvent
// descriptors as it takes, between characters, in the first of the tables that
// has all of it (see EncodeText). Text that sixteen descriptors do not hold is cut.
// It fails if language has not three letters.
func NewExtendedEvents(language, text string, tables ...Charset) ([]*ExtendedEvent, error) {
	if len(language) != 3 {
		return nil, fmt.Errorf("language %q, want three letters of ISO 639-2", language)
	}
	runes, c := chooseCoding(text, tables)
	var out []*ExtendedEvent
	for len(runes) > 0 && len(out) < maxExtended {
		coded, used, _ := encodeRunes(runes, c, extendedRoom)
		if used == 0 {
			break
		}
		out = append(out, &ExtendedEvent{Number: uint8(len(out)), Language: language, Text: coded})
		runes = runes[used:]
	}
	for _, d := range out {
		d.Last = uint8(len(out) - 1)
	}
	return out, nil
}
