package edit

import (
	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/part"
)

// Box is the form of what concerns the machine and not one channel.
type Box struct {
	Env     *page.Env
	form    part.Form
	ready   bool
	base    control.Revision
	config  control.Config
	draft   control.Box
	errs    map[string]string
	refused refusal[control.Box]
	seq     int
}

// Init implements page.Page.
func (p *Box) Init() tea.Cmd {
	p.form.Theme, p.form.Strict = p.Env.Theme, true
	return load(p.Env, p)
}

// SetSize implements page.Page.
func (p *Box) SetSize(w, h int) { p.form.SetSize(w, h) }

// Title implements page.Page.
func (p *Box) Title() string { return p.Env.Text.T("edit.box") }

// Typing implements page.Typing.
func (p *Box) Typing() bool { return true }

// Writing implements page.Writing.
func (p *Box) Writing() bool { return p.form.Writing() }

// Dirty implements page.Dirty.
func (p *Box) Dirty() bool { return p.ready && p.draft != p.config.Box }

// Keys implements page.Page.
func (p *Box) Keys() []page.Key { return formKeys(&p.form) }

// Update implements page.Page.
func (p *Box) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case loadedMsg:
		if msg.owner != p {
			return nil
		}
		if msg.err != nil {
			return page.Pop(1, page.Toast(p.Env.ErrorText(msg.err), true))
		}
		p.base, p.config, p.draft, p.ready = msg.base, msg.config, msg.config.Box, true
		p.fields()
	case checkedMsg:
		if msg.owner == p && msg.seq == p.seq {
			p.errs = msg.errs
			p.form.Errors = p.refused.merge(p.errs, p.draft)
		}
	case page.ShownMsg:
		p.form.Errors = p.refused.merge(p.errs, p.draft)
		if p.refused.news() {
			p.form.FocusError()
		}
	case tea.PasteMsg:
		if p.ready && p.form.Paste(msg.Content) {
			return p.check()
		}
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

func (p *Box) key(k tea.KeyPressMsg) tea.Cmd {
	switch {
	case keymap.Match(k, keymap.Back) != keymap.None:
		return leave(p.Env, p.Dirty())
	case !p.ready:
		return nil
	case keymap.Match(k, keymap.Save) != keymap.None:
		return p.save()
	}
	cmd, changed := p.form.Key(k)
	if changed {
		return tea.Batch(cmd, p.check())
	}
	return cmd
}

func (p *Box) fields() {
	m, d := maker{p.Env}, &p.draft
	p.form.SetFields(
		m.text("box.name", "name", &d.Name),
		m.choice(m.text("box.language", "language", &d.Language), [2]string{"", "language.default"}, [2]string{"en", "language.en"}, [2]string{"vi", "language.vi"}),
		m.text("box.http", "http", &d.HTTP),
		m.text("box.ssh", "ssh", &d.SSH),
		m.text("box.public_url", "public_url", &d.PublicURL),
		m.yesNo("box.viewer_page", "viewer_page", &d.ViewerPage, "viewer_page.no", "viewer_page.yes"),
		m.heading("tls"),
		m.text("box.https", "https", &d.HTTPS),
		m.text("box.tls_certificate", "tls_certificate", &d.TLSCertificate),
		m.text("box.tls_key", "tls_key", &d.TLSKey),
		m.text("box.acme_domains", "acme_domains", &d.ACMEDomains),
		m.text("box.acme_email", "acme_email", &d.ACMEEmail),
		m.text("box.acme_directory", "acme_directory", &d.ACMEDirectory),
		m.heading("on_play"),
		m.text("box.on_play", "on_play", &d.OnPlay),
		m.yesNo("box.allow_default", "allow_default", &d.AllowDefault, "allow_default.no", "allow_default.yes"),
		m.heading("webrtc"),
		m.text("box.webrtc", "webrtc", &d.WebRTC),
		m.text("box.webrtc_addresses", "webrtc_addresses", &d.WebRTCAddresses),
		m.text("box.webrtc_ice_servers", "webrtc_ice_servers", &d.WebRTCICEServers),
		number(m, "box.webrtc_history", "webrtc_history", 1024, 65536, &d.WebRTCHistory),
		m.duration("box.webrtc_retransmit", "webrtc_retransmit", &d.WebRTCRetransmit),
		m.heading("ready"),
		part.Field{Kind: part.Button, Label: p.Env.Text.T("f.save"), Help: p.Env.Text.T("f.save.help"), Do: p.save},
	)
}

func (p *Box) check() tea.Cmd {
	p.seq++
	next := p.config
	next.Box = p.draft
	return validate(p.Env, p, p.seq, next, "box.")
}

func (p *Box) save() tea.Cmd {
	if len(p.errs) > 0 {
		return page.Toast(p.Env.Text.N("edit.wrong", len(p.errs)), true)
	}
	draft := p.draft
	return page.Push(&Plan{Env: p.Env, Change: Change{
		Title: p.Env.Text.T("plan.title"), Seen: p.base, Close: 1,
		Apply:   func(c control.Config) control.Config { c.Box = draft; return c },
		Touches: func(c control.Config) any { return c.Box }, Before: p.config.Box,
		Refused: func(f control.FieldErrors) {
			p.refused = refusal[control.Box]{draft, below(p.Env.Text, f, []string{"box."}), true}
		},
	}})
}

// View implements page.Page.
func (p *Box) View() string {
	if !p.ready {
		return " " + p.Env.Text.T("loading")
	}
	return p.form.View()
}
