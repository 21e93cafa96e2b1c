package api

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sigma/headend/control"
)

// metrics returns the handler of /metrics. A scraper on this machine needs no
// credentials, any other a token.
func (s *Server) metrics() http.Handler {
	open := s.exposition(control.Scraper())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" && local(r) {
			open.ServeHTTP(w, r)
			return
		}
		s.authenticate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := actor(r.Context())
			if _, err := s.Control.Snapshot(r.Context(), a); err != nil {
				writeProblem(w, s.problem(r.Context(), err))
				return
			}
			s.exposition(a).ServeHTTP(w, r)
		})).ServeHTTP(w, r)
	})
}

// local reports whether a request comes from this machine itself, not through a
// proxy on it: none is named, and what is asked for is this machine by a name that it
// has for itself alone. A proxy that hides both cannot be told from a scraper.
func local(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	for _, h := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip", "X-Forwarded-Host"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return loopback(address(r)) && (host == "localhost" || loopback(strings.Trim(host, "[]")))
}

func loopback(s string) bool {
	ip := net.ParseIP(s)
	return ip != nil && ip.IsLoopback()
}

func (s *Server) exposition(a control.Actor) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{server: s, actor: a})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// metric is one metric with its labels.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("headend_"+name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("headend_"+name, help, labels, nil), prometheus.CounterValue}
}

// collector makes metrics of a snapshot at every scrape.
type collector struct {
	server *Server
	actor  control.Actor
}

// Describe sends nothing: what there is depends on the channels.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect asks control for the state and sends it.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	send := func(m metric, v float64, labels ...string) {
		p, err := prometheus.NewConstMetric(m.desc, m.kind, v, labels...)
		if err != nil { // a label that is not UTF-8
			p = prometheus.NewInvalidMetric(m.desc, err)
		}
		ch <- p
	}
	send(gauge("build_info", "1; the version is the label.", "version"), 1, c.server.Version)
	snap, err := c.server.Control.Snapshot(ctx, c.actor)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("headend_up", "State could be read.", nil, nil), err)
		return
	}
	channels(send, snap)
	wire(send, snap)
	sys, err := c.server.Control.System(ctx, c.actor)
	if err == nil {
		machine(send, sys)
		send(gauge("uptime_seconds", "Time since the daemon started."), c.server.uptime(sys).Seconds())
	}
	c.viewers(send)
}

type sender func(m metric, v float64, labels ...string)

// states are those a channel, an input or an output can be in, as labels.
func states() []string {
	return []string{"off", "starting", "on_air", "on_standby", "ready", "no_signal", "retrying", "failed", "idle"}
}

func sendState(send sender, m metric, now control.State, labels ...string) {
	for _, s := range states() {
		v := 0.0
		if s == string(now) {
			v = 1
		}
		send(m, v, append(labels[:len(labels):len(labels)], s)...)
	}
}

func channels(send sender, snap control.Snapshot) {
	state := gauge("channel_state", "1 for the state the channel is in.", "channel", "state")
	bitrate := gauge("channel_bitrate_bits_per_second", "Rate over the last second.", "channel")
	errors := gauge("channel_media_errors", "Media errors of the active input in the last minute.", "channel")
	switches := counter("channel_input_switches_total", "Changes of the active input.", "channel")
	active := gauge("channel_active_input", "Place of the active input, -1 for none.", "channel")
	viewers := gauge("channel_viewers", "Viewers now.", "channel")
	for _, c := range snap.Channels {
		sendState(send, state, c.State, c.Name)
		send(bitrate, float64(c.Bitrate), c.Name)
		send(errors, float64(c.Errors), c.Name)
		send(switches, float64(c.Switches), c.Name)
		send(active, float64(c.Active), c.Name)
		send(viewers, float64(c.Viewers), c.Name)
		for i, in := range c.Inputs {
			input(send, c.Name, strconv.Itoa(i), in)
		}
		for i, out := range c.Outputs {
			output(send, c.Name, strconv.Itoa(i), out)
		}
	}
	alarms := gauge("alarms", "Raised alarms.", "severity")
	for severity, n := range map[string]int{
		"critical": snap.Alarms.Critical, "major": snap.Alarms.Major, "minor": snap.Alarms.Minor, "warning": snap.Alarms.Warning,
	} {
		send(alarms, float64(n), severity)
	}
	send(gauge("alarms_unacknowledged", "Raised alarms nobody has acknowledged."), float64(snap.Alarms.Unacknowledged))
	send(counter("alarm_states_ignored_total", "States that could not raise an alarm because too many were tracked."), float64(snap.Alarms.Ignored))
	send(counter("alarm_changes_unrecorded_total", "Changes of alarms that were not stored because too many waited."), float64(snap.Alarms.Unrecorded))
	send(gauge("config_revision", "Revision that runs."), float64(snap.Revision))
}

