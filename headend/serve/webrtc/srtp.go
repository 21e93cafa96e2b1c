package webrtc

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
)

// profiles are the protection profiles in the order they are taken: AES-GCM costs a
// third of AES-CM with HMAC-SHA1 where the processor helps, and AES-128 less than 256.
var profiles = []dtls.SRTPProtectionProfile{
	dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
}

// tagSize is the most that protection adds to a packet, in bytes.
const tagSize = 16

// protector encrypts what one viewer is sent and decrypts its reports. It is guarded by
// the viewer's lock.
type protector struct {
	name string // of the profile, as getStats of a browser tells it
	aead cipher.AEAD
	salt [12]byte
	iv   [12]byte
	slow *srtp.Context // for profiles without aead, and SRTCP
	peer *srtp.Context
}

// exporter is a DTLS connection that is set up.
type exporter interface {
	ExportKeyingMaterial(label string, context []byte, length int) ([]byte, error)
}

// newProtector takes the keys that DTLS agreed on (RFC 5764 clause 4.2).
func newProtector(p dtls.SRTPProtectionProfile, keys exporter, client bool) (*protector, error) {
	conf := srtp.Config{}
	s := &protector{}
	switch p {
	case dtls.SRTP_AEAD_AES_128_GCM:
		conf.Profile, s.name = srtp.ProtectionProfileAeadAes128Gcm, "AEAD_AES_128_GCM"
	case dtls.SRTP_AEAD_AES_256_GCM:
		conf.Profile, s.name = srtp.ProtectionProfileAeadAes256Gcm, "AEAD_AES_256_GCM"
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		conf.Profile, s.name = srtp.ProtectionProfileAes128CmHmacSha1_80, "AES_CM_128_HMAC_SHA1_80"
	default:
		return nil, fmt.Errorf("SRTP protection profile %d is none that was offered", p)
	}
	err := conf.ExtractSessionKeysFromDTLS(keys, client)
	if err != nil {
		return nil, fmt.Errorf("keys of SRTP: %w", err)
	}
	if s.slow, err = srtp.CreateContext(conf.Keys.LocalMasterKey, conf.Keys.LocalMasterSalt, conf.Profile); err != nil {
		return nil, fmt.Errorf("SRTP: %w", err)
	}
	if s.peer, err = srtp.CreateContext(conf.Keys.RemoteMasterKey, conf.Keys.RemoteMasterSalt, conf.Profile, srtp.SRTCPReplayProtection(64)); err != nil {
		return nil, fmt.Errorf("SRTP: %w", err)
	}
	if conf.Profile != srtp.ProtectionProfileAes128CmHmacSha1_80 {
		err = s.gcm(conf.Keys.LocalMasterKey, conf.Keys.LocalMasterSalt)
	}
	return s, err
}

// gcm derives the session key (RFC 7714 clause 11, RFC 3711 clause 4.3.1).
func (s *protector) gcm(key, salt []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("SRTP: %w", err)
	}
	derive := func(label byte, n int) []byte {
		var x [16]byte
		copy(x[:14], salt)
		x[7] ^= label
		out := make([]byte, (n+15)/16*16)
		for i := range out[:len(out)/16] {
			x[15] = byte(i)
			block.Encrypt(out[16*i:], x[:])
		}
		return out[:n]
	}
	session, err := aes.NewCipher(derive(0, len(key)))
	if err != nil {
		return fmt.Errorf("SRTP: %w", err)
	}
	copy(s.salt[:], derive(2, len(s.salt)))
	if s.aead, err = cipher.NewGCM(session); err != nil {
		return fmt.Errorf("SRTP: %w", err)
	}
	return nil
}

// seal protects an RTP packet whose header is the whole of dst and returns dst with the
// rest behind it; plain may be the bytes behind the header. seq is the sequence number
// with its roll-over counter (RFC 7714 clause 8.1). A sequence number is never used for
// two different packets: the nonce is made of it.
func (s *protector) seal(dst, plain []byte, ssrc uint32, seq uint64) ([]byte, error) {
	if s.aead == nil {
		dst = append(dst, plain...)
		out, err := s.slow.EncryptRTP(nil, dst, nil)
		if err != nil {
			return nil, fmt.Errorf("protecting RTP: %w", err)
		}
		return append(dst[:0], out...), nil
	}
	s.iv = s.salt
	iv := s.iv[:]
	binary.BigEndian.PutUint32(iv[2:], binary.BigEndian.Uint32(iv[2:])^ssrc)
	binary.BigEndian.PutUint32(iv[6:], binary.BigEndian.Uint32(iv[6:])^uint32(seq>>16))
	binary.BigEndian.PutUint16(iv[10:], binary.BigEndian.Uint16(iv[10:])^uint16(seq))
	return s.aead.Seal(dst, iv, plain, dst), nil
}
