// What a browser can play of what a channel offers.
import { say } from './words.js';
import { engines } from './engines.js';

const aliases = { ll: 'll-hls', llhls: 'll-hls', lldash: 'll-dash', whep: 'webrtc', smooth: 'mss' };

/** The name of a protocol as a page's address has it: null for one that is not known, 'auto' for none. */
export function wanted(name) {
  const key = (name ?? '').toLowerCase();
  if (!key || key === 'auto') return 'auto';
  return engines[aliases[key] ?? key] ? aliases[key] ?? key : null;
}

function decodes(kind, track) {
  const source = self.ManagedMediaSource ?? self.MediaSource;
  if (!track.codecs || !source) return true; // nobody knows
  const type = `${kind}/mp4; codecs="${track.codecs}"`;
  return source.isTypeSupported(type) || (track.codecs === 'mp4a.40.34' || /^mp4a\.6[9b]$/i.test(track.codecs)) && source.isTypeSupported('audio/mpeg');
}

/** Says why a protocol cannot be played; empty when it can. */
export function trouble(proto, info, scripts, video) {
  const e = engines[proto];
  const way = info.protocols.find((p) => p.name === e.way);
  if (!way?.available) return say('notoffered', e.name, way?.reason ?? '');
  if (e.script && !scripts.includes(e.script)) return say('noscript', e.name);
  if (proto === 'native') return video.canPlayType('application/vnd.apple.mpegurl') ? '' : say('nonative');
  if (proto === 'webrtc') return self.RTCPeerConnection ? '' : say('nortc');
  if (!(self.ManagedMediaSource ?? self.MediaSource)) return say('nomse', e.name);
  for (const kind of ['video', 'audio']) {
    const all = info.tracks.filter((t) => t.content === kind && !t.left_out?.[e.way]);
    if (all.length && !all.some((t) => decodes(kind, t))) return say('nocodec', all[0].codec_name);
  }
  return '';
}

/** Returns the protocols to try, best first, and why others are left out. */
export function order(info, scripts, video, quick) {
  const all = quick ? ['webrtc', 'll-hls', 'll-dash', 'hls', 'dash', 'native', 'mss'] : ['hls', 'dash', 'native', 'll-hls', 'll-dash', 'webrtc', 'mss'];
  const left = {};
  const can = all.filter((p) => !(left[p] = trouble(p, info, scripts, video)));
  return { can, left };
}
