package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"sigma/headend/control"
)

// Problem is the one shape of errors.
type Problem struct {
	Code   string  `json:"code" doc:"stable name of what is wrong" example:"invalid"`
	Text   string  `json:"text" doc:"what was expected, what was found, what to do"`
	Fields []Field `json:"fields,omitempty" doc:"every field that is wrong"`

	status int
}

// Field says what is wrong with one field.
type Field struct {
	Path string `json:"path" example:"channels[news].inputs[0].url"`
	Text string `json:"text"`
}

// Error returns Text.
func (p *Problem) Error() string { return p.Text }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.status }

var _ huma.StatusError = (*Problem)(nil)

// The errors of this package.
var (
	errNoCredentials = errors.New("no credentials: send Authorization with Basic or Bearer")
	errPrecondition  = errors.New("changed since it was read: read it again and repeat the change")
)

// problem turns any error into its answer. It is the only place that does.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *control.Error
	switch {
	case errors.As(err, &e):
		p := &Problem{status: statusOf(e.Code), Code: string(e.Code), Text: text(e)}
		for _, f := range e.Fields {
			p.Fields = append(p.Fields, Field{Path: f.Path, Text: f.Text})
		}
		if p.status < http.StatusInternalServerError {
			return p
		}
		s.failed(ctx, err)
		return p
	case errors.Is(err, errNoCredentials):
		return &Problem{status: http.StatusUnauthorized, Code: string(control.CodeCredentials), Text: err.Error()}
	case errors.Is(err, errPrecondition):
		return &Problem{status: http.StatusPreconditionFailed, Code: "precondition_failed", Text: err.Error()}
	}
	var fields control.FieldErrors
	if errors.As(err, &fields) {
		return invalid(fields)
	}
	s.failed(ctx, err)
	return &Problem{status: http.StatusInternalServerError, Code: "internal", Text: err.Error()}
}

// failed logs what is our fault.
func (s *Server) failed(ctx context.Context, err error) {
	id, _ := ctx.Value(requestKey).(string)
	s.Log.Error("request failed", slog.String("request", id), slog.String("error", err.Error()))
}

// statusOf gives each kind of error of control its HTTP status.
func statusOf(c control.ErrorCode) int {
	switch c {
	case control.CodeNotFound:
		return http.StatusNotFound
	case control.CodeConflict, control.CodeNotApplied:
		return http.StatusConflict
	case control.CodeForbidden:
		return http.StatusForbidden
	case control.CodeInvalid:
		return http.StatusUnprocessableEntity
	case control.CodeCredentials:
		return http.StatusUnauthorized
	case control.CodeLocked:
		return http.StatusTooManyRequests
	case control.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// text is the error without its fields, which stand by themselves.
func text(e *control.Error) string {
	if e.Cause == nil {
		return e.Text
	}
	return e.Text + ": " + e.Cause.Error()
}

// invalid tells every field that is wrong.
func invalid(errs control.FieldErrors) *Problem {
	p := &Problem{status: http.StatusUnprocessableEntity, Code: string(control.CodeInvalid), Text: "1 field is wrong"}
	if len(errs) != 1 {
		p.Text = fmt.Sprintf("%d fields are wrong", len(errs))
	}
	for _, e := range errs {
		p.Fields = append(p.Fields, Field{Path: e.Path, Text: e.Text})
	}
	return p
}

// codeOf names the statuses that huma answers by itself.
func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "bad_request"
	case http.StatusNotAcceptable:
		return "not_acceptable"
	case http.StatusRequestTimeout:
		return "timeout"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnsupportedMediaType:
		return "unsupported_media_type"
	case http.StatusUnprocessableEntity:
		return "invalid"
	}
	return "error_" + strconv.Itoa(status)
}

// problemTransformer gives the errors that huma finds itself the shape of Problem.
func problemTransformer(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{Code: codeOf(m.Status), Text: m.Detail}
	for _, e := range m.Errors {
		if e.Location != "" {
			p.Fields = append(p.Fields, Field{Path: e.Location, Text: e.Message})
		} else if e.Message != "" {
			p.Text += ": " + e.Message
		}
	}
	ctx.SetHeader("Content-Type", "application/json")
	return p, nil
}

// problemResponse describes errors in the OpenAPI document.
func problemResponse(api huma.API) *huma.Response {
	return &huma.Response{
		Description: "Error",
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem"),
		}},
	}
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	b, err := json.Marshal(p)
	if err != nil {
		b = []byte(`{"code":"internal","text":"internal error"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(p.status)
	_, _ = w.Write(b) // the client went away
}
