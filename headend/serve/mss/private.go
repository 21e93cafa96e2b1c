package mss

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// privateData returns CodecPrivateData: of AAC its AudioSpecificConfig, of pictures their
// parameter sets behind start codes (MS-SSTR clause 2.2.2.5).
func privateData(t *timeline.Track) string {
	if t.Kind != flow.KindVideo {
		return strings.ToUpper(hex.EncodeToString(t.Format.Record))
	}
	var b []byte
	for _, nal := range parameterSets(t) {
		b = append(append(b, 0, 0, 0, 1), nal...)
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// configured reports whether there is private data of a track.
func configured(t *timeline.Track) bool {
	b := t.Format.Record
	switch t.Format.Codec {
	case flow.CodecH264:
		return len(b) > 8 && b[5]&0x1F > 0
	case flow.CodecHEVC:
		return len(b) > 23 && b[22] > 0
	default:
		return len(b) > 1
	}
}

// parameterSets returns the parameter sets of pictures, sub-slices of their record; none
// where the record is not one.
func parameterSets(t *timeline.Track) (nals [][]byte) {
	r := records{t.Format.Record}
	switch t.Format.Codec {
	case flow.CodecH264: // AVCDecoderConfigurationRecord, ISO/IEC 14496-15 clause 5.3.3.1
		r.take(5)
		nals = r.nals(nals, int(r.number(1)&0x1F))
		nals = r.nals(nals, int(r.number(1)))
	case flow.CodecHEVC: // HEVCDecoderConfigurationRecord, clause 8.3.3.1
		r.take(22)
		for range r.number(1) {
			r.take(1)
			nals = r.nals(nals, int(r.number(2)))
		}
	default:
	}
	return nals
}

// records reads a decoder configuration; beyond its end there are zeros.
type records struct{ b []byte }

func (r *records) take(n int) []byte {
	if n > len(r.b) {
		r.b = nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// number reads a number of 1 or 2 bytes.
func (r *records) number(size int) uint16 {
	switch b := r.take(size); len(b) {
	case 1:
		return uint16(b[0])
	case 2:
		return binary.BigEndian.Uint16(b)
	default:
		return 0
	}
}

// nals appends count NAL units behind their lengths.
func (r *records) nals(list [][]byte, count int) [][]byte {
	for ; count > 0 && len(r.b) > 0; count-- {
		if nal := r.take(int(r.number(2))); len(nal) > 0 {
			list = append(list, nal)
		}
	}
	return list
}

// appendSets appends the parameter sets of pictures as they stand in a sample.
func appendSets(b []byte, t *timeline.Track) []byte {
	for _, nal := range parameterSets(t) {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(nal))), nal...)
	}
	return b
}
