// Package api is the HTTP door to control: the operations an operator has, in JSON
// with an OpenAPI description, events as they happen, metrics and health. It decides
// nothing: who may do what, and what a change means, is said by control.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"sigma/headend/control"
)

// Base is the path under which the API lives.
const Base = "/streamer/api/v3"

// maxBody is the longest request body in bytes: a configuration of 1,000 channels
// takes about 1 MiB.
const maxBody = 8 << 20

// Service is what the API needs of control.
type Service interface {
	Config(ctx context.Context, a control.Actor) (control.Revision, control.Config, error)
	Revisions(ctx context.Context, a control.Actor, before int64, limit int) ([]control.Revision, error)
	Revision(ctx context.Context, a control.Actor, id int64) (control.Revision, control.Config, error)
	Diff(ctx context.Context, a control.Actor, from, to int64) ([]control.Change, error)
	Validate(ctx context.Context, a control.Actor, c control.Config) error
	Propose(ctx context.Context, a control.Actor, base int64, c control.Config) (control.Plan, error)
	Commit(ctx context.Context, a control.Actor, base int64, c control.Config, comment string) (control.Revision, error)
	Restore(ctx context.Context, a control.Actor, id int64, comment string) (control.Revision, error)
	Export(ctx context.Context, a control.Actor) ([]byte, error)
	Parse(ctx context.Context, a control.Actor, text []byte) (control.Config, error)

	Snapshot(ctx context.Context, a control.Actor) (control.Snapshot, error)
	ChannelStatus(ctx context.Context, a control.Actor, name string) (control.ChannelStatus, error)
	SelectInput(ctx context.Context, a control.Actor, channel string, input int) error
	RestartChannel(ctx context.Context, a control.Actor, channel string) error

	Sessions(ctx context.Context, a control.Actor, ended bool) ([]control.Session, error)
	CloseSession(ctx context.Context, a control.Actor, id string) error
	Reauthorize(ctx context.Context, a control.Actor, channel string) error

	Alarms(ctx context.Context, a control.Actor) ([]control.Alarm, error)
	AlarmHistory(ctx context.Context, a control.Actor, limit int) ([]control.Alarm, error)
	AlarmInfo(code control.AlarmCode) (control.AlarmInfo, bool)
	AckAlarm(ctx context.Context, a control.Actor, id int64) error

	Users(ctx context.Context, a control.Actor) ([]control.User, error)
	PutUser(ctx context.Context, a control.Actor, u control.User) error
	DeleteUser(ctx context.Context, a control.Actor, name string) error
	SetPassword(ctx context.Context, a control.Actor, name, password string) error
	AddKey(ctx context.Context, a control.Actor, user, line string) (control.Key, error)
	DeleteKey(ctx context.Context, a control.Actor, user, fingerprint string) error
	UnlockUser(ctx context.Context, a control.Actor, name string) error
	Authenticate(ctx context.Context, name, password, via, remote string) (control.Actor, error)
	AuthenticateToken(ctx context.Context, token, via, remote string) (control.Actor, error)
	Tokens(ctx context.Context, a control.Actor) ([]control.Token, error)
	CreateToken(ctx context.Context, a control.Actor, name string, role control.Role, ttl time.Duration) (control.Token, string, error)
	DeleteToken(ctx context.Context, a control.Actor, id string) error

	System(ctx context.Context, a control.Actor) (control.System, error)
	Interfaces(ctx context.Context, a control.Actor) ([]control.Interface, error)
	Log(ctx context.Context, a control.Actor, n int) ([]control.LogLine, error)
	Events(ctx context.Context, a control.Actor, before int64, limit int) ([]control.Event, error)
	Watch(ctx context.Context, a control.Actor) (<-chan control.Event, error)
}

var _ Service = (*control.Service)(nil)

// Session is one viewer of one channel.
type Session = control.Session

// Server makes the handler. The fields are arguments.
type Server struct {
	Control   Service
	Sessions  func() []Session // viewers now, for the metrics; nil means none
	Uncounted func() uint64    // requests of viewers beyond the limit of Sessions; nil means not known
	Ready     func() error     // why the box cannot serve yet; nil means it always can
	Version   string
	Log       *slog.Logger
	Now       func() time.Time // nil means time.Now
}

