// The ways to play. Every engine has the same face:
//
//   start()             begins; done when the video may be told to play; rejects when it cannot
//   stop()              ends and leaves the video empty
//   choices(kind)       [{ id, label, on }] of 'quality', 'audio' or 'text'; label is text or a track of info
//   choose(kind, id)    'auto' and 'off' are ids too
//   latency()           seconds behind live, null when not known; may be a promise
//   live()              goes to the live edge
//   behind()            seconds between the position and the live edge of the engine
//
// on.failed(text) is called when it cannot go on; on.changed() when choices changed.
import { say } from './words.js';
import { Session } from './whep.js';

/** Loads a script once. */
const loaded = new Map();
export function script(url) {
  if (!loaded.has(url)) {
    loaded.set(url, new Promise((ok, no) => {
      const s = document.createElement('script');
      s.src = url;
      s.onload = ok;
      s.onerror = () => {
        loaded.delete(url);
        no(new Error(say('unreachable')));
      };
      document.head.append(s);
    }));
  }
  return loaded.get(url);
}

/** Height and rate of a rung. */
function rung(height, bits) {
  const rate = bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
  return height ? `${height}p, ${rate}` : rate;
}

class Engine {
  constructor(o) {
    Object.assign(this, o); // video, url, info, assets, low, clock, on
    this.over = false;
  }
  choices() { return []; }
  choose() {}
  latency() { return null; }
  live() {
    const s = this.video.seekable;
    if (s.length) this.video.currentTime = Math.max(s.start(0), s.end(s.length - 1) - 3);
  }
  behind() {
    const s = this.video.seekable;
    return s.length ? s.end(s.length - 1) - this.video.currentTime : 0;
  }
  empty() {
    this.video.removeAttribute('src');
    this.video.load();
  }
  fail(text) {
    if (this.over) return;
    this.stop();
    this.on.failed(text);
  }
}

class HLS extends Engine {
  async start() {
    await script(this.assets + 'hls.min.js');
    const Hls = window.Hls;
    if (this.over) return;
    const hls = this.hls = new Hls({
      lowLatencyMode: this.low, workerPath: new URL(this.assets + 'hls.worker.js', document.baseURI).href,
      backBufferLength: 30, capLevelToPlayerSize: true, maxLiveSyncPlaybackRate: this.low ? 1.25 : 1,
    });
    hls.on(Hls.Events.ERROR, (_, e) => this.error(Hls, e));
    for (const e of ['MANIFEST_PARSED', 'AUDIO_TRACKS_UPDATED', 'AUDIO_TRACK_SWITCHED', 'SUBTITLE_TRACKS_UPDATED', 'SUBTITLE_TRACK_SWITCH', 'LEVEL_SWITCHED']) {
      hls.on(Hls.Events[e], () => this.on.changed());
    }
    hls.loadSource(this.url);
    hls.attachMedia(this.video);
  }
  error(Hls, e) {
    if (!e.fatal || this.over) return;
    const since = performance.now() - (this.mended ?? -1e9);
    if (e.type === Hls.ErrorTypes.MEDIA_ERROR && since > 10000) {
      this.mended = performance.now();
      this.hls.recoverMediaError();
      return;
    }
    const status = e.response?.code ? `, HTTP ${e.response.code}` : '';
    this.fail(say('failed', 'hls.js', e.details + status));
  }
  stop() {
    this.over = true;
    this.hls?.destroy();
    this.empty();
  }
  choices(kind) {
    const { hls } = this;
    if (!hls) return [];
    if (kind === 'quality') {
      return hls.levels.length < 2 ? [] : [{ id: 'auto', label: say('auto'), on: hls.autoLevelEnabled },
        ...hls.levels.map((l, i) => ({ id: String(i), label: rung(l.height, l.bitrate), on: !hls.autoLevelEnabled && hls.loadLevel === i }))];
    }
    if (kind === 'audio') return hls.audioTracks.map((t, i) => ({ id: String(i), label: t.name, on: hls.audioTrack === i }));
    const captions = [...this.video.textTracks].filter((t) => t.kind === 'captions');
    if (!hls.subtitleTracks.length && !captions.length) return [];
    const shown = captions.findIndex((t) => t.mode === 'showing');
    return [{ id: 'off', label: say('off'), on: shown < 0 && (hls.subtitleTrack < 0 || !hls.subtitleDisplay) },
      ...hls.subtitleTracks.map((t, i) => ({ id: String(i), label: t.name, on: shown < 0 && hls.subtitleDisplay && hls.subtitleTrack === i })),
      ...captions.map((t, i) => ({ id: 'cc' + i, label: t.label || 'CC', on: shown === i }))];
  }
  choose(kind, id) {
    const { hls } = this;
    if (kind === 'quality') hls.nextLevel = id === 'auto' ? -1 : Number(id);
    if (kind === 'audio') hls.audioTrack = Number(id);
    if (kind !== 'text') return;
    const captions = [...this.video.textTracks].filter((t) => t.kind === 'captions');
    captions.forEach((t, i) => { t.mode = id === 'cc' + i ? 'showing' : 'disabled'; });
    hls.subtitleDisplay = /^\d+$/.test(id);
    hls.subtitleTrack = hls.subtitleDisplay ? Number(id) : -1;
  }
  latency() {
    const at = this.hls?.playingDate;
    return at ? (this.clock() - at.getTime()) / 1000 : null;
  }
  live() {
    const at = this.hls?.liveSyncPosition;
    if (at) this.video.currentTime = at;
    else super.live();
  }
  behind() {
    const at = this.hls?.liveSyncPosition;
    return at ? at - this.video.currentTime : 0;
  }
}

