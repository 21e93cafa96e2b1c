// A player of WHEP (draft-ietf-wish-whep): it asks for what the browser can decode,
// says how far it is behind, and ends its session when it is left.

/** Reads the ICE servers of Link headers (RFC 8288). */
export function iceServers(header) {
  const out = [];
  for (const link of (header ?? '').split(/,\s*(?=<)/)) {
    const m = /^<([^>]+)>(.*)$/.exec(link.trim());
    if (!m || !/;\s*rel="?ice-server"?/.test(m[2])) continue;
    const value = (name) => new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(m[2])?.[1].replace(/\\(.)/g, '$1');
    out.push({ urls: m[1], username: value('username'), credential: value('credential') });
  }
  return out;
}

/** One WHEP session. on.failed(text) is called at most once, when it cannot go on. */
export class Session {
  constructor(video, url, on) {
    Object.assign(this, { video, url, on, over: false, last: null });
  }

  async start() {
    const pc = this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    const media = new MediaStream();
    pc.ontrack = (e) => {
      media.addTrack(e.track);
      if (this.video.srcObject !== media) this.video.srcObject = media;
    };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === 'failed') this.fail('');
    };
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    await pc.setLocalDescription();
    this.abort = new AbortController();
    const r = await fetch(this.url, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp, signal: this.abort.signal,
    });
    const body = await r.text();
    if (this.over) {
      this.leave(r);
      return;
    }
    if (r.status !== 201) throw new Error(reason(r, body));
    this.resource = new URL(r.headers.get('Location') ?? '', r.url).href;
    const servers = iceServers(r.headers.get('Link'));
    if (servers.length) pc.setConfiguration({ ...pc.getConfiguration(), iceServers: servers });
    await pc.setRemoteDescription({ type: 'answer', sdp: body });
  }

  fail(text) {
    if (this.over) return;
    this.stop();
    this.on.failed(text);
  }

  leave(r) {
    const at = r.headers.get('Location');
    if (r.status === 201 && at) fetch(new URL(at, r.url), { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  stop() {
    const { pc, resource } = this;
    this.over = true;
    this.abort?.abort();
    this.video.srcObject = null;
    this.resource = null;
    // The server forgets a session whose connection was closed, and then knows none to end.
    if (resource) fetch(resource, { method: 'DELETE', keepalive: true }).catch(() => {}).finally(() => pc.close());
    else pc?.close();
  }

  /** Returns the delay since the server sent what is shown, in seconds: half a round trip and the jitter buffer; null when not known. */
  async latency() {
    let buffer = null, trip = 0;
    for (const s of (await this.pc.getStats()).values()) {
      if (s.type === 'candidate-pair' && s.nominated) trip = s.currentRoundTripTime ?? 0;
      if (s.type === 'inbound-rtp' && s.kind === 'video') {
        const now = [s.jitterBufferDelay, s.jitterBufferEmittedCount];
        if (this.last && now[1] > this.last[1]) buffer = (now[0] - this.last[0]) / (now[1] - this.last[1]);
        this.last = now;
      }
    }
    return buffer === null ? null : buffer + trip / 2;
  }
}

/** Returns what the server says of why it refuses. */
function reason(r, body) {
  try {
    return JSON.parse(body).detail ?? `HTTP ${r.status}`;
  } catch {
    return body.trim().slice(0, 200) || `HTTP ${r.status}`;
  }
}
