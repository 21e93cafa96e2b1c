package api_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigma/headend/api"
)

type openAPI struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any
		}
	}
}

type operation struct {
	OperationID string
	Summary     string
	Responses   map[string]struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
		}
	}
	RequestBody *struct {
		Content map[string]struct {
			Schema struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
}

func document(t *testing.T) (openAPI, string) {
	t.Helper()
	c := call{newServer(newFake()).Handler(), t}
	r, b := c.do("GET", api.Base+"/openapi.json", "")
	if r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, b)
	}
	var doc openAPI
	if err := json.Unmarshal([]byte(b), &doc); err != nil {
		t.Fatal(err)
	}
	return doc, b
}

func TestOpenAPIIsWhole(t *testing.T) {
	doc, text := document(t)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	n := 0
	for path, ops := range doc.Paths {
		for method, op := range ops {
			n++
			if op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s %s says nothing", method, path)
			}
			if got := op.Responses["default"].Content["application/json"].Schema.Ref; got != "#/components/schemas/Problem" {
				t.Errorf("%s %s: errors are %q", method, path, got)
			}
		}
	}
	if n < 35 {
		t.Errorf("%d operations", n)
	}
	put := doc.Paths[api.Base+"/streams/{name}"]["put"].RequestBody
	if put == nil || len(put.Content["application/json"].Schema.Required) != 0 || put.Content["application/json"].Schema.Properties["inputs"] == nil {
		t.Errorf("the body of stream_save is %+v", put)
	}
	if doc.Components.Schemas["Stream"].Properties["title"] == nil || doc.Components.Schemas["Stream"].Properties["stats"] == nil {
		t.Errorf("a stream has %v", doc.Components.Schemas["Stream"].Properties)
	}
	if doc.Components.Schemas["StreamList"].Properties["next"] == nil {
		t.Errorf("a collection has %v", doc.Components.Schemas["StreamList"].Properties)
	}
	if strings.Contains(text, "ErrorModel") || strings.Contains(text, "$schema\"") {
		t.Error("left-overs of the library")
	}
}

// TestOpenAPIIsValid lets an independent parser check the document against the
// schema of OpenAPI 3.1 and resolve its references.
func TestOpenAPIIsValid(t *testing.T) {
	_, text := document(t)
	dir := npm(t, "@apidevtools/swagger-parser", "13.0.0")
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "--input-type=module", "-e", `
import SwaggerParser from '@apidevtools/swagger-parser';
const api = await SwaggerParser.validate(process.argv[1]);
console.log(Object.keys(api.paths).length);`, file)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("swagger-parser: %v\n%s", err, out)
	}
}

// npm returns a folder that holds a package of that exact version, kept between
// runs in the cache of the repository.
func npm(t *testing.T, name, version string) string {
	t.Helper()
	for _, tool := range []string{"npm", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s for %s", tool, name)
		}
	}
	dir, err := filepath.Abs(filepath.Join("../../.cache/npm", strings.NewReplacer("@", "", "/", "-").Replace(name)+"-"+version))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", name)); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, name+"@"+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install %s: %v\n%s", name, err, out)
	}
	return dir
}

// FuzzPutStream gives any body and any name to the operation that decodes most. No
// answer may be a failure of ours, and what is refused changes nothing.
func FuzzPutStream(f *testing.F) {
	for _, body := range []string{
		`{"title":"N2"}`, `{"$reset":true,"inputs":[]}`, `{"inputs":[{"url":"udp://239.0.0.1:1"},null]}`, `{"segment_duration":"5s"}`,
		`{"inputs":{"a":1}}`, `{"name":null}`, `{"program_id":-1}`, `[]`, `null`, `{"stats":1}`, `{"outputs":[{"bitrate":"8Mbit"}]}`,
		`{"pids":{"a":null}}`, `{"inputs":[{"headers":{"a":"b"}}]}`, "{\"\xff\":1}",
	} {
		f.Add("news", body)
		f.Add("tv/a b", body)
	}
	fake := newFake()
	h := newServer(fake).Handler()
	f.Fuzz(func(t *testing.T, name, body string) {
		fresh := newFake()
		fake.revision, fake.config, fake.did = fresh.revision, fresh.config, nil
		c := call{h, t}
		before := fake.revision
		r, text := c.do("PUT", api.Base+"/streams/"+urlEscape(name), body)
		if r.StatusCode >= 500 {
			t.Errorf("%d %s", r.StatusCode, text)
		}
		if changed := fake.revision != before; changed != (r.StatusCode == 200) {
			t.Errorf("%d, changed %v", r.StatusCode, changed)
		}
	})
}

func urlEscape(s string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	var out []byte
	for _, c := range []byte(s) {
		if slices.Contains([]byte(safe), c) {
			out = append(out, c)
			continue
		}
		const hex = "0123456789ABCDEF"
		out = append(out, '%', hex[c>>4], hex[c&15])
	}
	return string(out)
}