class DASH extends Engine {
  async start() {
    await script(this.assets + 'dash.mediaplayer.min.js');
    if (this.mss) await script(this.assets + 'dash.mss.min.js');
    if (this.over) return;
    const { dashjs } = window;
    const p = this.player = dashjs.MediaPlayer().create();
    p.updateSettings({
      debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE },
      streaming: { text: { defaultEnabled: false }, buffer: { bufferToKeep: 30 }, abr: { limitBitrateByPortal: true } },
    });
    // What it buffers of Smooth Streaming is its delay less a segment and a half.
    if (this.mss) p.updateSettings({ streaming: { delay: { liveDelayFragmentCount: 4 } } });
    const { events } = dashjs.MediaPlayer;
    p.on(events.ERROR, (e) => this.fail(say('failed', 'dash.js', e.error?.message ?? String(e.error))));
    for (const e of ['STREAM_INITIALIZED', 'TRACK_CHANGE_RENDERED', 'TEXT_TRACKS_ADDED', 'QUALITY_CHANGE_RENDERED']) {
      p.on(events[e], () => this.on.changed());
    }
    // It must see the video begin, or it never asks for the manifest again.
    const ready = new Promise((ok) => { p.on(events.STREAM_INITIALIZED, ok); });
    p.initialize(this.video, this.url, false);
    if (this.mss) { // its texts are TTML, which dash.js draws by itself
      this.words = document.createElement('div');
      this.words.className = 'words';
      this.video.after(this.words);
      p.attachTTMLRenderingDiv(this.words);
    }
    await ready;
  }
  stop() {
    this.over = true;
    this.player?.destroy();
    this.words?.remove();
    this.empty();
  }
  choices(kind) {
    const p = this.player;
    if (!p?.isReady()) return [];
    if (kind === 'quality') {
      const all = p.getRepresentationsByType('video'), auto = p.getSettings().streaming.abr.autoSwitchBitrate.video;
      const now = p.getCurrentRepresentationForType('video')?.id;
      return all.length < 2 ? [] : [{ id: 'auto', label: say('auto'), on: auto },
        ...all.map((r) => ({ id: r.id, label: rung(r.height, r.bandwidth), on: !auto && r.id === now }))];
    }
    const tracks = p.getTracksFor(kind), track = (t) => ({ lang: t.lang, role: t.roles?.[0]?.value });
    if (kind === 'audio') {
      const now = p.getCurrentTrackFor('audio');
      return tracks.map((t, i) => ({ id: String(i), label: track(t), on: t === now || (now && t.index === now.index) }));
    }
    if (!tracks.length) return [];
    const shown = p.isTextEnabled() ? p.getCurrentTextTrackIndex() : -1;
    return [{ id: 'off', label: say('off'), on: shown < 0 }, ...tracks.map((t, i) => ({ id: String(i), label: track(t), on: shown === i }))];
  }
  choose(kind, id) {
    const p = this.player;
    if (kind === 'quality') {
      p.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: id === 'auto' } } } });
      if (id !== 'auto') p.setRepresentationForTypeById('video', id);
    }
    if (kind === 'audio') p.setCurrentTrack(p.getTracksFor('audio')[Number(id)]);
    if (kind === 'text') {
      p.enableText(id !== 'off');
      p.setTextTrack(id === 'off' ? -1 : Number(id));
    }
  }
  latency() {
    const s = this.player?.isReady() ? this.player.getCurrentLiveLatency() : NaN;
    return Number.isFinite(s) && s > 0 ? s : null;
  }
  live() { this.player?.seekToOriginalLive(); }
  behind() { return (this.latency() ?? 0) - (this.player?.isReady() ? this.player.getTargetLiveDelay() : 0); }
}

