package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sigma/cmd/headend/e2e"
)

// nginxAddr is where nginx serves the same files.
const nginxAddr = "127.0.0.1:8090"

// nginxConf is one process that serves files, as well as nginx can.
const nginxConf = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000000;
	client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	open_file_cache max=100;
	server { listen %[2]s; root %[1]s/www; }
}
`

// serve compares the CPU of delivering segments and playlists of a live channel with
// that of nginx delivering the same bytes as files: servers on one core, in turns, the
// load on the other.
func (b *bench) serve() error {
	f, err := b.newField(1)
	if err != nil {
		return err
	}
	defer f.close()
	d, err := b.daemon(f, strings.ReplaceAll(f.config(1, "udp", ", hls"), "inputs:", "segment_duration: 2s\n    inputs:"))
	if err != nil {
		return err
	}
	defer func() { _ = d.Stop() }()
	if err := sleep(b.ctx, 20*time.Second); err != nil {
		return err
	}
	www := filepath.Join(f.dir, "www", "c0")
	if err := os.MkdirAll(www, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(f.dir, 0o755); err != nil {
		return err
	}
	conf := filepath.Join(f.dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, f.dir, nginxAddr), 0o600); err != nil {
		return err
	}
	nginx := f.net.Command(box, "nginx", "-c", conf)
	nginx.Stderr = os.Stderr
	if err := nginx.Start(); err != nil {
		return err
	}
	defer func() { _ = nginx.Process.Kill(); _ = nginx.Wait() }()
	servers := []struct {
		name, addr string
		pid        int
	}{{"headend", e2e.HTTPAddr, d.PID()}, {"nginx", nginxAddr, nginx.Process.Pid}}
	for _, s := range servers {
		if err := pin(s.pid, 0); err != nil {
			return err
		}
	}
	for _, kind := range []struct {
		name, unit, want string
		media            bool
		per              func(data []byte) float64
	}{
		{"HLS segments of 2 s at 4 Mbit/s, 64 connections", "s of CPU per GB", "≤ 1.3 × nginx", true, func(data []byte) float64 { return 1e9 / float64(len(data)) }},
		{"live playlist, 64 connections", "µs of CPU", "≤ 1.6 × nginx", false, func([]byte) float64 { return 1e6 }},
	} {
		used := make([][]float64, len(servers))
		for round := range 3 {
			playlist, err := f.fetch("http://" + e2e.HTTPAddr + "/c0/mono.m3u8")
			if err != nil {
				return err
			}
			path, data := "mono.m3u8", playlist
			if kind.media {
				path = newest(playlist)
				if data, err = f.fetch("http://" + e2e.HTTPAddr + "/c0/" + path); err != nil {
					return err
				}
			}
			copied := fmt.Sprintf("%d.%s", round, filepath.Base(path))                    // nginx keeps files open
			if err := os.WriteFile(filepath.Join(www, copied), data, 0o644); err != nil { //nolint:gosec // nginx reads it as another user
				return err
			}
			for i, s := range servers {
				n, cpu, err := b.hammer(f, s.pid, "http://"+s.addr+"/c0/"+[]string{path, copied}[i])
				if err != nil {
					return err
				}
				used[i] = append(used[i], cpu/float64(n)*kind.per(data))
			}
		}
		ours, theirs := median(used[0]), median(used[1])
		b.add(kind.name, kind.want, "%.2f %s (%.2f × nginx, which takes %.2f)", ours, kind.unit, ours/theirs, theirs)
	}
	return nil
}

// newest returns the last URI of a playlist.
func newest(playlist []byte) (uri string) {
	for line := range strings.Lines(string(playlist)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			uri = line
		}
	}
	return uri
}

func (f *field) fetch(url string) ([]byte, error) {
	r, err := f.net.Client(box).Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, r.Status)
	}
	return io.ReadAll(r.Body)
}

var wrkCount = regexp.MustCompile(`(\d+) requests in`)

// hammer fetches one URL as fast as it comes and returns how often, and the seconds of
// CPU that the process used meanwhile.
func (b *bench) hammer(f *field, pid int, url string) (n int, cpu float64, err error) {
	before := jiffies([]int{pid})
	out, err := f.net.Command(box, "taskset", "-c", "1", "wrk", "-t1", "-c64", "-d"+strconv.Itoa(int(b.span.Seconds()))+"s", url).CombinedOutput()
	cpu = (jiffies([]int{pid}) - before) / 100
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	m := wrkCount.FindSubmatch(out)
	if m == nil || strings.Contains(string(out), "Non-2xx") {
		return 0, 0, fmt.Errorf("wrk: %s", out)
	}
	if n, err = strconv.Atoi(string(m[1])); err == nil && n == 0 {
		err = errors.New("wrk: no request was answered")
	}
	return n, cpu, err
}

// pin keeps all threads of a process on one core.
func pin(pid, core int) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(core)
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, &set); err != nil {
			return fmt.Errorf("pin to core %d: %w", core, err)
		}
	}
	return nil
}
