package api_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sigma/headend/api"
	"sigma/headend/control"
)

type problem struct {
	Code, Text string
	Fields     []struct{ Path, Text string }
}

type stream struct {
	Name, Title     string
	SegmentDuration string `json:"segment_duration"`
	Inputs          []struct{ URL string }
	Stats           *struct {
		State   string
		Bitrate int
	}
}

type streams struct {
	EstimatedCount int `json:"estimated_count"`
	Next, Prev     string
	Streams        []stream
}

func names(s []stream) (out []string) {
	for _, s := range s {
		out = append(out, s.Name)
	}
	return out
}

func TestStreamsCollection(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	for q, wanted := range map[string][]string{
		"":                                   {"news", "tv/hd/sport", "film"},
		"?sort=name":                         {"film", "news", "tv/hd/sport"},
		"?sort=-stats.bitrate,name":          {"tv/hd/sport", "film", "news"},
		"?q=SPORT":                           {"tv/hd/sport"},
		"?q=239.0.0":                         {"news"},
		"?stats.state=on_air&title=News":     {"news"},
		"?name=news&name=film":               {"news", "film"},
		"?stats.bitrate_gt=4000":             {"tv/hd/sport"},
		"?stats.bitrate_lte=4000&sort=-name": {"news", "film"},
		"?title_ne=News&disabled=false":      {"tv/hd/sport", "film"},
		"?title_like=spo":                    {"tv/hd/sport"},
		"?stats.alive=true":                  nil,
	} {
		r, b := c.do("GET", api.Base+"/streams"+q, "")
		l := want[streams](t, 200, r, b)
		if !slices.Equal(names(l.Streams), wanted) || l.EstimatedCount != len(wanted) || r.Header.Get("ETag") != `"7"` {
			t.Errorf("%s: %v %v", q, names(l.Streams), r.Header)
		}
	}
	r, b := c.do("GET", api.Base+"/streams?limit=2", "")
	first := want[streams](t, 200, r, b)
	r, b = c.do("GET", api.Base+"/streams?limit=2&cursor="+first.Next, "")
	second := want[streams](t, 200, r, b)
	if len(first.Streams) != 2 || first.Prev != "" || !slices.Equal(names(second.Streams), []string{"film"}) || second.Next != "" || second.Prev == "" {
		t.Errorf("%+v %+v", first, second)
	}
	_, b = c.do("GET", api.Base+"/streams?select=stats.state,title&limit=1", "")
	if !strings.Contains(b, `"streams":[{"name":"news","stats":{"state":"on_air"},"title":"News"}]`) {
		t.Errorf("%s", b)
	}
	r, b = c.do("GET", api.Base+"/streams?cursor=x", "")
	if p := want[problem](t, 400, r, b); p.Code != "bad_request" || len(p.Fields) != 1 {
		t.Errorf("%+v", p)
	}
	r, b = c.do("GET", api.Base+"/streams?limit=0", "")
	if p := want[problem](t, 422, r, b); p.Code != "invalid" || len(p.Fields) != 1 || p.Fields[0].Path != "query.limit" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v %v", p, r.Header)
	}
}

func TestStreamNamesWithSlashes(t *testing.T) {
	f := newFake()
	c := call{newServer(f).Handler(), t}
	for _, path := range []string{"/streams/tv/hd/sport", "/streams/tv%2Fhd%2Fsport"} {
		r, b := c.do("GET", api.Base+path, "")
		if s := want[stream](t, 200, r, b); s.Name != "tv/hd/sport" || s.Stats == nil || s.Stats.State != "on_air" {
			t.Errorf("%s: %+v", path, s)
		}
		if r, b := c.do("POST", api.Base+path+"/stop", ""); r.StatusCode != 204 {
			t.Errorf("%s: %d %s", path, r.StatusCode, b)
		}
		if r, b := c.do("POST", api.Base+path+"/inputs/0/select", ""); r.StatusCode != 204 {
			t.Errorf("%s: %d %s", path, r.StatusCode, b)
		}
	}
	if want := []string{"restart tv/hd/sport", "select tv/hd/sport", "restart tv/hd/sport", "select tv/hd/sport"}; !slices.Equal(f.did, want) {
		t.Errorf("%v", f.did)
	}
	if r, _ := c.do("POST", api.Base+"/streams/news/inputs/-1/select", ""); r.StatusCode != 204 {
		t.Errorf("automatic: %d", r.StatusCode)
	}
	r, b := c.do("POST", api.Base+"/streams/news/inputs/9/select", "")
	if p := want[problem](t, 404, r, b); p.Code != "not_found" {
		t.Errorf("%+v", p)
	}
	r, b = c.do("GET", api.Base+"/streams/none/at/all", "")
	if p := want[problem](t, 404, r, b); p.Code != "not_found" {
		t.Errorf("%+v", p)
	}
}

