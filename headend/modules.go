package headend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"sigma/headend/channel"
	"sigma/headend/config"
	"sigma/headend/ingest"
	"sigma/headend/ingest/file"
	"sigma/headend/ingest/http"
	"sigma/headend/ingest/tcp"
	"sigma/headend/ingest/test"
	"sigma/headend/supervise"
	"sigma/multicast"
	"sigma/multicast/wire"
	"sigma/mux/flow"
)

// modules makes the sources and outputs that URLs name.
type modules struct {
	Sender *wireLink
}

var _ channel.Builder = modules{}

// Source implements channel.Builder: one row per scheme.
func (modules) Source(_ string, _ int, in config.Input) (channel.Source, error) {
	end, err := config.ParseInput(in.URL)
	if err != nil {
		return channel.Source{}, err
	}
	switch end.Scheme {
	case "udp", "rtp":
		return datagramSource(end)
	case "http", "https":
		s := &http.Source{URL: end.Target(), Headers: in.Headers, UserAgent: in.UserAgent, Now: monotonic}
		return counted(s, s.Count), nil
	case "tcp":
		s := &tcp.Source{URL: end.Target(), Now: monotonic}
		return counted(s, s.Count), nil
	case "file":
		s := &file.Source{Path: end.Path, Now: monotonic}
		return counted(s, s.Count), nil
	case "test":
		if _, err := test.Parse(in.URL); err != nil {
			return channel.Source{}, err
		}
		s := &test.Source{URL: in.URL, Now: monotonic}
		return counted(s, s.Count), nil
	}
	return channel.Source{}, fmt.Errorf("%s:// cannot be an input", end.Scheme)
}

// counted joins a source of ingest to what the channel shows of it.
func counted(s flow.Source, count func() ingest.Count) channel.Source {
	return channel.Source{Source: permanent{s}, Counters: func() channel.Counters {
		return channel.Counters{Sync: count().SyncErrors}
	}}
}

// permanent tells the supervisor which errors of a source no retry can mend.
type permanent struct{ flow.Source }

// Run implements flow.Source.
func (p permanent) Run(ctx context.Context, to flow.Appender[flow.Batch]) error {
	err := p.Source.Run(ctx, to)
	if errors.Is(err, ingest.ErrPermanent) {
		return supervise.Permanent(err)
	}
	return err
}

func datagramSource(end config.Endpoint) (channel.Source, error) {
	r := multicast.Receiver{Group: end.Addr, Interface: end.Interface, Now: monotonic}
	switch len(end.Sources) {
	case 0:
	case 1:
		r.Source = end.Sources[0]
	default:
		return channel.Source{}, fmt.Errorf("%d source addresses: expected one; add an input for each of the others", len(end.Sources))
	}
	if end.Local.IsValid() && end.Interface == "" {
		name, err := interfaceWith(end.Local)
		if err != nil {
			return channel.Source{}, err
		}
		r.Interface = name
	}
	s := &multicast.Source{Receiver: r}
	return channel.Source{Source: s, Warning: s.Warning, Counters: func() channel.Counters {
		k := s.Counters()
		return channel.Counters{LostPackets: k.Lost, LateReordered: k.Reordered, KernelDrops: k.Drops, Sync: k.Malformed}
	}}, nil
}

// Output implements channel.Builder.
func (m modules) Output(name string, index int, out config.Output) (channel.Output, error) {
	end, err := config.ParseOutput(out.URL)
	if err != nil {
		return channel.Output{}, err
	}
	sel, err := channel.NewSelection(out.ProgramID, out.Service, out.Provider, out.PIDs)
	if err != nil {
		return channel.Output{}, err
	}
	spec := wire.Spec{
		ID: outputID(name, out), To: end.Addr, Interface: end.Interface, Source: end.Local,
		TTL: *out.TTL, DSCP: out.DSCP, Loop: out.MulticastLoop || end.Loopback(), RTP: end.Scheme == "rtp", Rate: int64(out.Bitrate),
	}
	o := &datagramOutput{link: m.Sender, spec: spec, selection: sel}
	return channel.Output{Output: o, Status: o.status}, nil
}

// outputID names an output across restarts of the daemon. Names and addresses may be
// longer than the wire process takes.
func outputID(channel string, out config.Output) string {
	sum := sha256.Sum256([]byte(channel + "\x00" + out.URL))
	return hex.EncodeToString(sum[:16])
}