class MSS extends DASH {
  get mss() { return true; }
}

class WebRTC extends Engine {
  async start() {
    const wish = Object.values(this.wish ??= {}).join('');
    const url = new URL(this.url, document.baseURI);
    if (wish) url.searchParams.set('filter', 'tracks:' + wish);
    const session = this.session = new Session(this.video, url.href, {
      failed: (text) => { if (session === this.session) this.fail(text || say('lost')); },
    });
    await session.start();
    this.on.changed();
  }
  stop() {
    this.over = true;
    this.session?.stop();
    this.session = null;
  }
  choices(kind) {
    const content = { quality: 'video', audio: 'audio' }[kind];
    const all = this.info.tracks.filter((t) => t.content === content && !t.left_out?.webrtc);
    if (all.length < 2) return [];
    const key = content[0], wish = this.wish?.[key];
    const list = all.map((t, i) => ({
      id: t.track_id, on: wish ? wish === t.track_id : kind === 'audio' && i === 0,
      label: kind === 'audio' ? { lang: t.language, role: t.role } : rung(t.height, t.bitrate ?? 0),
    }));
    return kind === 'audio' ? list : [{ id: 'auto', label: say('auto'), on: !wish }, ...list];
  }
  choose(kind, id) {
    const key = kind === 'audio' ? 'a' : 'v';
    if (id === 'auto') delete this.wish[key];
    else this.wish[key] = id;
    this.session?.stop();
    this.start().catch((e) => this.fail(e.message));
    this.on.play();
  }
  latency() { return this.session?.pc && !this.over ? this.session.latency() : null; }
  live() {}
  behind() { return 0; }
}

class Native extends Engine {
  start() {
    this.video.onerror = () => this.fail(say('failed', 'HLS', this.video.error?.message || 'MediaError ' + this.video.error?.code));
    for (const list of [this.video.audioTracks, this.video.textTracks]) {
      if (list) list.onaddtrack = list.onchange = () => this.on.changed();
    }
    this.video.src = this.url;
    return Promise.resolve();
  }
  stop() {
    this.over = true;
    this.video.onerror = null;
    this.empty();
  }
  list(kind) { return [...((kind === 'audio' ? this.video.audioTracks : this.video.textTracks) ?? [])]; }
  choices(kind) {
    if (kind === 'quality') return [];
    const all = this.list(kind).map((t, i) => ({ id: String(i), label: t.label || { lang: t.language }, on: t.enabled ?? t.mode === 'showing' }));
    return kind === 'audio' || !all.length ? all : [{ id: 'off', label: say('off'), on: !all.some((c) => c.on) }, ...all];
  }
  choose(kind, id) {
    this.list(kind).forEach((t, i) => {
      if (kind === 'audio') t.enabled = id === String(i);
      else t.mode = id === String(i) ? 'showing' : 'disabled';
    });
  }
  latency() {
    const began = this.video.getStartDate?.().getTime();
    return began ? (this.clock() - began) / 1000 - this.video.currentTime : null;
  }
}

/** The engines by the name of the protocol. Script is what of the server's scripts it needs, way what of media_info.json it plays. */
export const engines = {
  hls: { make: HLS, script: 'hls', way: 'hls', mse: true, name: 'HLS' },
  'll-hls': { make: HLS, script: 'hls', way: 'll-hls', mse: true, low: true, name: 'LL-HLS' },
  dash: { make: DASH, script: 'dash', way: 'dash', mse: true, name: 'DASH' },
  'll-dash': { make: DASH, script: 'dash', way: 'll-dash', mse: true, low: true, name: 'LL-DASH' },
  mss: { make: MSS, script: 'dash', way: 'mss', mse: true, name: 'Smooth Streaming' },
  webrtc: { make: WebRTC, way: 'webrtc', name: 'WebRTC' },
  native: { make: Native, way: 'hls', name: 'HLS' },
};