func TestPutStreamMerges(t *testing.T) {
	f := newFake()
	c := call{newServer(f).Handler(), t}
	put := func(path, body string, header ...string) (*http.Response, string) {
		t.Helper()
		return c.do("PUT", api.Base+"/streams/"+path, body, header...)
	}
	r, b := put("news?comment=why", `{"title":"N2","stats":{"state":"off"}}`)
	s := want[stream](t, 200, r, b)
	if s.Title != "N2" || s.SegmentDuration != "5s" || len(s.Inputs) != 1 || r.Header.Get("ETag") != `"8"` || f.did[0] != "commit why" {
		t.Errorf("%+v %v %v", s, r.Header, f.did)
	}
	r, b = put("news", `{"segment_duration":null,"inputs":[{"url":"file:///a"},{"url":"file:///b"}]}`)
	if s := want[stream](t, 200, r, b); s.SegmentDuration != "" || len(s.Inputs) != 2 || s.Title != "N2" {
		t.Errorf("%+v", s)
	}
	r, b = put("news", `{"$reset":true,"inputs":[]}`)
	if s := want[stream](t, 200, r, b); s.Title != "" || len(s.Inputs) != 0 {
		t.Errorf("%+v", s)
	}
	r, b = put("tv/new", `{"title":"New"}`)
	if s := want[stream](t, 200, r, b); s.Name != "tv/new" || s.Title != "New" {
		t.Errorf("%+v", s)
	}
	// What GET answers can be put back.
	_, b = c.do("GET", api.Base+"/streams/news", "")
	if r, b := put("news", b); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, b)
	}
	before := f.revision
	for body, path := range map[string]string{
		`{"titel":"x"}`:                              "channels[news].titel",
		`{"segment_duration":"5"}`:                   "channels[news].segment_duration",
		`{"inputs":[{"url":"udp://a"},{"uri":"x"}]}`: "channels[news].inputs[1].uri",
		`{"program_id":70000}`:                       "channels[news].program_id",
		`{"name":"other"}`:                           "channels[news].name",
		`{"inputs":[{"url":"bad"}]}`:                 "channels[news].inputs[0].url",
		`[]`:                                         "channels[news]",
		`null`:                                       "channels[news]",
		`{} {}`:                                      "channels[news]",
	} {
		r, b := put("news", body)
		if p := want[problem](t, 422, r, b); p.Code != "invalid" || len(p.Fields) != 1 || p.Fields[0].Path != path || p.Fields[0].Text == "" {
			t.Errorf("%s: %s", body, b)
		}
	}
	r, b = put("news", "")
	if p := want[problem](t, 400, r, b); p.Code != "bad_request" {
		t.Errorf("%s", b)
	}
	if f.revision != before {
		t.Error("a bad body was committed")
	}
	r, b = put("news", `{"title":"`+strings.Repeat("x", 9<<20)+`"}`)
	if p := want[problem](t, 413, r, b); p.Code != "too_large" {
		t.Errorf("%+v", p)
	}
}

func TestConcurrentChanges(t *testing.T) {
	f := newFake()
	c := call{newServer(f).Handler(), t}
	if r, b := c.do("PUT", api.Base+"/streams/news", `{"title":"a"}`, "If-Match", `"7"`); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, b)
	}
	r, b := c.do("PUT", api.Base+"/streams/news", `{"title":"b"}`, "If-Match", `"7"`)
	if p := want[problem](t, 412, r, b); p.Code != "precondition_failed" {
		t.Errorf("%+v", p)
	}
	if r, _ := c.do("DELETE", api.Base+"/streams/news", "", "If-Match", `"7"`); r.StatusCode != 412 {
		t.Errorf("%d", r.StatusCode)
	}
	if r, _ := c.do("DELETE", api.Base+"/streams/news", "", "If-Match", `"8"`); r.StatusCode != 204 {
		t.Errorf("%d", r.StatusCode)
	}
	if r, _ := c.do("DELETE", api.Base+"/streams/news", ""); r.StatusCode != 404 {
		t.Errorf("%d", r.StatusCode)
	}
}

