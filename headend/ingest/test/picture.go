package test

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Picture is what a test:// address asks for.
type Picture struct {
	Width, Height int      // luma samples, even, 64x64 to 1920x1080
	Rate          int      // frames per second, 1 to 60
	Bitrate       int      // of the transport stream, bit/s, 300k to 50M and enough for the sound
	Name          string   // burnt in and service name; at most 60 bytes
	Languages     []string // ISO 639-2 codes, one audio track each, 1 to 4
}

// Default is the picture of test:// without options.
func Default() Picture {
	return Picture{Width: 720, Height: 576, Rate: 25, Bitrate: 2_000_000, Name: "Sigma", Languages: []string{"eng", "vie"}}
}

const (
	maxName      = 60
	maxLanguages = 4
	minBitrate   = 300_000
	maxBitrate   = 50_000_000
	audioBitrate = 96_000 // of one audio track
	// trackRate is what a track costs in the transport stream, with PES and packet
	// headers, and siRate what PSI, SI and PCR cost: bit/s.
	trackRate = 125_000
	siRate    = 60_000
	// minVideo is the least that leaves a picture to look at, bit/s.
	minVideo = 100_000
)

// Parse reads an address: test://[name][?size=720x576&rate=25&bitrate=2M&lang=eng,vie].
// A name with spaces or other letters is the option name. The option program is left
// to the channel.
func Parse(address string) (Picture, error) {
	p := Default()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "test" || u.User != nil || u.Opaque != "" {
		return p, fmt.Errorf("expected an address such as test://One?size=720x576, got %.80q", address)
	}
	if name := strings.TrimSuffix(u.Host+u.Path, "/"); name != "" {
		if err := p.set("name", name); err != nil {
			return p, fmt.Errorf("test picture: name: %w", err)
		}
	}
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return p, fmt.Errorf("options of %s: %w", address, err)
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		value := options.Get(key)
		if err := p.set(key, value); err != nil {
			return p, fmt.Errorf("test picture: option %s: %w", key, err)
		}
	}
	if p.video() < minVideo {
		return p, fmt.Errorf("test picture: bitrate of %d bit/s, expected at least %d for %d audio tracks",
			p.Bitrate, p.Bitrate-p.video()+minVideo, len(p.Languages))
	}
	return p, nil
}

func (p *Picture) set(key, value string) (err error) {
	switch key {
	case "size":
		p.Width, p.Height, err = parseSize(value)
	case "rate":
		p.Rate, err = parseNumber(value, 1, 60, "frames per second")
	case "bitrate":
		p.Bitrate, err = parseBitrate(value)
	case "name":
		if p.Name = value; value == "" || len(value) > maxName || !printable(value) {
			err = fmt.Errorf("expected 1 to %d bytes of printable UTF-8, got %.70q", maxName, value)
		}
	case "lang":
		p.Languages, err = parseLanguages(value)
	case "program":
	default:
		err = fmt.Errorf("unknown; the options are size, rate, bitrate, name, lang")
	}
	return err
}

// video returns what the sound and the tables leave for the picture, in bit/s.
func (p *Picture) video() int { return (p.Bitrate-siRate-len(p.Languages)*trackRate)*9/10 - 1 }

func parseNumber(text string, low, high int, what string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("expected %d to %d %s, got %.20q", low, high, what, text)
	}
	return n, nil
}

func parseSize(text string) (w, h int, err error) {
	a, b, _ := strings.Cut(text, "x")
	w, errW := strconv.Atoi(a)
	h, errH := strconv.Atoi(b)
	if errW != nil || errH != nil || w < 64 || w > 1920 || h < 64 || h > 1080 || w%2 != 0 || h%2 != 0 {
		return 0, 0, fmt.Errorf("expected WIDTHxHEIGHT, even, 64x64 to 1920x1080, got %.20q", text)
	}
	return w, h, nil
}

// parseBitrate reads a number of bit/s, or of kbit/s with k and Mbit/s with M.
func parseBitrate(text string) (int, error) {
	number, unit := strings.TrimSuffix(text, "bit"), 1.0
	if n, ok := strings.CutSuffix(strings.ToLower(number), "k"); ok {
		number, unit = n, 1e3
	} else if n, ok := strings.CutSuffix(strings.ToLower(number), "m"); ok {
		number, unit = n, 1e6
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f*unit >= minBitrate && f*unit <= maxBitrate) {
		return 0, fmt.Errorf("expected 300k to 50M, such as 2M or 1500k, got %.20q", text)
	}
	return int(f * unit), nil
}

func parseLanguages(text string) ([]string, error) {
	list := strings.Split(text, ",")
	code := regexp.MustCompile(`^[a-z]{3}$`)
	if len(list) > maxLanguages || slices.ContainsFunc(list, func(s string) bool { return !code.MatchString(s) }) {
		return nil, fmt.Errorf("expected 1 to %d ISO 639-2 codes such as eng,vie, got %.40q", maxLanguages, text)
	}
	return list, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
