package player

import (
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"sigma/headend/serve/reply"
)

// own are the pages and their scripts; third are the scripts of others, which "make
// build" puts there.
var (
	//go:embed page
	own embed.FS
	//go:embed third-party
	third embed.FS
)

// Assets are the files that the pages load, under one name that changes with any of
// them. They are immutable.
type Assets struct {
	hash    string
	files   map[string]*reply.Body
	scripts []string // of others that are there: "hls", "dash"
}

// types are the files that are served, by the end of their names.
var types = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain; charset=utf-8",
}

// needed are the files of others that a script of Assets consists of.
var needed = map[string][]string{
	"hls":  {"hls.min.js", "hls.worker.js"},
	"dash": {"dash.mediaplayer.min.js", "dash.mss.min.js"},
}

// BuiltIn returns the assets of this build.
func BuiltIn() *Assets {
	sub, err := fs.Sub(third, "third-party")
	if err != nil {
		return &Assets{}
	}
	a, err := NewAssets(sub)
	if err != nil {
		return &Assets{} // cannot be: they are in memory
	}
	return a
}

// NewAssets returns the assets of this package with the scripts of others that are in a
// folder.
func NewAssets(others fs.FS) (*Assets, error) {
	a := &Assets{files: map[string]*reply.Body{}}
	mine, err := fs.Sub(own, "page")
	if err != nil {
		return nil, fmt.Errorf("assets of the player: %w", err)
	}
	sum := fnv.New128a()
	for _, from := range []fs.FS{mine, others} {
		names, err := fs.Glob(from, "*.*")
		if err != nil {
			return nil, fmt.Errorf("assets of the player: %w", err)
		}
		for _, name := range names {
			kind := types[path.Ext(name)]
			if kind == "" || strings.HasPrefix(name, ".") {
				continue
			}
			text, err := fs.ReadFile(from, name)
			if err != nil {
				return nil, fmt.Errorf("assets of the player: %w", err)
			}
			_, _ = sum.Write([]byte(name + "\x00" + strconv.Itoa(len(text)) + "\x00")) // never fails
			_, _ = sum.Write(text)
			a.files[name] = reply.NewBody(text, kind, reply.SegmentCache)
		}
	}
	a.hash = fmt.Sprintf("%x", sum.Sum(nil))[:16]
	for name, files := range needed {
		if !slices.ContainsFunc(files, func(f string) bool { return a.files[f] == nil }) {
			a.scripts = append(a.scripts, name)
		}
	}
	slices.Sort(a.scripts)
	return a, nil
}

// Complete returns an error that names the scripts of others that are missing.
func (a *Assets) Complete() error {
	if len(a.scripts) == len(needed) {
		return nil
	}
	return errors.New("the player page was built without hls.js and dash.js: make build brings them")
}

// base returns where the files are, as seen from a page that lies some folders deep: a
// proxy may put all of it below a path of its own.
func (a *Assets) base(depth int) string {
	up := strings.Repeat("../", depth)
	if up == "" {
		up = "./"
	}
	return up + strings.TrimPrefix(Prefix, "/") + a.hash + "/"
}

// serve answers with one file. A page of another build finds nothing here: what it
// would get is not what it was made for.
func (a *Assets) serve(w http.ResponseWriter, r *http.Request, name string) {
	hash, name, _ := strings.Cut(name, "/")
	b := a.files[name]
	if hash != a.hash || b == nil {
		reply.Refuse(w, http.StatusNotFound, reply.NoCache, "no such file in this version: load the page again")
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	b.Serve(w, r)
}
