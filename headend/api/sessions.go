package api

import (
	"context"
	"net/http"
	"slices"

	"sigma/headend/control"
)

// Ended chooses between the viewers of now and those who are gone.
type Ended struct {
	query
	Ended bool `query:"ended" doc:"those who ended last, newest first, with the reason, instead of those of now"`
}

// sessions registers what concerns viewers.
func (d door) sessions() {
	type sessionList struct {
		Page
		Sessions []row[Session] `json:"sessions"`
	}
	add(d, operation(http.MethodGet, "/sessions", "sessions_list", "List viewers"),
		func(ctx context.Context, a control.Actor, in *Ended) (*body[sessionList], error) {
			in.filters.Del("ended")
			l, err := d.Control.Sessions(ctx, a, in.Ended)
			if err != nil {
				return nil, err
			}
			rows, p, err := collect(&in.query, l)
			return &body[sessionList]{sessionList{p, rows}}, err
		})
	type which struct {
		ID string `path:"id" maxLength:"64"`
	}
	add(d, operation(http.MethodGet, "/sessions/{id}", "session_get", "Show a viewer, or one who ended not long ago"),
		func(ctx context.Context, a control.Actor, in *which) (*body[Session], error) {
			for _, ended := range []bool{false, true} {
				l, err := d.Control.Sessions(ctx, a, ended)
				if err != nil {
					return nil, err
				}
				if i := slices.IndexFunc(l, func(s Session) bool { return s.ID == in.ID }); i >= 0 {
					return &body[Session]{l[i]}, nil
				}
			}
			return nil, errNoSession
		})
	add(d, operation(http.MethodDelete, "/sessions/{id}", "session_delete", "Send a viewer away"),
		func(ctx context.Context, a control.Actor, in *which) (*struct{}, error) {
			return nil, d.Control.CloseSession(ctx, a, in.ID)
		})
	type whose struct {
		Name string `query:"name" maxLength:"128" doc:"stream; empty means all"`
	}
	add(d, operation(http.MethodPost, "/sessions/reauth", "sessions_reauth", "Ask on_play again about viewers"),
		func(ctx context.Context, a control.Actor, in *whose) (*struct{}, error) {
			return nil, d.Control.Reauthorize(ctx, a, in.Name)
		})
}

var errNoSession = &Problem{status: http.StatusNotFound, Code: "not_found", Text: "no such session: see /sessions and /sessions?ended=true"}
