// The page that plays one channel: N/embed.html?proto=…&muted=…&autoplay=…&realtime=…
import { engines, script } from './engines.js';
import { order, trouble, wanted } from './ability.js';
import { language, languageName, say } from './words.js';

const $ = (id) => document.getElementById(id);
const video = $('video');
const { assets, scripts } = document.body.dataset;
const query = new URLSearchParams(location.search);
const on = (name) => query.has(name) && !['0', 'false', 'no'].includes(query.get(name));

const state = {
  engine: null, proto: null, info: null, skew: 0, // ms that the server's clock is ahead
  attempt: 0, played: false, progressed: 0, at: -1, failed: new Map(), timer: 0, run: 0, since: null,
  pausedByUser: query.has('autoplay') && !on('autoplay'), forced: wanted(query.get('proto')), left: {},
};
window.sigmaPlayer = state; // for those who look after it

const icons = {
  play: 'M6 4v16l14-8z', pause: 'M6 4h4v16H6zM14 4h4v16h-4z', sound: 'M3 9v6h4l5 5V4L7 9zM16 8a5 5 0 0 1 0 8z',
  mute: 'M3 9v6h4l5 5V4L7 9zM15 9l6 6m0-6-6 6', full: 'M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z',
};
function icon(button, name, label) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(svg.namespaceURI, 'path');
  path.setAttribute('d', icons[name]);
  if (name === 'mute') path.setAttribute('stroke', 'currentColor'), path.setAttribute('stroke-width', '2');
  svg.append(path);
  button.replaceChildren(svg);
  button.setAttribute('aria-label', label);
  button.title = label;
}

/** Tells people, and screen readers once, what goes on. Empty hides the line. */
function tell(text) {
  if ($('status').textContent !== text) $('status').textContent = text;
}

/** An address beside this page, with the token of this page. */
function beside(path) {
  const url = new URL(path, location.href);
  if (query.has('token')) url.searchParams.set('token', query.get('token'));
  return url.href;
}

async function fetchInfo() {
  const asked = Date.now();
  const r = await fetch(beside('media_info.json'), { cache: 'no-store', signal: AbortSignal.timeout(10000) });
  if (r.status === 404) throw new Error(say('nochannel'));
  if (!r.ok) throw new Error((await r.text()).trim() || `HTTP ${r.status}`);
  const info = await r.json();
  state.skew = info.server_time - (asked + Date.now()) / 2;
  return info;
}

/** Plays what can be played; called at the start and after every failure. */
async function begin() {
  clearTimeout(state.timer);
  stop();
  const mine = ++state.run;
  tell(say('loading', document.body.dataset.title));
  try {
    state.info = await fetchInfo();
  } catch (e) {
    if (state.run === mine) later(e instanceof TypeError || e.name === 'TimeoutError' ? say('unreachable') : e.message);
    return;
  }
  if (state.run !== mine) return;
  const proto = pick();
  fillProtocols();
  archive();
  if (proto) play(proto);
}

/** Returns the protocol to play now, or says why there is none. */
function pick() {
  const { info } = state;
  if (state.forced === null) {
    tell(say('unknown', query.get('proto')));
    return null;
  }
  const { can, left } = order(info, scripts, video, on('realtime'));
  state.left = left;
  if (state.forced !== 'auto') {
    const why = trouble(state.forced, info, scripts, video);
    if (why) later(why);
    return why ? null : state.forced;
  }
  if (!can.length) {
    later(info.tracks.length ? say('noway', Object.values(left).find((t) => t) ?? '') : say('nomedia'));
    return null;
  }
  // The one that failed least: those that never did, in their order.
  return can.reduce((best, p) => ((state.failed.get(p) ?? 0) < (state.failed.get(best) ?? 0) ? p : best));
}

function play(proto) {
  const e = engines[proto];
  Object.assign(state, { proto, played: false, progressed: performance.now(), at: -1 });
  const way = state.info.protocols.find((p) => p.name === e.way);
  const engine = state.engine = new e.make({
    video, info: state.info, assets, low: Boolean(e.low), wish: {}, url: beside(state.since ? shifted(way.url) : way.url),
    clock: () => Date.now() + state.skew,
    on: {
      failed: (text) => { if (engine === state.engine) failed(text); },
      changed: () => { if (engine === state.engine) fill(); },
      play: () => go(),
    },
  });
  engine.start().then(() => { if (engine === state.engine) go(); }, (err) => engine.fail(err.message));
  fillProtocols();
}