func TestConfiguration(t *testing.T) {
	f := newFake()
	c := call{newServer(f).Handler(), t}
	r, b := c.do("GET", api.Base+"/config", "")
	if cfg := want[control.Config](t, 200, r, b); len(cfg.Channels) != 3 || r.Header.Get("ETag") != `"7"` {
		t.Errorf("%s", b)
	}
	if r, b := c.do("GET", api.Base+"/config/text", ""); r.StatusCode != 200 || b != "box:\n  name: box\n" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %v %s", r.StatusCode, r.Header, b)
	}
	r, b = c.do("POST", api.Base+"/config", `{"box":{}}`)
	if p := want[problem](t, 422, r, b); len(p.Fields) != 1 || p.Fields[0].Path != "box.name" {
		t.Errorf("%s", b)
	}
	if r, b := c.do("POST", api.Base+"/config", "hello", "Content-Type", "text/plain; charset=utf-8"); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, b)
	}
	r, b = c.do("PUT", api.Base+"/config", `{"box":{"language":"vi"}}`)
	if cfg := want[control.Config](t, 200, r, b); cfg.Box.Name != "box" || cfg.Box.Language != "vi" || len(cfg.Channels) != 3 {
		t.Errorf("%s", b)
	}
	r, b = c.do("POST", api.Base+"/config/propose", "other", "Content-Type", "text/plain")
	if p := want[control.Plan](t, 200, r, b); p.Base != 8 {
		t.Errorf("%s", b)
	}
}

func TestWhoAsks(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	encoded := base64.StdEncoding.EncodeToString([]byte("viewer:secret"))
	for header, status := range map[string]int{
		"":                  401,
		"Bearer":            401,
		"Digest x":          401,
		"Basic !!":          401,
		"Bearer tok-1":      200,
		"bearer tok-1":      200,
		"Bearer tok-2":      401,
		"Bearer " + encoded: 200,
		"Basic " + encoded:  200,
		"Basic " + base64.StdEncoding.EncodeToString([]byte("viewer:wrong")):  401,
		"Basic " + base64.StdEncoding.EncodeToString([]byte("viewer:locked")): 429,
	} {
		r, b := c.do("GET", api.Base+"/streams", "", "Authorization", header)
		if r.StatusCode != status || (status == 401) != (len(r.Header.Values("WWW-Authenticate")) == 2) {
			t.Errorf("%q: %d %v %s", header, r.StatusCode, r.Header, b)
		}
	}
	r, b := c.do("PUT", api.Base+"/streams/news", `{"title":"x"}`, "Authorization", "Basic "+encoded)
	if p := want[problem](t, 403, r, b); p.Code != "forbidden" {
		t.Errorf("%+v", p)
	}
	for _, path := range []string{"/health/live", "/health/ready", api.Base + "/monitoring/liveness", api.Base + "/monitoring/readiness"} {
		if r, b := c.do("GET", path, "", "Authorization", ""); r.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, r.StatusCode, b)
		}
	}
}

func TestNotReady(t *testing.T) {
	s := newServer(newFake())
	s.Ready = func() error { return fmt.Errorf("the configuration is not loaded yet") }
	c := call{s.Handler(), t}
	if r, b := c.do("GET", "/health/ready", ""); r.StatusCode != 503 || !strings.Contains(b, "not loaded") {
		t.Errorf("%d %s", r.StatusCode, b)
	}
	if r, _ := c.do("GET", "/health/live", ""); r.StatusCode != 200 {
		t.Errorf("%d", r.StatusCode)
	}
}

// TestOtherSitesChangeNothing sends what the page of another site can make a browser
// send, which adds the credentials by itself.
func TestOtherSitesChangeNothing(t *testing.T) {
	f := newFake()
	c := call{newServer(f).Handler(), t}
	const key = `{"line":"ssh-ed25519 AAAA evil"}`
	for _, h := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"},
	} {
		for _, path := range []string{"/users/ann/keys", "/streams/news/stop", "/config"} {
			r, b := c.do("POST", api.Base+path, key, h...)
			if p := want[problem](t, 403, r, b); p.Code != "cross_origin" {
				t.Errorf("%v: %s", h, b)
			}
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		r, b := c.do("POST", api.Base+"/users/ann/keys", key, "Content-Type", kind)
		if p := want[problem](t, 415, r, b); p.Code != "unsupported_media_type" {
			t.Errorf("%q: %s", kind, b)
		}
	}
	if len(f.did) != 0 {
		t.Errorf("done: %v", f.did)
	}
	for _, h := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://example.com"}, {"Sec-Fetch-Site", "none"}, {"Content-Type", "application/json; charset=utf-8"}} {
		if r, b := c.do("POST", api.Base+"/streams/news/stop", "", h...); r.StatusCode != 204 {
			t.Errorf("%v: %d %s", h, r.StatusCode, b)
		}
	}
	if r, b := c.do("GET", api.Base+"/streams", "", "Sec-Fetch-Site", "cross-site"); r.StatusCode != 200 {
		t.Errorf("reading: %d %s", r.StatusCode, b)
	}
}

