package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sigma/headend/control"
)

// Stream is a channel: its configuration and, beside it, what it does.
type Stream struct {
	control.Channel
	Stats *control.ChannelStatus `json:"stats,omitempty" doc:"what the stream does now; ignored in requests"`
}

// StreamPath names a stream. (Parts of requests are exported, because only then
// are their fields read.)
type StreamPath struct {
	Name string `path:"name" maxLength:"128" doc:"name of the stream; slashes as they are or as %2F" example:"tv/news"`
}

// Change is how a request says on what it stands and why.
type Change struct {
	IfMatch string `header:"If-Match" doc:"ETag of what was read: the change is refused if there is a newer revision"`
	Comment string `query:"comment" maxLength:"1000" doc:"why, for the list of revisions"`
}

// base returns the revision a change stands on: that of If-Match, or the newest.
func (c *Change) base(newest int64) (int64, error) {
	if c.IfMatch == "" || c.IfMatch == "*" {
		return newest, nil
	}
	n, err := strconv.ParseInt(strings.Trim(c.IfMatch, `"`), 10, 64)
	if err != nil || n != newest {
		return 0, errPrecondition
	}
	return n, nil
}

func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// tagged is an answer with the revision it shows.
type tagged[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func (d door) streams() {
	type streamList struct {
		Page
		Streams []row[Stream] `json:"streams"`
	}
	add(d, operation(http.MethodGet, "/streams", "streams_list", "List streams"),
		func(ctx context.Context, a control.Actor, in *query) (*tagged[streamList], error) {
			all, revision, err := d.allStreams(ctx, a)
			if err != nil {
				return nil, err
			}
			rows, p, err := collect(in, all)
			return &tagged[streamList]{etag(revision), streamList{p, rows}}, err
		})
	add(d, operation(http.MethodGet, "/streams/{name}", "stream_get", "Show a stream"),
		func(ctx context.Context, a control.Actor, in *StreamPath) (*tagged[Stream], error) {
			return d.stream(ctx, a, in.Name)
		})
	type put struct {
		StreamPath
		Change
		RawBody []byte `contentType:"application/json"`
	}
	op := operation(http.MethodPut, "/streams/{name}", "stream_save", "Create or change a stream")
	op.Description = `Fields that are given are set, null removes one, lists are replaced; "$reset": true replaces the whole stream.`
	addRaw[control.Channel](d, op, d.putStream, func(in *put) (StreamPath, Change, []byte) { return in.StreamPath, in.Change, in.RawBody })
	type remove struct {
		StreamPath
		Change
	}
	add(d, operation(http.MethodDelete, "/streams/{name}", "stream_delete", "Delete a stream"),
		func(ctx context.Context, a control.Actor, in *remove) (*struct{}, error) {
			return nil, d.deleteStream(ctx, a, in.Name, in.Change)
		})
	add(d, operation(http.MethodPost, "/streams/{name}/stop", "stream_stop", "Restart a stream"),
		func(ctx context.Context, a control.Actor, in *StreamPath) (*struct{}, error) {
			return nil, d.Control.RestartChannel(ctx, a, in.Name)
		})
	type choice struct {
		StreamPath
		Index int `path:"index" minimum:"-1" maximum:"1000" doc:"place in inputs, from 0; -1 lets the stream choose again"`
	}
	add(d, operation(http.MethodPost, "/streams/{name}/inputs/{index}/select", "stream_input_select", "Hold a stream on one input"),
		func(ctx context.Context, a control.Actor, in *choice) (*struct{}, error) {
			return nil, d.Control.SelectInput(ctx, a, in.Name, in.Index)
		})
}

// addRaw registers an operation whose body is a change to a T: huma cannot know that
// absent, null and empty differ, so the body is taken as it came.
func addRaw[T, I, O any](d door, op huma.Operation, f func(context.Context, control.Actor, StreamPath, Change, []byte) (*O, error), take func(*I) (StreamPath, Change, []byte)) {
	op.SkipValidateBody = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	add(d, op, func(ctx context.Context, a control.Actor, in *I) (*O, error) {
		path, c, body := take(in)
		return f(ctx, a, path, c, body)
	})
	describe[T](d, op.RequestBody)
}

// describe says that a JSON body holds any fields of a T.
func describe[T any](d door, body *huma.RequestBody) {
	full := huma.SchemaFromType(d.api.OpenAPI().Components.Schemas, reflect.TypeFor[T]())
	partial := *full
	partial.Required = nil
	body.Content["application/json"] = &huma.MediaType{Schema: &partial}
}

// allStreams returns the streams in the order of the configuration.
func (d door) allStreams(ctx context.Context, a control.Actor) ([]Stream, int64, error) {
	rev, c, err := d.Control.Config(ctx, a)
	if err != nil {
		return nil, 0, err
	}
	snap, err := d.Control.Snapshot(ctx, a)
	if err != nil {
		return nil, 0, err
	}
	stats := map[string]*control.ChannelStatus{}
	for i := range snap.Channels {
		stats[snap.Channels[i].Name] = &snap.Channels[i]
	}
	all := make([]Stream, 0, len(c.Channels))
	for _, ch := range c.Channels {
		all = append(all, Stream{ch, stats[ch.Name]})
	}
	return all, rev.ID, nil
}

func (d door) stream(ctx context.Context, a control.Actor, name string) (*tagged[Stream], error) {
	rev, c, err := d.Control.Config(ctx, a)
	if err != nil {
		return nil, err
	}
	ch := c.Channel(name)
	if ch == nil {
		return nil, noStream(name)
	}
	out := &tagged[Stream]{etag(rev.ID), Stream{Channel: *ch}}
	if st, err := d.Control.ChannelStatus(ctx, a, name); err == nil {
		out.Body.Stats = &st
	}
	return out, nil
}

func noStream(name string) error {
	return &Problem{status: http.StatusNotFound, Code: string(control.CodeNotFound), Text: "there is no stream " + name}
}

func (d door) putStream(ctx context.Context, a control.Actor, path StreamPath, c Change, body []byte) (*tagged[Stream], error) {
	rev, cfg, err := d.Control.Config(ctx, a)
	if err != nil {
		return nil, err
	}
	base, err := c.base(rev.ID)
	if err != nil {
		return nil, err
	}
	old := control.Channel{Name: path.Name}
	place := slices.IndexFunc(cfg.Channels, func(ch control.Channel) bool { return ch.Name == path.Name })
	if place >= 0 {
		old = cfg.Channels[place]
	}
	ch, err := merge(old, body, "channels["+path.Name+"]", "stats")
	if err != nil {
		return nil, err
	}
	if ch.Name == "" {
		ch.Name = path.Name
	}
	if ch.Name != path.Name {
		return nil, control.FieldErrors{{Path: "channels[" + path.Name + "].name", Text: "the name of a stream cannot change: expected " + path.Name}}
	}
	cfg.Channels = slices.Clone(cfg.Channels)
	if place >= 0 {
		cfg.Channels[place] = ch
	} else {
		cfg.Channels = append(cfg.Channels, ch)
	}
	if _, err := d.Control.Commit(ctx, a, base, cfg, c.Comment); err != nil {
		return nil, c.refine(err)
	}
	return d.stream(ctx, a, path.Name)
}

// refine tells a client that used If-Match that its condition failed.
func (c *Change) refine(err error) error {
	if c.IfMatch != "" && c.IfMatch != "*" && isConflict(err) {
		return errPrecondition
	}
	return err
}

func (d door) deleteStream(ctx context.Context, a control.Actor, name string, c Change) error {
	rev, cfg, err := d.Control.Config(ctx, a)
	if err != nil {
		return err
	}
	base, err := c.base(rev.ID)
	if err != nil {
		return err
	}
	if cfg.Channel(name) == nil {
		return noStream(name)
	}
	cfg.Channels = slices.DeleteFunc(slices.Clone(cfg.Channels), func(ch control.Channel) bool { return ch.Name == name })
	_, err = d.Control.Commit(ctx, a, base, cfg, c.Comment)
	return c.refine(err)
}