// uptime is how long the daemon has run.
func (s *Server) uptime(m control.System) time.Duration {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	return now().Sub(m.Started)
}

// Handler returns the handler of every path that Owns accepts. It may be called
// once.
func (s *Server) Handler() http.Handler {
	root := chi.NewRouter()
	root.Use(requestID, s.recover, sameSite)
	root.NotFound(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, &Problem{status: http.StatusNotFound, Code: "not_found", Text: "no such address: see " + Base + "/openapi.json"})
	})
	root.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, &Problem{status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Text: r.Method + " is not possible here: see " + Base + "/openapi.json"})
	})
	for _, p := range []string{"/health/live", Base + "/monitoring/liveness"} {
		root.Get(p, s.live)
	}
	for _, p := range []string{"/health/ready", Base + "/monitoring/readiness"} {
		root.Get(p, s.ready)
	}
	root.Handle("/metrics", s.metrics())
	root.Group(func(r chi.Router) {
		r.Use(s.authenticate, typed)
		describeAt(root, s.register(r))
	})
	return slashes(root)
}

// Owns reports whether a path belongs to the API and not to a channel.
func Owns(path string) bool {
	return path == "/metrics" || strings.HasPrefix(path, "/health/") || strings.HasPrefix(path, Base+"/")
}

// register describes every operation. The description is what huma makes of the
// types; the shape of errors is ours.
func (s *Server) register(r chi.Router) *huma.OpenAPI {
	c := huma.DefaultConfig("Headend", s.Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", "" // see describeAt
	c.CreateHooks = nil
	c.Transformers = []huma.Transformer{problemTransformer}
	c.Info.Description = "Everything an operator can do with the headend. A change is stored as a revision; If-Match with the ETag of what was read guards against another's change."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"basic":  {Type: "http", Scheme: "basic", Description: "name and password of a user"},
		"bearer": {Type: "http", Scheme: "bearer", Description: "an API token, or base64 of name:password"},
	}
	c.Security = []map[string][]string{{"basic": {}}, {"bearer": {}}}
	d := door{Server: s, api: humachi.New(r, c)}
	d.streams()
	d.config()
	d.alarms()
	d.users()
	d.box()
	d.sessions()
	d.events()
	schemas := c.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own shape of errors, which nothing refers to
	delete(schemas, "ErrorDetail")
	return d.api.OpenAPI()
}

// describeAt serves the description to everybody: whoever writes a client has no
// login yet, and it is the same on every box.
func describeAt(r chi.Router, spec *huma.OpenAPI) {
	for _, f := range []struct {
		name, kind string
		write      func() ([]byte, error)
	}{
		{"/openapi.json", "application/openapi+json", spec.MarshalJSON}, {"/openapi-3.0.json", "application/openapi+json", spec.Downgrade},
		{"/openapi.yaml", "application/openapi+yaml", spec.YAML}, {"/openapi-3.0.yaml", "application/openapi+yaml", spec.DowngradeYAML},
	} {
		text := sync.OnceValues(f.write)
		r.Get(Base+f.name, func(w http.ResponseWriter, _ *http.Request) {
			b, err := text()
			if err != nil {
				writeProblem(w, &Problem{status: http.StatusInternalServerError, Code: "internal", Text: err.Error()})
				return
			}
			w.Header().Set("Content-Type", f.kind)
			_, _ = w.Write(b) // the client went away
		})
	}
}

// door registers operations.
type door struct {
	*Server
	api huma.API
}

// operation describes one operation.
func operation(method, path, id, summary string) huma.Operation {
	tag, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return huma.Operation{
		Method: method, Path: Base + path, OperationID: id, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: maxBody,
	}
}

// add registers an operation that f carries out for the actor who asks.
func add[I, O any](d door, op huma.Operation, f func(ctx context.Context, a control.Actor, in *I) (*O, error)) {
	op.Responses = map[string]*huma.Response{"default": problemResponse(d.api)}
	huma.Register(d.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, actor(ctx), in)
		if err != nil {
			return nil, d.problem(ctx, err)
		}
		return out, nil
	})
}

// body is an answer with nothing but a body.
type body[T any] struct{ Body T }

// list returns s, or an empty list for nil: JSON knows null, clients do not.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "live"})
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.Ready != nil {
		if err := s.Ready(); err != nil {
			writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not_ready", "text": err.Error()})
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away
}