func TestDescriptionTakesNoLogin(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	for name, begin := range map[string]string{"openapi.json": "{", "openapi-3.0.json": "{", "openapi.yaml": "components:", "openapi-3.0.yaml": "components:"} {
		if r, b := c.do("GET", api.Base+"/"+name, "", "Authorization", ""); r.StatusCode != 200 || !strings.HasPrefix(b, begin) {
			t.Errorf("%s: %d %.60s", name, r.StatusCode, b)
		}
	}
}

// TestBadFieldsAreExplained: every field that is wrong, with what was expected, in no
// words of the program.
func TestBadFieldsAreExplained(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	const body = `{"title":5,"disabled":"yes","program_id":70000,"service":null,"protocols":"hls","segment_duration":"5",
		"inputs":[{"url":"udp://a","headers":{"X":1}},7],"outputs":[{"titel":1}]}`
	r, b := c.do("PUT", api.Base+"/streams/news", body)
	got := map[string]string{}
	for _, f := range want[problem](t, 422, r, b).Fields {
		got[strings.TrimPrefix(f.Path, "channels[news].")] = f.Text
	}
	expected := map[string]string{
		"title": "expected text, found 5", "disabled": "expected true or false, found text", "program_id": "expected a whole number from 0 to 65535, found 70000",
		"protocols": "expected a list, found text", "segment_duration": `"5" is not a length of time`, "inputs[0].headers[X]": "expected text, found 1",
		"inputs[1]": "expected an object, found 7", "outputs[0].titel": "unknown field: expected one of url, ",
	}
	for path, text := range expected {
		if !strings.HasPrefix(got[path], text) {
			t.Errorf("%s: %q, want %q", path, got[path], text)
		}
	}
	if len(got) != len(expected) {
		t.Errorf("%v", got)
	}
	for body, text := range map[string]string{`[1]`: "expected a JSON object, found a list", `{"a":`: "expected a JSON object: ", `nope`: "expected a JSON object: not JSON at byte 2"} {
		r, b := c.do("PUT", api.Base+"/streams/news", body)
		if p := want[problem](t, 422, r, b); len(p.Fields) != 1 || !strings.HasPrefix(p.Fields[0].Text, text) || strings.Contains(b, "Go value") || strings.Contains(b, "json:") {
			t.Errorf("%s: %s", body, b)
		}
	}
	for sort, status := range map[string]int{"nope": 400, "name,-nope": 400, "title.x": 400, "-stats.bitrate,name": 200} {
		if r, b := c.do("GET", api.Base+"/streams?sort="+sort, ""); r.StatusCode != status {
			t.Errorf("sort=%s: %d %s", sort, r.StatusCode, b)
		}
	}
}

func TestErrorsHaveOneShape(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	for _, k := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", api.Base + "/nothing", "", 404, "not_found"},
		{"PATCH", api.Base + "/streams", "", 405, "method_not_allowed"},
		{"GET", api.Base + "/users", "", 500, "internal"},
		{"GET", api.Base + "/alarm_definitions/none", "", 404, "not_found"},
		{"POST", api.Base + "/alarms/x/ack", "", 422, "invalid"},
		{"POST", api.Base + "/api_tokens", `{"name":1}`, 422, "invalid"},
		{"POST", api.Base + "/api_tokens", `{"name":`, 400, "bad_request"},
		{"POST", api.Base + "/api_tokens", `{"name":"x","role":"god"}`, 422, "invalid"},
		{"GET", api.Base + "/log", "", 500, "internal"}, // panics
	} {
		r, b := c.do(k.method, k.path, k.body)
		if p := want[problem](t, k.status, r, b); p.Code != k.code || p.Text == "" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v %s", k.method, k.path, r.Header, b)
		}
	}
}

