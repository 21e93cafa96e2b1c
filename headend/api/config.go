package api

import (
	"context"
	"errors"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sigma/headend/control"
)

func isConflict(err error) bool { return errors.Is(err, control.ErrConflict) }

// Document is a configuration in a request: JSON, or the text form.
type Document struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/json"`
}

// read returns the configuration: old changed by JSON, or the text.
func (d door) read(ctx context.Context, a control.Actor, old control.Config, doc Document) (control.Config, error) {
	if kind, _, _ := mime.ParseMediaType(doc.ContentType); isText(kind) {
		return d.Control.Parse(ctx, a, doc.RawBody)
	}
	return merge(old, doc.RawBody, "")
}

// revisionPage asks for a list that is read backwards.
type revisionPage struct {
	Before int64 `query:"before" minimum:"0" doc:"only those with a smaller id; 0 begins at the newest"`
	Limit  int   `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

// RevisionPath names a revision.
type RevisionPath struct {
	ID int64 `path:"id" minimum:"1"`
}

// revisionDocument is a revision with its configuration.
type revisionDocument struct {
	control.Revision
	Config control.Config `json:"config"`
}

func (d door) config() {
	d.configDocument()
	add(d, operation(http.MethodGet, "/config/stats", "config_stats", "Show the state of the whole box"),
		func(ctx context.Context, a control.Actor, _ *struct{}) (*body[state], error) {
			s, err := d.Control.Snapshot(ctx, a)
			return &body[state]{stateOf(s)}, err
		})
	type revisions struct {
		Revisions []control.Revision `json:"revisions"`
	}
	add(d, operation(http.MethodGet, "/config/revisions", "revisions_list", "List revisions, newest first"),
		func(ctx context.Context, a control.Actor, in *revisionPage) (*body[revisions], error) {
			l, err := d.Control.Revisions(ctx, a, in.Before, in.Limit)
			return &body[revisions]{revisions{list(l)}}, err
		})
	add(d, operation(http.MethodGet, "/config/revisions/{id}", "revision_get", "Show a revision"),
		func(ctx context.Context, a control.Actor, in *RevisionPath) (*body[revisionDocument], error) {
			r, c, err := d.Control.Revision(ctx, a, in.ID)
			return &body[revisionDocument]{revisionDocument{r, c}}, err
		})
	type restore struct {
		RevisionPath
		Body struct {
			Comment string `json:"comment,omitempty" maxLength:"1000"`
		}
	}
	add(d, operation(http.MethodPost, "/config/revisions/{id}/restore", "revision_restore", "Commit an earlier revision again"),
		func(ctx context.Context, a control.Actor, in *restore) (*body[control.Revision], error) {
			r, err := d.Control.Restore(ctx, a, in.ID, in.Body.Comment)
			return &body[control.Revision]{r}, err
		})
	type span struct {
		From int64 `query:"from" required:"true" minimum:"1"`
		To   int64 `query:"to" required:"true" minimum:"1"`
	}
	type changes struct {
		Changes []control.Change `json:"changes"`
	}
	add(d, operation(http.MethodGet, "/config/diff", "config_diff", "Compare two revisions"),
		func(ctx context.Context, a control.Actor, in *span) (*body[changes], error) {
			c, err := d.Control.Diff(ctx, a, in.From, in.To)
			return &body[changes]{changes{list(c)}}, err
		})
}

// configDocument registers what reads and changes the configuration as a whole.
func (d door) configDocument() {
	add(d, operation(http.MethodGet, "/config", "config_get", "Show the configuration"),
		func(ctx context.Context, a control.Actor, _ *struct{}) (*tagged[control.Config], error) {
			r, c, err := d.Control.Config(ctx, a)
			return &tagged[control.Config]{etag(r.ID), c}, err
		})
	type text struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}
	op := operation(http.MethodGet, "/config/text", "config_text", "Show the configuration as text")
	add(d, op, func(ctx context.Context, a control.Actor, _ *struct{}) (*text, error) {
		b, err := d.Control.Export(ctx, a)
		return &text{"text/plain; charset=utf-8", b}, err
	})
	type put struct {
		Document
		Change
	}
	d.withDocument(operation(http.MethodPut, "/config", "config_save", "Change the configuration"), func(op huma.Operation) {
		add(d, op, func(ctx context.Context, a control.Actor, in *put) (*tagged[control.Config], error) {
			return d.putConfig(ctx, a, in.Document, in.Change)
		})
	})
	type valid struct {
		Valid bool `json:"valid"`
	}
	d.withDocument(operation(http.MethodPost, "/config", "config_validate", "Check a configuration; nothing changes"), func(op huma.Operation) {
		add(d, op, func(ctx context.Context, a control.Actor, in *Document) (*body[valid], error) {
			c, err := d.read(ctx, a, control.Config{}, *in)
			if err == nil {
				err = d.Control.Validate(ctx, a, c)
			}
			return &body[valid]{valid{true}}, err
		})
	})
	d.withDocument(operation(http.MethodPost, "/config/propose", "config_propose", "Say what a change would do; nothing changes"), func(op huma.Operation) {
		add(d, op, func(ctx context.Context, a control.Actor, in *put) (*body[control.Plan], error) {
			return d.propose(ctx, a, in.Document, in.Change)
		})
	})
}

// withDocument registers an operation that takes a configuration.
func (d door) withDocument(op huma.Operation, register func(huma.Operation)) {
	op.Description = `JSON changes what it names, null removes, "$reset": true replaces everything; text/plain replaces everything.`
	op.SkipValidateBody = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"text/plain": {Schema: &huma.Schema{Type: huma.TypeString, Description: "the configuration in its text form"}},
	}}
	register(op)
	describe[control.Config](d, op.RequestBody)
}

// next returns the configuration a request asks for and the revision it stands on.
func (d door) next(ctx context.Context, a control.Actor, doc Document, c Change) (int64, control.Config, error) {
	r, old, err := d.Control.Config(ctx, a)
	if err != nil {
		return 0, control.Config{}, err
	}
	base, err := c.base(r.ID)
	if err != nil {
		return 0, control.Config{}, err
	}
	cfg, err := d.read(ctx, a, old, doc)
	return base, cfg, err
}

func (d door) putConfig(ctx context.Context, a control.Actor, doc Document, c Change) (*tagged[control.Config], error) {
	base, cfg, err := d.next(ctx, a, doc, c)
	if err != nil {
		return nil, err
	}
	if _, err := d.Control.Commit(ctx, a, base, cfg, c.Comment); err != nil {
		return nil, c.refine(err)
	}
	r, cfg, err := d.Control.Config(ctx, a)
	return &tagged[control.Config]{etag(r.ID), cfg}, err
}

func (d door) propose(ctx context.Context, a control.Actor, doc Document, c Change) (*body[control.Plan], error) {
	base, cfg, err := d.next(ctx, a, doc, c)
	if err != nil {
		return nil, err
	}
	p, err := d.Control.Propose(ctx, a, base, cfg)
	p.Changes = list(p.Changes)
	return &body[control.Plan]{p}, c.refine(err)
}