/** Starts the picture, without sound if the browser wants that, or asks for a press. */
async function go() {
  if (state.pausedByUser) {
    $('start').hidden = false;
    tell(say('tap'));
    return;
  }
  for (const muted of [video.muted, true]) {
    video.muted = muted;
    try {
      await video.play();
      $('sound').hidden = !muted || on('muted') || state.silenced;
      return;
    } catch (e) {
      if (e.name !== 'NotAllowedError') return; // another attempt has begun
    }
  }
  state.pausedByUser = true;
  $('start').hidden = false;
  tell(say('tap'));
}

function stop() {
  const { engine } = state;
  state.engine = null;
  if (engine && !engine.over) engine.stop();
}

function failed(text) {
  state.engine = null;
  if (!state.played) state.failed.set(state.proto, (state.failed.get(state.proto) ?? 0) + 1);
  later(text || say('lost'));
}

/** Tries again after a pause that doubles to 15 s. */
function later(why) {
  stop();
  const s = Math.min(15, 2 ** state.attempt) * (0.8 + Math.random() * 0.4);
  state.attempt++;
  tell(say('again', why, Math.max(1, Math.round(s))));
  clearTimeout(state.timer);
  state.timer = setTimeout(begin, s * 1000);
}

/** Looks at what goes on, four times a second. */
async function watch() {
  const { engine } = state, now = performance.now();
  icon($('play'), video.paused ? 'play' : 'pause', say(video.paused ? 'play' : 'pause'));
  icon($('mute'), video.muted ? 'mute' : 'sound', say('mute'));
  $('mute').setAttribute('aria-pressed', String(video.muted));
  if (!engine) {
    $('latency').textContent = '';
    return;
  }
  if (video.paused || state.pausedByUser) {
    state.progressed = now;
  } else if (video.currentTime !== state.at) {
    const first = !state.played && video.readyState > 2 && state.at >= 0;
    state.at = video.currentTime;
    state.progressed = now;
    if (first) begun();
    if (state.played && $('status').dataset.waiting) quiet();
  } else if (now - state.progressed > (state.played ? 10000 : 15000)) {
    engine.fail(say(state.played ? 'stalled' : 'slow'));
    return;
  } else if (state.played && now - state.progressed > 1500 && !$('status').dataset.waiting) {
    $('status').dataset.waiting = '1';
    tell(say('waiting'));
  }
  const s = await engine.latency();
  if (engine !== state.engine) return;
  const text = s === null || !state.played ? '' : `−${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  if ($('latency').textContent !== text) $('latency').textContent = text;
  $('live').setAttribute('aria-pressed', String(state.played && !video.paused && !state.since && engine.behind() < 4));
}

function quiet() {
  delete $('status').dataset.waiting;
  tell('');
}

function begun() {
  state.played = true;
  const { engine } = state;
  setTimeout(() => { if (engine === state.engine) { state.attempt = 0; state.failed.clear(); } }, 20000);
  $('start').hidden = true;
  tell(say('playing', engines[state.proto].name));
  setTimeout(() => { if ($('status').textContent === say('playing', engines[state.proto].name)) tell(''); }, 3000);
  fill();
}

/** Fills the choices of quality, audio and subtitles. */
function fill() {
  for (const kind of ['quality', 'audio', 'text']) {
    const list = state.engine?.choices(kind) ?? [];
    options($(kind), list, kind === 'text' ? 1 : 2);
  }
}

function fillProtocols() {
  const { info } = state;
  if (!info) return;
  const can = Object.keys(engines).filter((p) => !trouble(p, info, scripts, video));
  options($('proto'), [{ id: 'auto', label: say('auto') + (state.forced === 'auto' && state.proto ? ` (${engines[state.proto].name})` : ''), on: state.forced === 'auto' },
    ...can.map((p) => ({ id: p, label: p === 'native' ? 'HLS (native)' : engines[p].name, on: state.forced === p }))], 2);
}

function options(select, list, least) {
  select.parentElement.hidden = list.length < least;
  const next = list.map((c, i) => [c.id, typeof c.label === 'string' ? c.label : trackName(c.label, i)]);
  if (JSON.stringify(next) !== select.dataset.list) {
    select.dataset.list = JSON.stringify(next);
    select.replaceChildren(...next.map(([id, label]) => new Option(label, id)));
  }
  const now = list.find((c) => c.on);
  if (now && select.value !== now.id) select.value = now.id;
}

function trackName(t, i) {
  const role = { description: 'description', 'main-description': 'description', commentary: 'commentary', 'enhanced-audio-intelligibility': 'hearing', hard_of_hearing: 'hearing', caption: 'hearing' }[t.role];
  return [languageName(t.lang) || `${say('track')} ${i + 1}`, role && `(${say(role)})`].filter(Boolean).join(' ');
}

/** The archive bar: there while media_info.json tells of recordings. */
function archive() {
  const ranges = state.info.dvr?.ranges ?? [];
  $('past').hidden = !ranges.length;
  if (!ranges.length) return;
  const now = Math.floor((Date.now() + state.skew) / 1000);
  Object.assign($('dvr'), { min: ranges[0].from, max: now });
  $('dvr').value = state.since ?? now;
  when();
}

function when() {
  const text = new Date($('dvr').value * 1000).toLocaleString(language);
  $('when').textContent = text;
  $('dvr').setAttribute('aria-valuetext', text);
}

/** The address of a manifest as it was at the time the bar says. */
function shifted(url) {
  const m = /^index(?:\.ll)?\.(m3u8|mpd)$/.exec(url);
  return m ? `timeshift_abs-${state.since}.${m[1]}` : url;
}

function togglePlay() {
  if (video.paused || state.pausedByUser) {
    state.pausedByUser = false;
    $('start').hidden = true;
    if (state.engine) go();
    else begin();
    tell('');
  } else {
    state.pausedByUser = true;
    video.pause();
    tell(say('paused'));
  }
}

function setMuted(muted) {
  video.muted = muted;
  state.silenced = muted;
  $('sound').hidden = true;
}

function golive() {
  if (state.since) {
    state.since = null;
    begin();
    return;
  }
  state.engine?.live();
  if (video.paused) togglePlay();
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (document.documentElement.requestFullscreen) document.documentElement.requestFullscreen().catch(() => {});
  else video.webkitEnterFullscreen?.();
}

function dress() {
  document.documentElement.lang = language;
  $('controls').setAttribute('aria-label', say('controls'));
  for (const [id, key] of [['volume', 'volume'], ['latency', 'latency'], ['dvr', 'past']]) $(id).setAttribute('aria-label', say(key));
  for (const kind of ['quality', 'audio', 'text', 'proto']) $(kind).previousElementSibling.textContent = say(kind);
  $('live').textContent = say('live');
  $('live').title = say('golive');
  $('sound').textContent = say('sound');
  icon($('start'), 'play', say('play'));
  icon($('full'), 'full', say('full'));
  $('full').hidden = !document.fullscreenEnabled && !video.webkitEnterFullscreen;
  $('volume').value = video.volume * 100;
}

function listen() {
  $('play').onclick = $('start').onclick = togglePlay;
  $('mute').onclick = () => setMuted(!video.muted);
  $('sound').onclick = () => setMuted(false);
  $('volume').oninput = () => { video.volume = $('volume').value / 100; setMuted(video.volume === 0); };
  $('live').onclick = golive;
  $('full').onclick = fullScreen;
  for (const kind of ['quality', 'audio', 'text']) $(kind).onchange = () => state.engine?.choose(kind, $(kind).value);
  $('proto').onchange = () => {
    Object.assign(state, { forced: $('proto').value, attempt: 0 });
    state.failed.clear();
    begin();
  };
  $('dvr').oninput = when;
  $('dvr').onchange = () => { state.since = Number($('dvr').value); begin(); };
  video.onclick = togglePlay;
  video.oncanplay = () => { if (video.paused && !state.pausedByUser && state.engine) go(); };
  const keys = { ' ': togglePlay, k: togglePlay, m: () => setMuted(!video.muted), f: fullScreen, l: golive };
  document.onkeydown = (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || /^(SELECT|INPUT)$/.test(e.target.tagName) || (e.target.tagName === 'BUTTON' && e.key === ' ')) return;
    const act = keys[e.key.toLowerCase()];
    if (!act) return;
    e.preventDefault();
    act();
  };
  self.addEventListener('online', () => { if (!state.engine) begin(); });
  self.addEventListener('pagehide', stop);
  self.addEventListener('pageshow', (e) => { if (e.persisted) begin(); });
}

/** Fetches the script that will most likely be needed while the server is asked what there is. */
function warm() {
  const e = engines[state.forced === 'auto' && !on('realtime') ? 'hls' : state.forced];
  const file = { hls: 'hls.min.js', dash: 'dash.mediaplayer.min.js' }[e?.script];
  if (file && scripts.includes(e.script)) script(assets + file).catch(() => {});
}

video.muted = on('muted');
dress();
warm();
listen();
setInterval(watch, 250);
begin();
