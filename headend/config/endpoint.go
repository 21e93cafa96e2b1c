package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Endpoint is a parsed input or output URL. It is a value; two endpoints that mean
// the same are equal under reflect.DeepEqual.
type Endpoint struct {
	Scheme    string // udp, rtp, http, https, tcp, file or test
	Interface string // udp, rtp: network interface by name, empty for the one the system routes to
	Host      string // name or address without brackets; empty for file and test
	Port      uint16 // 1 to 65535; the default of the scheme for http and https
	Addr      netip.AddrPort
	Local     netip.Addr   // udp, rtp: address of the interface to use; invalid when not given
	Sources   []netip.Addr // udp, rtp: source filter (RFC 3376, RFC 3810); empty takes any sender
	Program   uint16       // service to keep of a transport stream with several; 0 keeps the first
	User      string       // http, https
	Password  string       // http, https
	Path      string       // http, https: with its leading slash, as written; file: the path; test: the name of the picture
	Query     string       // http, https, test: as written but for program, which is ours
}

// schemes says what the URL of an input may hold besides its address.
var schemes = map[string]struct {
	parse   func(*Endpoint, string) error
	options []string
}{
	"udp":   {(*Endpoint).parseDatagram, []string{"program", "source", "sources"}},
	"rtp":   {(*Endpoint).parseDatagram, []string{"program", "source", "sources"}},
	"tcp":   {(*Endpoint).parseStream, []string{"program"}},
	"http":  {(*Endpoint).parseWeb, nil},
	"https": {(*Endpoint).parseWeb, nil},
	"file":  {(*Endpoint).parseFile, []string{"program"}},
	"test":  {(*Endpoint).parseTest, []string{"program", "name", "size", "rate", "bitrate", "lang"}},
}

const maxURL = 2048

// ParseInput reads the URL of an input:
//
//	udp://[iface@]address:port[/local-address][?source=ADDR&program=N]
//	rtp://…                                    as udp
//	tcp://host:port[?program=N]
//	http[s]://[user:password@]host[:port]/path[?query]
//	file:///path/to/file.ts[?program=N]
//	test://[name][?program=N]
//
// IPv6 addresses stand in brackets. Address is a multicast group, or an address of
// this machine, or 0.0.0.0 or [::] for all of them. Source may be given more than
// once, or as a list with commas. Errors never repeat a password.
func ParseInput(s string) (Endpoint, error) {
	scheme, rest, err := cutScheme(s)
	if err != nil {
		return Endpoint{}, err
	}
	form, ok := schemes[scheme]
	if !ok {
		return Endpoint{}, fmt.Errorf("%q is not a kind of input: expected udp, rtp, http, https, tcp, file or test%s", scheme, hint(scheme))
	}
	e := Endpoint{Scheme: scheme}
	address, query, _ := strings.Cut(rest, "?")
	if scheme == "http" || scheme == "https" {
		address = rest
	} else if err := e.parseOptions(query, form.options); err != nil {
		return Endpoint{}, err
	}
	if err := form.parse(&e, address); err != nil {
		return Endpoint{}, err
	}
	return e, e.checkSources()
}

// ParseOutput reads the URL of an output: udp://[iface@]address:port[/local-address]
// or rtp://…, where address is a multicast group or the address of one receiver.
func ParseOutput(s string) (Endpoint, error) {
	scheme, rest, err := cutScheme(s)
	if err != nil {
		return Endpoint{}, err
	}
	if scheme != "udp" && scheme != "rtp" {
		return Endpoint{}, fmt.Errorf("%q is not a kind of output: expected udp or rtp", scheme)
	}
	if strings.Contains(rest, "?") {
		return Endpoint{}, errors.New("an output URL takes no options after '?': use the fields of the output")
	}
	e := Endpoint{Scheme: scheme}
	if err := e.parseDatagram(rest); err != nil {
		return Endpoint{}, err
	}
	if a := e.Addr.Addr(); a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return Endpoint{}, fmt.Errorf("%s is nobody's address: expected a multicast group or the address of a receiver", a)
	}
	return e, nil
}

// Multicast reports whether the endpoint is a multicast group.
func (e Endpoint) Multicast() bool { return e.Addr.Addr().IsMulticast() }

// Loopback reports whether nothing sent there leaves the machine.
func (e Endpoint) Loopback() bool {
	return e.Interface == "lo" || e.Addr.Addr().IsLoopback() || e.Local.IsLoopback()
}

// String returns the URL in its usual form, without secrets.
func (e Endpoint) String() string {
	switch {
	case e.Password != "":
		e.Password = Mask
	case e.User != "":
		e.User = Mask
	}
	if e.Query != "" {
		e.Query = strings.TrimPrefix(redactQuery("?"+e.Query), "?")
	}
	s := e.Target()
	if e.Program == 0 {
		return s
	}
	sep := "?"
	if strings.Contains(s, "?") {
		sep = "&"
	}
	return s + sep + "program=" + strconv.Itoa(int(e.Program))
}

