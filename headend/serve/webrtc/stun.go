package webrtc

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
)

// STUN (RFC 8489) as far as the lite side of ICE (RFC 8445) needs it.
const (
	stunHeader      = 20
	stunCookie      = 0x2112A442
	bindingRequest  = 0x0001
	bindingSuccess  = 0x0101
	bindingError    = 0x0111
	attrUsername    = 0x0006
	attrIntegrity   = 0x0008
	attrErrorCode   = 0x0009
	attrXORMapped   = 0x0020
	attrPriority    = 0x0024
	attrNominated   = 0x0025
	attrFingerprint = 0x8028
	attrControlled  = 0x8029
	fingerprintXOR  = 0x5354554E
	integritySize   = sha1.Size
	roleConflict    = 487
)

// binding is a Binding request.
type binding struct {
	transaction [12]byte
	local       string // user fragment of ours
	priority    uint32
	nominated   bool
	controlled  bool
	signed      int // bytes before MESSAGE-INTEGRITY
	integrity   []byte
}

// isSTUN reports whether a datagram is STUN (RFC 7983 clause 7).
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0] < 4 && binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// parseBinding reads a Binding request with USERNAME and MESSAGE-INTEGRITY; others are
// of no interest. What it returns refers to b.
func parseBinding(b []byte) (r binding, ok bool) {
	if !isSTUN(b) || binary.BigEndian.Uint16(b) != bindingRequest || int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader {
		return r, false
	}
	copy(r.transaction[:], b[8:20])
	for at := stunHeader; at+4 <= len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if at+4+size > len(b) {
			return r, false
		}
		value := b[at+4 : at+4+size]
		switch kind {
		case attrUsername:
			local, _, found := strings.Cut(string(value), ":")
			if !found || size > 513 {
				return r, false
			}
			r.local = local
		case attrPriority:
			if size == 4 {
				r.priority = binary.BigEndian.Uint32(value)
			}
		case attrNominated:
			r.nominated = true
		case attrControlled:
			r.controlled = true
		case attrIntegrity:
			if size != integritySize {
				return r, false
			}
			r.signed, r.integrity = at, value
			return r, r.local != "" // what follows is not protected
		}
		at += 4 + (size+3)&^3
	}
	return r, false
}

// valid reports whether the request was signed with a password.
func (r *binding) valid(b []byte, password string) bool {
	return hmac.Equal(r.integrity, integrity(b[:r.signed], password))
}

// integrity returns the MESSAGE-INTEGRITY of a message that ends before it (RFC 8489
// clause 14.5).
func integrity(b []byte, password string) []byte {
	m := hmac.New(sha1.New, []byte(password))
	var head [4]byte
	copy(head[:], b)
	binary.BigEndian.PutUint16(head[2:], uint16(len(b)-stunHeader+4+integritySize))
	m.Write(head[:])
	m.Write(b[4:])
	return m.Sum(nil)
}

// appendAnswer appends the success response to a request that came from an address.
func (r *binding) appendAnswer(b []byte, from netip.AddrPort, password string) []byte {
	b = r.begin(b, bindingSuccess)
	addr := from.Addr().Unmap()
	raw := addr.AsSlice()
	family := byte(1)
	if addr.Is6() {
		family = 2
	}
	b = append(b, 0, attrXORMapped, 0, byte(4+len(raw)), 0, family)
	b = binary.BigEndian.AppendUint16(b, from.Port()^uint16(stunCookie>>16))
	var mask [16]byte
	binary.BigEndian.PutUint32(mask[:], stunCookie)
	copy(mask[4:], r.transaction[:])
	for i, c := range raw {
		b = append(b, c^mask[i])
	}
	return finish(b, password)
}

// appendConflict appends the response to a request that wants us to control (RFC 8445
// clause 7.3.1.1): the lite side never does.
func (r *binding) appendConflict(b []byte, password string) []byte {
	const reason = "Role Conflict"
	b = r.begin(b, bindingError)
	b = append(b, 0, attrErrorCode, 0, byte(4+len(reason)), 0, 0, roleConflict/100, roleConflict%100)
	b = append(b, reason...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return finish(b, password)
}

func (r *binding) begin(b []byte, kind uint16) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, stunCookie)
	return append(b, r.transaction[:]...)
}

// finish appends MESSAGE-INTEGRITY and FINGERPRINT to a message that is all of b.
func finish(b []byte, password string) []byte {
	sum := integrity(b, password)
	b = append(b, 0, attrIntegrity, 0, integritySize)
	b = append(b, sum...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader+8))
	crc := crc32.ChecksumIEEE(b) ^ fingerprintXOR
	b = append(b, attrFingerprint>>8, attrFingerprint&0xFF, 0, 4)
	return binary.BigEndian.AppendUint32(b, crc)
}