func TestRequestID(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	r, _ := c.do("GET", "/health/live", "", "X-Request-Id", "abc-1")
	if r.Header.Get("X-Request-Id") != "abc-1" {
		t.Errorf("%v", r.Header)
	}
	r, _ = c.do("GET", "/health/live", "", "X-Request-Id", "a b\n")
	if id := r.Header.Get("X-Request-Id"); len(id) < 20 || strings.Contains(id, " ") {
		t.Errorf("%v", r.Header)
	}
}

func TestRest(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	for path, text := range map[string]string{
		"/alarms":                       `"code":"input_lost","severity":"minor","object":"channel/news","raised_at":"1970-01-01T`,
		"/alarm_definitions/input_lost": `"hold_s":1.5`,
		"/sessions?name=film":           `"id":"b"`,
		"/system":                       `"uptime":90`,
		"/config/stats":                 `"unacknowledged":0`,
	} {
		r, b := c.do("GET", api.Base+path, "")
		flat := strings.NewReplacer(": ", ":", ", ", ",").Replace(b)
		if path == "/alarms" {
			var v struct{ Alarms []map[string]any }
			if err := json.Unmarshal([]byte(b), &v); err != nil || len(v.Alarms) != 1 || v.Alarms[0]["severity"] != "minor" || v.Alarms[0]["cleared_at"] != nil {
				t.Errorf("%s", b)
			}
			continue
		}
		if r.StatusCode != 200 || !strings.Contains(flat, text) {
			t.Errorf("%s: %d %s", path, r.StatusCode, b)
		}
	}
	r, b := c.do("POST", api.Base+"/api_tokens", `{"name":"x","role":"viewer","ttl":60}`)
	if v := want[map[string]any](t, 200, r, b); v["secret"] != "tok-new" || v["role"] != "viewer" {
		t.Errorf("%s", b)
	}
}

// TestEventStream reads the stream of server-sent events, breaks it off, and goes on
// where it was.
func TestEventStream(t *testing.T) {
	f := newFake()
	for i := range int64(250) {
		f.events = append(f.events, control.Event{ID: i + 1, Kind: "login"})
	}
	srv := httptest.NewServer(newServer(f).Handler())
	defer srv.Close()
	lines, stop := follow(t, srv.URL, "17")
	for id := 18; id <= 250; id++ {
		if got := next(t, lines, "id: "); got != fmt.Sprint(id) {
			t.Fatalf("event %s, want %d", got, id)
		}
	}
	if s := next(t, lines, "event: "); s != "state" { // the event: line of 250 was passed over with its id
		if s = next(t, lines, "event: "); s != "state" {
			t.Errorf("%s", s)
		}
	}
	if data := next(t, lines, "data: "); !strings.Contains(data, `"streams":[{"name":"news"`) {
		t.Errorf("%s", data)
	}
	f.happen(control.Event{ID: 250, Kind: "login"}) // known already
	f.happen(control.Event{ID: 251, Kind: "alarm_raised", Object: "channel/news"})
	if got := next(t, lines, "id: "); got != "251" {
		t.Errorf("event %s", got)
	}
	stop()
	lines, stop = follow(t, srv.URL, "")
	defer stop()
	if s := next(t, lines, "event: "); s != "state" {
		t.Errorf("a new stream begins with %s", s)
	}
}

func follow(t *testing.T, url, last string) (*bufio.Scanner, func()) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+api.Base+"/events/stream?interval=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("viewer", "secret")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	timer := time.AfterFunc(20*time.Second, func() { resp.Body.Close() })
	return bufio.NewScanner(resp.Body), func() { timer.Stop(); resp.Body.Close() }
}

func next(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return v
		}
	}
	t.Fatalf("no more %q: %v", prefix, lines.Err())
	return ""
}

// TestServiceIsWhole checks that the interface leaves out nothing of control but what
// is not for HTTP.
func TestServiceIsWhole(t *testing.T) {
	other := []string{"RevisionText", "AuthenticateKey", "SetupPending", "SetupCode", "Setup", "AddUser", "ExportSecrets", "Boot", "Run", "Record", "AlarmChanged"}
	has := reflect.TypeFor[api.Service]()
	for m := range reflect.TypeFor[*control.Service]().Methods() {
		if _, ok := has.MethodByName(m.Name); !ok && !slices.Contains(other, m.Name) {
			t.Errorf("control.Service.%s has no operation", m.Name)
		}
	}
}