// Target returns what is to be opened: the URL in its usual form with its secrets,
// and without program, which is ours.
func (e Endpoint) Target() string {
	var b strings.Builder
	b.WriteString(e.Scheme + "://")
	switch e.Scheme {
	case "udp", "rtp":
		if e.Interface != "" {
			b.WriteString(e.Interface + "@")
		}
		b.WriteString(e.Addr.String())
		if e.Local.IsValid() {
			b.WriteString("/" + e.Local.String())
		}
	case "http", "https", "tcp":
		if e.User != "" || e.Password != "" {
			b.WriteString(escapeSecret(e.User))
			if e.Password != "" {
				b.WriteString(":" + escapeSecret(e.Password))
			}
			b.WriteString("@")
		}
		b.WriteString(e.hostPort() + e.Path)
	default:
		b.WriteString(e.Path)
	}
	sep := "?"
	if e.Query != "" {
		b.WriteString("?" + e.Query)
		sep = "&"
	}
	for _, s := range e.Sources {
		b.WriteString(sep + "source=" + s.String())
		sep = "&"
	}
	return b.String()
}

// escapeSecret writes a user or password into a URL; the mask stands as it is.
func escapeSecret(s string) string {
	if s == Mask {
		return s
	}
	return url.PathEscape(s)
}

func (e Endpoint) hostPort() string {
	host := e.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if e.Scheme == "http" && e.Port == 80 || e.Scheme == "https" && e.Port == 443 {
		return host
	}
	return host + ":" + strconv.Itoa(int(e.Port))
}

func cutScheme(s string) (scheme, rest string, err error) {
	switch {
	case s == "":
		return "", "", errors.New("is empty: expected a URL such as udp://239.1.1.1:5000")
	case len(s) > maxURL:
		return "", "", fmt.Errorf("is %d bytes long: expected at most %d", len(s), maxURL)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7F {
			return "", "", fmt.Errorf("holds a space or control character at byte %d: write %%20 for a space", i+1)
		}
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" {
		return "", "", errors.New("is not a URL: expected scheme://…, such as udp://239.1.1.1:5000")
	}
	return strings.ToLower(scheme), rest, nil
}

// hint helps people who come with URLs of other servers.
func hint(scheme string) string {
	switch scheme {
	case "tshttp", "tshttps":
		return "; write " + strings.TrimPrefix(scheme, "ts") + "://"
	case "udp1", "udp2", "udp3":
		return "; write udp://"
	}
	return ""
}

func (e *Endpoint) parseOptions(query string, known []string) error {
	if query == "" {
		return nil
	}
	var wrong []error
	for opt := range strings.SplitSeq(query, "&") {
		key, val, _ := strings.Cut(opt, "=")
		var err error
		switch {
		case !slices.Contains(known, key):
			err = fmt.Errorf("unknown option %q: expected %s", key, strings.Join(known, ", "))
		case key == "program":
			err = e.setProgram(val)
		case key == "source" || key == "sources":
			err = e.addSources(val)
		default: // for the test picture, which reads its options itself
			e.Query = strings.TrimPrefix(e.Query+"&"+opt, "&")
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	return inOneLine(wrong)
}

// inOneLine makes one error of many, nil of none.
func inOneLine(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

func (e *Endpoint) setProgram(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("program=%s: expected a service id from 1 to 65535", s)
	}
	if e.Program != 0 {
		return errors.New("program is given twice: an input keeps one service")
	}
	e.Program = uint16(n)
	return nil
}

func (e *Endpoint) addSources(list string) error {
	for s := range strings.SplitSeq(list, ",") {
		a, err := netip.ParseAddr(strings.Trim(s, "[]"))
		if err != nil || a.Zone() != "" || a.IsMulticast() || a.IsUnspecified() {
			return fmt.Errorf("source=%s: expected the address of a sender, such as 10.0.0.5", s)
		}
		if len(e.Sources) == 64 {
			return errors.New("more than 64 sources: the system filters no more")
		}
		if a = a.Unmap(); !slices.Contains(e.Sources, a) {
			e.Sources = append(e.Sources, a)
		}
	}
	return nil
}

func (e *Endpoint) checkSources() error {
	for _, s := range e.Sources {
		if !e.Multicast() {
			return errors.New("source filters a multicast group: this address is not one")
		}
		if s.Is4() != e.Addr.Addr().Is4() {
			return fmt.Errorf("source %s and group %s: expected both IPv4 or both IPv6", s, e.Addr.Addr())
		}
	}
	return nil
}

// parseDatagram reads [iface@]address:port[/local-address].
func (e *Endpoint) parseDatagram(s string) error {
	if name, rest, ok := strings.Cut(s, "@"); ok {
		if err := checkInterface(name); name != "" && err != nil {
			return err
		}
		e.Interface, s = name, rest
	}
	s, local, hasLocal := strings.Cut(s, "/")
	if hasLocal && local != "" {
		a, err := netip.ParseAddr(strings.Trim(local, "[]"))
		if err != nil || a.Zone() != "" || a.IsMulticast() || a.IsUnspecified() {
			return fmt.Errorf("%q after the port: expected the address of a network interface of this machine, or nothing", local)
		}
		e.Local = a.Unmap()
	}
	host, port, err := splitPort(s)
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("%q is not an IP address: expected a group such as 239.1.1.1 or [ff3e::1], or an address", host)
	}
	if a.Zone() != "" {
		return fmt.Errorf("%q names an interface after '%%': write %s@[%s]:%d", host, a.Zone(), a.WithZone(""), port)
	}
	a = a.Unmap()
	if e.Local.IsValid() && e.Local.Is4() != a.Is4() {
		return fmt.Errorf("address %s and local address %s: expected both IPv4 or both IPv6", a, e.Local)
	}
	e.Host, e.Port, e.Addr = a.String(), port, netip.AddrPortFrom(a, port)
	return nil
}

// checkInterface holds the rules of the kernel (dev_valid_name): 1 to 15 bytes.
func checkInterface(s string) error {
	if len(s) > 15 || s == "." || s == ".." || strings.ContainsAny(s, ":/%?#") {
		return fmt.Errorf("%q before '@' is not the name of a network interface: expected a name such as eth0", s)
	}
	return nil
}

func (e *Endpoint) parseStream(s string) (err error) {
	s = strings.TrimSuffix(s, "/")
	if strings.ContainsAny(s, "@/#") {
		return errors.New("expected tcp://host:port and nothing else")
	}
	if e.Host, e.Port, err = splitPort(s); err != nil {
		return err
	}
	return e.checkHost()
}

func (e *Endpoint) parseFile(s string) error {
	path, err := url.PathUnescape(s)
	if err != nil || strings.ContainsRune(path, 0) {
		return errors.New("the path has a broken %-code: expected % and two hexadecimal digits")
	}
	if !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") {
		return fmt.Errorf("%q is not the whole path of a file: expected file:///path/to/file.ts", path)
	}
	e.Path = path
	return nil
}

