// Plays one Smooth Streaming address in a real Chromium with dash.js and its MSS module,
// shows subtitles, changes audio and rung on the way, and prints what came of it as one line of
// JSON. Usage: play.mjs PLAYERDIR PLAYWRIGHTDIR URL CHANGE SECONDS
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [playerDir, playwrightDir, url, change, seconds] = process.argv.slice(2);
const files = ['dash.all.min.js', 'dash.mss.min.js'];
const script = files.map((f) => readFileSync(join(playerDir, 'node_modules/dashjs/dist/modern/umd', f))).join('\n;\n');
const { chromium } = createRequire(playwrightDir + '/')('playwright-core');

const page = `<!doctype html><video id=v muted autoplay></video><div id=words></div><script src=/player.js></script><script>
const s = window.state = { fatal: [], stalls: 0, started: 0, cues: [], latencies: [], audio: [], heights: [], when: [] };
const began = performance.now();
const v = document.getElementById('v');
v.addEventListener('playing', () => { if (!s.started) { s.started = performance.now() - began; s.from = v.currentTime; } });
v.addEventListener('waiting', () => { if (s.started) { s.stalls++; s.when.push(Math.round(performance.now() - began)); } });
v.addEventListener('error', () => s.fatal.push('media: ' + (v.error && v.error.message)));
const seen = new Set();
setInterval(() => {
  // Presentation time is UTC since 2020.
  if (s.started) s.latencies.push(Math.round(Date.now() - 1577836800e3 - v.currentTime * 1000) / 1000);
  const said = document.getElementById('words').textContent.trim();
  if (said) seen.add(said);
  s.cues = [...seen];
}, 500);
const p = dashjs.MediaPlayer().create();
p.updateSettings({ streaming: { text: { defaultEnabled: true }, abr: { autoSwitchBitrate: { video: true } } } });
const E = dashjs.MediaPlayer.events;
p.on(E.ERROR, (e) => s.fatal.push(JSON.stringify(e.error && { code: e.error.code, message: e.error.message })));
p.on(E.TRACK_CHANGE_RENDERED, (e) => { if (e.mediaType === 'audio') s.audio.push(e.newMediaInfo.lang); });
p.on(E.QUALITY_CHANGE_RENDERED, (e) => { if (e.mediaType === 'video') s.heights.push(e.newRepresentation.height); });
p.initialize(v, ${JSON.stringify(url)}, true);
p.attachTTMLRenderingDiv(document.getElementById('words'));
window.offered = () => ({ audio: p.getTracksFor('audio').map((t) => t.lang), text: p.getTracksFor('text').map((t) => t.lang),
  heights: p.getRepresentationsByType('video').map((r) => r.height) });
window.change = (step) => {
  if (step === 1) {
    const a = p.getTracksFor('audio'), now = p.getCurrentTrackFor('audio');
    const to = a.find((t) => t.lang !== now.lang);
    if (to) p.setCurrentTrack(to);
    return;
  }
  p.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
  const reps = p.getRepresentationsByType('video'), now = p.getCurrentRepresentationForType('video');
  const to = reps.find((r) => r.height !== now.height);
  if (to) p.setRepresentationForTypeById('video', to.id, true);
};
</script>`;

const server = createServer((req, res) => {
  res.setHeader('Content-Type', req.url === '/player.js' ? 'text/javascript' : 'text/html');
  res.end(req.url === '/player.js' ? script : page);
}).listen(0, '127.0.0.1');
await new Promise((ok) => server.once('listening', ok));
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
});
const tab = await browser.newPage();
const bad = [];
let manifests = 0;
tab.on('response', (r) => {
  const path = decodeURI(new URL(r.url()).pathname);
  if (/manifest$/i.test(path)) manifests++;
  if (r.status() >= 400 && path !== '/favicon.ico') bad.push(r.status() + ' ' + path);
});
tab.on('pageerror', (e) => bad.push(String(e).slice(0, 200)));
await tab.goto(`http://127.0.0.1:${server.address().port}/`);
const third = Number(seconds) * 1000 / 3;
await tab.waitForTimeout(third);
const offered = await tab.evaluate((c) => { const o = window.offered(); if (c) window.change(1); return o; }, change === 'true');
await tab.waitForTimeout(third);
if (change === 'true') await tab.evaluate(() => window.change(2));
await tab.waitForTimeout(third);
const out = await tab.evaluate(() => ({ ...window.state, at: document.getElementById('v').currentTime - window.state.from,
  wall: (performance.now() - began - window.state.started) / 1000,
  frames: document.getElementById('v').getVideoPlaybackQuality().totalVideoFrames }));
console.log(JSON.stringify({ ...out, offered, manifests, bad }));
await browser.close();
server.close();
