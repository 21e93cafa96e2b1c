// Package config owns the configuration as plain values: their shape, defaults,
// validation and comparison. It reads no file, opens no socket and knows nothing
// of what runs.
package config

// Config is the whole configuration of one box. It is one document: it is stored,
// compared, exported and restored as a whole.
type Config struct {
	Box      Box       `json:"box"`
	Channels []Channel `json:"channels,omitempty"`
}

// Box holds what concerns the machine and not one channel.
type Box struct {
	Name      string `json:"name,omitempty"`       // shown in the console and in alarms
	Language  string `json:"language,omitempty"`   // language of texts for users who chose none: "en" or "vi"; default en
	HTTP      string `json:"http,omitempty"`       // listen address for viewers and the API, host:port; default :8080
	SSH       string `json:"ssh,omitempty"`        // listen address of the console, host:port; default :2222
	PublicURL string `json:"public_url,omitempty"` // base of addresses shown to people, http://host[:port]

	ViewerPage     bool   `json:"viewer_page,omitempty"`     // "/" shows everybody the list of channels, with pictures
	HTTPS          string `json:"https,omitempty"`           // listen address for viewers and the API over TLS, host:port; empty is none
	TLSCertificate string `json:"tls_certificate,omitempty"` // file with the certificate and those between it and its root, PEM
	TLSKey         string `json:"tls_key,omitempty"`         // file with its private key, PEM
	ACMEDomains    string `json:"acme_domains,omitempty"`    // host names to get certificates for by ACME (RFC 8555) instead of files, parted by commas
	ACMEEmail      string `json:"acme_email,omitempty"`      // address the authority may write to
	ACMEDirectory  string `json:"acme_directory,omitempty"`  // URL of the ACME directory; empty is that of Let's Encrypt

	OnPlay       string `json:"on_play,omitempty"`       // URL that is asked whether a viewer may watch, of channels without one of their own; empty lets everybody
	AllowDefault bool   `json:"allow_default,omitempty"` // new viewers may watch when on_play does not answer

	WebRTC          string `json:"webrtc,omitempty"`           // listen address of WebRTC media, UDP and TCP, host:port; default :8189
	WebRTCAddresses string `json:"webrtc_addresses,omitempty"` // public IP addresses of the box for WebRTC, parted by commas; empty takes those of the interfaces
	// WebRTCICEServers are told to players: "stun:host" and "turn:user:password@host", as
	// ParseICEServer takes them, parted by commas.
	WebRTCICEServers string   `json:"webrtc_ice_servers,omitempty"`
	WebRTCHistory    int      `json:"webrtc_history,omitempty"`    // packets of each video track kept to be sent again, and for who joins; 1024 to 65536, default 8192
	WebRTCRetransmit Duration `json:"webrtc_retransmit,omitempty"` // packets sent longer ago are not sent again; 100ms to 10s, default 1s
}

// Channel is one programme: inputs in order of priority, and where it goes.
type Channel struct {
	Name     string `json:"name"`            // path of its URLs, unique; [A-Za-z0-9._-] and '/', at most 128 bytes
	Title    string `json:"title,omitempty"` // for people, any text
	Comment  string `json:"comment,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`

	Inputs []Input `json:"inputs,omitempty"` // first is the primary unless priority says otherwise

	SourceTimeout Duration `json:"source_timeout,omitempty"`                    // an input without packets for this long is lost; 200ms to 10m, default 5s
	ReturnDelay   Duration `json:"return_delay,omitempty"`                      // a better input must have been good for this long before it is used again; default 10s
	NoReturn      bool     `json:"no_return,omitempty"`                         // stay on the standby until it fails or someone switches
	Recheck       Duration `json:"recheck_secondary_inputs_interval,omitempty"` // probe standbys this often; 0 keeps every standby running

	ProgramID uint16 `json:"program_id,omitempty"` // service_id on the way out; 0 keeps that of the input
	Service   string `json:"service,omitempty"`    // service_name on the way out; empty keeps that of the input
	Provider  string `json:"provider,omitempty"`   // service_provider_name on the way out
	PIDs      PIDMap `json:"pids,omitempty"`       // PID remap, such as "pmt:100,v1:211,a1:221"; empty keeps the PIDs of the input

	SegmentDuration Duration `json:"segment_duration,omitempty"` // target duration of an HLS segment; 1s to 30s, default 5s
	SegmentCount    int      `json:"segment_count,omitempty"`    // segments in the live window; 3 to 1000, default 6
	ChunkDuration   Duration `json:"chunk_duration,omitempty"`   // length of the parts of a segment for low latency; 100ms to 3s, less than a segment, default 500ms
	HLSSCTE35       string   `json:"hls_scte35,omitempty"`       // splice cues in HLS: "rfc8216" (EXT-X-DATERANGE), "aws" (EXT-X-CUE-OUT and -IN), "both" or "none"; default rfc8216
	Prepush         Duration `json:"prepush,omitempty"`          // most of the past that an HTTP-TS viewer is sent at once, from a random access point on; 100ms to 1m, default 10s
	StartTrack      string   `json:"start_track,omitempty"`      // video track that viewers begin with, such as v2; empty: HLS the first, WebRTC the middle one
	OnPlay          string   `json:"on_play,omitempty"`          // URL that is asked whether a viewer may watch; empty takes that of the box, "none" lets everybody
	Protocols       []string `json:"protocols,omitempty"`        // playout allowed, as AllProtocols; empty allows all

	Outputs []Output `json:"outputs,omitempty"`
}

// Input is one source of a channel.
type Input struct {
	URL           string            `json:"url"`                      // udp, rtp, http, https, tcp, file or test; ?program=N picks a service
	Priority      int               `json:"priority,omitempty"`       // 1 is best; 0 takes the place in the list
	SourceTimeout Duration          `json:"source_timeout,omitempty"` // 0 takes that of the channel
	Headers       map[string]string `json:"headers,omitempty"`        // HTTP request headers
	UserAgent     string            `json:"user_agent,omitempty"`
	MaxRetry      Duration          `json:"max_retry_timeout,omitempty"` // longest pause between attempts; default 30s
	Comment       string            `json:"comment,omitempty"`
	Disabled      bool              `json:"disabled,omitempty"`
}

// Output is one packet output of a channel.
type Output struct {
	URL           string  `json:"url"`                      // udp://[iface@]address:port or rtp://…
	Bitrate       BitRate `json:"bitrate,omitempty"`        // constant rate of the transport stream; 0 sends as is
	TTL           *int    `json:"ttl,omitempty"`            // 0 to 255; absent is 16, and 0 on the loopback interface
	DSCP          int     `json:"dscp,omitempty"`           // 0 to 63
	MulticastLoop bool    `json:"multicast_loop,omitempty"` // let receivers on this box hear the group
	Service       string  `json:"service,omitempty"`        // as in Channel, for this output alone
	Provider      string  `json:"provider,omitempty"`
	ProgramID     uint16  `json:"pnr,omitempty"`
	PIDs          PIDMap  `json:"pids,omitempty"`
	Comment       string  `json:"comment,omitempty"`
	Disabled      bool    `json:"disabled,omitempty"`
}

// Channel returns the channel with the given name, or nil.
func (c *Config) Channel(name string) *Channel {
	for i := range c.Channels {
		if c.Channels[i].Name == name {
			return &c.Channels[i]
		}
	}
	return nil
}