func (e *Endpoint) parseTest(s string) error {
	s = strings.TrimSuffix(s, "/")
	for _, c := range []byte(s) {
		if !nameByte(c) {
			return fmt.Errorf("%q is not the name of a test picture: expected test:// or test://name", s)
		}
	}
	e.Path = s
	return nil
}

func (e *Endpoint) parseWeb(s string) error {
	u, err := url.Parse(e.Scheme + "://" + s)
	if err != nil { // the text of err may hold the password
		return errors.New("is not a web address: expected http://[user:password@]host[:port]/path, special characters as %-codes")
	}
	if u.Fragment != "" || strings.HasSuffix(s, "#") {
		return errors.New("holds '#': a server never sees what follows; write %23 if it belongs to the path")
	}
	e.User = u.User.Username()
	e.Password, _ = u.User.Password()
	e.Host, e.Path = u.Hostname(), u.EscapedPath()
	switch port := u.Port(); {
	case port == "" && strings.HasSuffix(u.Host, ":"):
		return errors.New("the port after ':' is missing: expected 1 to 65535")
	case port == "" && e.Scheme == "https":
		e.Port = 443
	case port == "":
		e.Port = 80
	default:
		if e.Port, err = parsePort(port); err != nil {
			return err
		}
	}
	if err := e.checkHost(); err != nil {
		return err
	}
	var keep []string
	for opt := range strings.SplitSeq(u.RawQuery, "&") {
		if val, ours := strings.CutPrefix(opt, "program="); ours {
			if err := e.setProgram(val); err != nil {
				return err
			}
		} else if opt != "" {
			keep = append(keep, opt)
		}
	}
	e.Query = strings.Join(keep, "&")
	return nil
}

// checkHost accepts a DNS name or an address, and sets Addr for the latter.
func (e *Endpoint) checkHost() error {
	if a, err := netip.ParseAddr(e.Host); err == nil && a.Zone() == "" {
		a = a.Unmap()
		if a.IsMulticast() || a.IsUnspecified() {
			return fmt.Errorf("%s is not the address of a server", a)
		}
		e.Host, e.Addr = a.String(), netip.AddrPortFrom(a, e.Port)
		return nil
	}
	bad := e.Host == "" || len(e.Host) > 253
	for label := range strings.SplitSeq(strings.TrimSuffix(e.Host, "."), ".") {
		bad = bad || label == "" || len(label) > 63
	}
	for _, c := range []byte(e.Host) {
		bad = bad || !nameByte(c)
	}
	if bad {
		return errors.New("the host is missing or malformed: expected a name such as tv.example.net or an IP address, IPv6 in brackets")
	}
	return nil
}

// splitPort cuts host:port or [host]:port.
func splitPort(s string) (string, uint16, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return "", 0, errors.New("the port is missing: expected address:port, such as 239.1.1.1:5000")
	}
	host, port := s[:i], s[i+1:]
	inner, open := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	switch {
	case open != closed || strings.ContainsAny(inner, "[]"):
		return "", 0, errors.New("the brackets do not match: expected [IPv6 address]:port")
	case strings.Contains(inner, ":") != open:
		return "", 0, errors.New("an IPv6 address, and only that, stands in brackets: expected [ff3e::1]:5000")
	}
	n, err := parsePort(port)
	return inner, n, err
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q: expected 1 to 65535", s)
	}
	return uint16(n), nil
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}