func input(send sender, channel, index string, in control.InputStatus) {
	sendState(send, gauge("input_state", "1 for the state the input is in.", "channel", "input", "state"), in.State, channel, index)
	send(gauge("input_bitrate_bits_per_second", "Rate over the last second.", "channel", "input"), float64(in.Bitrate), channel, index)
	n := in.Counters
	for _, c := range []struct {
		name, help string
		value      uint64
	}{
		{"input_bytes_total", "Bytes received.", n.Bytes},
		{"input_packets_total", "Transport packets received.", n.Packets},
		{"input_retries_total", "Attempts after a failure.", n.Retries},
		{"input_continuity_errors_total", "Continuity_count_error of TR 101 290.", n.Continuity},
		{"input_transport_errors_total", "Packets with transport_error_indicator.", n.Transport},
		{"input_sync_errors_total", "Bytes passed over to find sync.", n.Sync},
		{"input_scrambled_packets_total", "Scrambled packets.", n.Scrambled},
		{"input_crc_errors_total", "Sections with a wrong CRC_32.", n.CRC},
		{"input_pcr_discontinuities_total", "Jumps of the PCR that were not announced.", n.PCRJumps},
		{"input_lost_packets_total", "RTP packets missing.", n.LostPackets},
		{"input_reordered_packets_total", "RTP packets out of order.", n.LateReordered},
		{"input_kernel_drops_total", "Datagrams dropped by a full socket buffer.", n.KernelDrops},
	} {
		send(counter(c.name, c.help, "channel", "input"), float64(c.value), channel, index)
	}
}

func output(send sender, channel, index string, out control.OutputStatus) {
	sendState(send, gauge("output_state", "1 for the state the output is in.", "channel", "output", "state"), out.State, channel, index)
	send(gauge("output_bitrate_bits_per_second", "Rate with stuffing.", "channel", "output"), float64(out.Bitrate), channel, index)
	send(gauge("output_stuffing_ratio", "Share of null packets, 0 to 1.", "channel", "output"), out.Stuffing, channel, index)
	for _, c := range []struct {
		name, help string
		value      uint64
	}{
		{"output_bytes_total", "Bytes sent.", out.Bytes},
		{"output_datagrams_total", "Datagrams sent.", out.Datagrams},
		{"output_late_datagrams_total", "Datagrams sent more than 5 ms after their time.", out.Late},
		{"output_overflow_packets_total", "Packets that did not fit the constant rate.", out.Overflow},
		{"output_dropped_datagrams_total", "Datagrams the system did not take.", out.Dropped},
	} {
		send(counter(c.name, c.help, "channel", "output"), float64(c.value), channel, index)
	}
}

func wire(send sender, snap control.Snapshot) {
	w := snap.Wire
	late := gauge("wire_lateness_seconds", "Lateness of datagrams over the last 10 s.", "quantile")
	send(late, w.P99/1e6, "0.99")
	send(late, w.P999/1e6, "0.999")
	send(gauge("wire_running", "1 while the sending process runs."), float64(b2i(w.Running)))
	send(gauge("wire_real_time", "1 if it runs with real-time priority."), float64(b2i(w.RealTime)))
	send(gauge("wire_outputs", "Outputs it sends."), float64(w.Outputs))
	send(counter("wire_datagrams_total", "Datagrams it sent."), float64(w.Datagrams))
	send(counter("wire_restarts_total", "Times it was started again."), float64(w.Restarts))
}

func machine(send sender, s control.System) {
	send(gauge("system_cpu_ratio", "Use of all cores, 0 to 1."), s.CPU)
	send(gauge("system_load1", "Load average over one minute."), s.Load1)
	send(gauge("system_memory_bytes", "Memory of the machine."), float64(s.MemoryTotal))
	send(gauge("system_memory_available_bytes", "Memory that can still be used."), float64(s.MemoryFree))
	send(gauge("system_disk_bytes", "Size of the disk with the data folder."), float64(s.DiskTotal))
	send(gauge("system_disk_free_bytes", "Room on the disk with the data folder."), float64(s.DiskFree))
	send(gauge("system_temperature_celsius", "Hottest sensor, 0 when there is none."), s.Temperature)
}

// viewers counts sessions by protocol.
func (c *collector) viewers(send sender) {
	if c.server.Uncounted != nil {
		send(counter("sessions_uncounted_requests_total", "Requests of viewers beyond those that are counted."), float64(c.server.Uncounted()))
	}
	if c.server.Sessions == nil {
		return
	}
	n := map[string]int{}
	for _, s := range c.server.Sessions() {
		n[s.Protocol]++
	}
	m := gauge("sessions", "Viewers now.", "protocol")
	for p, n := range n {
		send(m, float64(n), p)
	}
}
