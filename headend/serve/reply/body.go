package reply

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"sigma/headend/timeline"
)

// Body is one version of a manifest as it goes out, in every coding that was asked
// for. It is made once and shared by all viewers; it is safe for concurrent use and
// must not be copied.
type Body struct {
	contentType, cache []string
	hash               string
	codings            [3]coded // indexed by coding
	marks              []int
}

// coded is a Body in one coding, made when it is first asked for.
type coded struct {
	once         sync.Once
	data         []byte
	length, etag []string
}

// NewBody returns a body of text, which belongs to it from then on. ContentType and
// cache are the values of Content-Type and Cache-Control.
func NewBody(text []byte, contentType, cache string) *Body {
	h := fnv.New64a()
	h.Write(text)
	b := &Body{contentType: []string{contentType}, cache: []string{cache}, hash: strconv.FormatUint(h.Sum64(), 36)}
	b.codings[identity].data = text
	b.in(identity)
	return b
}

// Text returns the body as it was given. It is not to be written to.
func (b *Body) Text() []byte { return b.codings[identity].data }

// SetMarks keeps offsets into Text with the body, in rising order: the ends of its
// URIs, say, where With is to put a query. It is to be called before the body is
// shared.
func (b *Body) SetMarks(marks []int) { b.marks = marks }

// With returns a copy of the text with insert at each mark. The copy is the caller's.
func (b *Body) With(insert string) []byte {
	text := b.Text()
	out := make([]byte, 0, len(text)+len(b.marks)*len(insert))
	from := 0
	for _, at := range b.marks {
		out = append(append(out, text[from:at]...), insert...)
		from = at
	}
	return append(out, text[from:]...)
}

func (b *Body) in(c coding) *coded {
	v := &b.codings[c]
	v.once.Do(func() {
		suffix := `"`
		switch c {
		case identity:
		case gzipped:
			suffix = `-gzip"`
		case brotlied:
			suffix = `-br"`
		}
		if c != identity {
			v.data = encode(c, b.Text())
		}
		v.length = []string{strconv.Itoa(len(v.data))}
		v.etag = []string{`"` + b.hash + suffix}
	})
	return v
}

var varyEncoding = []string{"Accept-Encoding"}

// Serve answers r, which is GET or HEAD, with the body in the coding the client
// prefers, or with 304. It returns the number of bytes of the answer. In the steady
// state it allocates nothing.
func (b *Body) Serve(w http.ResponseWriter, r *http.Request) int64 { return b.ServeFor(w, r, nil) }

// ServeFor is Serve with another Cache-Control, unless that is nil. The slice has one
// value and must not be written to.
func (b *Body) ServeFor(w http.ResponseWriter, r *http.Request, cache []string) int64 {
	if cache == nil {
		cache = b.cache
	}
	c := accepted(r.Header.Get("Accept-Encoding"))
	v := b.in(c)
	h := w.Header()
	h["Cache-Control"] = cache
	h["Vary"] = varyEncoding
	h["Etag"] = v.etag
	if Matches(r.Header.Get("If-None-Match"), b.hash) {
		w.WriteHeader(http.StatusNotModified)
		return 0
	}
	h["Content-Type"] = b.contentType
	h["Content-Length"] = v.length
	if c != identity {
		h["Content-Encoding"] = codingNames[c]
	}
	write(w, int64(len(v.data)), v.data)
	if r.Method == http.MethodHead {
		return 0
	}
	return int64(len(v.data))
}

// Matches reads If-None-Match (RFC 9110 clause 13.1.2): * or an entity tag of hash, in
// whatever coding, is a match.
func Matches(header, hash string) bool {
	if header == "" {
		return false
	}
	for f := range strings.SplitSeq(header, ",") {
		f = strings.TrimPrefix(strings.TrimSpace(f), "W/")
		if f == "*" {
			return true
		}
		tag, ok := strings.CutPrefix(f, `"`)
		if !ok {
			continue
		}
		if rest, ok := strings.CutPrefix(tag, hash); ok && (rest == `"` || rest == `-gzip"` || rest == `-br"`) {
			return true
		}
	}
	return false
}

// Source is the past of one channel.
type Source interface{ View() *timeline.View }

// Cell keeps the newest version of one manifest. It does not keep the view: that would
// hold the segments of a channel nobody watches any more. The zero value is ready; it
// is safe for concurrent use and must not be copied.
type Cell struct {
	mu  sync.Mutex // held while rendering
	now atomic.Pointer[version]
}

type version struct {
	of   <-chan struct{} // Changed of the view it is made of: small, and no other view has it
	body *Body
}

// Get returns the manifest of the newest view, rendering it unless it is there: once
// for all who ask. A view without Changed, which no timeline makes, is rendered each
// time.
func (c *Cell) Get(s Source, render func(*timeline.View) *Body) *Body {
	if v := c.now.Load(); v != nil && v.of == s.View().Changed() {
		return v.body
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	view := s.View()
	of := view.Changed()
	if v := c.now.Load(); v != nil && v.of == of {
		return v.body
	}
	v := &version{of: of, body: render(view)}
	if of != nil {
		c.now.Store(v)
	}
	return v.body
}

// Prepare makes the coding that r prefers, so that Serve needs not.
func (b *Body) Prepare(r *http.Request) { b.in(accepted(r.Header.Get("Accept-Encoding"))) }
