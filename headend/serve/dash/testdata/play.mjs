// Plays one DASH address in a real Chromium with dash.js or Shaka, changes rung, audio
// and subtitles on the way, and prints what came of it as one line of JSON.
// Usage: play.mjs PLAYER PLAYERDIR PLAYWRIGHTDIR URL LOWLATENCY CHANGE SECONDS
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [player, playerDir, playwrightDir, url, low, change, seconds] = process.argv.slice(2);
const file = { dashjs: 'dashjs/dist/modern/umd/dash.all.min.js', 'shaka-player': 'shaka-player/dist/shaka-player.compiled.js' }[player];
const script = readFileSync(join(playerDir, 'node_modules', file));
const { chromium } = createRequire(playwrightDir + '/')('playwright-core');

const setup = {
  dashjs: `
const p = window.p = dashjs.MediaPlayer().create();
p.updateSettings({ streaming: { delay: { applyServiceDescription: true }, text: { defaultEnabled: false },
  abr: { autoSwitchBitrate: { video: true } } } });
const E = dashjs.MediaPlayer.events;
p.on(E.ERROR, (e) => s.fatal.push(JSON.stringify(e.error && { code: e.error.code, message: e.error.message })));
p.on(E.CONFORMANCE_VIOLATION, (e) => s.errors.push(JSON.stringify(e.event && e.event.key || e.event)));
p.on(E.TRACK_CHANGE_RENDERED, (e) => { if (e.mediaType === 'audio') s.audio.push(e.newMediaInfo.lang); });
p.on(E.QUALITY_CHANGE_RENDERED, (e) => { if (e.mediaType === 'video') s.heights.push(e.newRepresentation.height); });
p.initialize(v, ${JSON.stringify(url)}, true);
window.offered = () => ({ audio: p.getTracksFor('audio').map((t) => t.lang), text: p.getTracksFor('text').map((t) => t.lang),
  heights: p.getRepresentationsByType('video').map((r) => r.height) });
window.change = (step) => {
  if (step === 1) {
    const a = p.getTracksFor('audio');
    if (a.length > 1) p.setCurrentTrack(a[a.length - 1]);
    if (p.getTracksFor('text').length) { p.enableText(true); p.setTextTrack(0); }
    return;
  }
  p.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
  const reps = p.getRepresentationsByType('video'), now = p.getCurrentRepresentationForType('video');
  const to = reps.find((r) => r.height !== now.height);
  if (to) p.setRepresentationForTypeById('video', to.id, true);
};`,
  'shaka-player': `
shaka.polyfill.installAll();
const p = window.p = new shaka.Player();
p.configure({ streaming: { lowLatencyMode: ${low}, liveSync: { enabled: ${low} } } });
p.addEventListener('error', (e) => (e.detail.severity === 2 ? s.fatal : s.errors).push(e.detail.code + ' ' + JSON.stringify(e.detail.data).slice(0, 300)));
p.addEventListener('adaptation', (e) => s.heights.push(e.newTrack.height));
p.addEventListener('variantchanged', (e) => { s.audio.push(e.newTrack.language); s.heights.push(e.newTrack.height); });
p.attach(v).then(() => p.load(${JSON.stringify(url)})).then(() => v.play()).catch((e) => s.fatal.push(String(e.code) + ' ' + JSON.stringify(e.data).slice(0, 300)));
const uniq = (l) => [...new Set(l)];
window.offered = () => ({ audio: uniq(p.getVariantTracks().map((t) => t.language)), text: p.getTextTracks().map((t) => t.language),
  heights: uniq(p.getVariantTracks().map((t) => t.height)) });
window.change = (step) => {
  if (step === 1) {
    const l = uniq(p.getVariantTracks().map((t) => t.language));
    if (l.length > 1) p.selectAudioTrack(p.getAudioTracks().find((t) => t.language === "en"));
    const t = p.getTextTracks();
    if (t.length) p.selectTextTrack(t[0]);
    return;
  }
  p.configure({ abr: { enabled: false } });
  const now = p.getVariantTracks().find((t) => t.active);
  const to = p.getVariantTracks().find((t) => t.height !== now.height && t.language === now.language);
  if (to) p.selectVariantTrack(to, true);
};`,
}[player];

const page = `<!doctype html><video id=v muted autoplay></video><script src=/player.js></script><script>
const s = window.state = { fatal: [], errors: [], stalls: 0, started: 0, cues: [], latencies: [], audio: [], heights: [], when: [] };
const began = performance.now();
const v = document.getElementById('v');
v.addEventListener('playing', () => { if (!s.started) { s.started = performance.now() - began; s.from = v.currentTime; } });
v.addEventListener('waiting', () => { if (s.started) { s.stalls++; s.when.push(Math.round(performance.now() - began)); } });
const seen = {};
setInterval(() => {
  // Presentation time is UTC since 1970: what is left is the way from server to screen.
  if (s.started) s.latencies.push(Math.round(Date.now() - v.currentTime * 1000) / 1000);
  for (const t of v.textTracks) if (t.mode !== 'disabled') for (const c of t.cues || []) seen[c.startTime + c.text] = { start: c.startTime, end: c.endTime, text: c.text };
  s.cues = Object.values(seen);
}, 500);
${setup}
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
let patches = 0;
const bad = [];
tab.on('response', (r) => {
  if (r.url().includes('.mpp')) patches++;
  if (r.status() >= 400) bad.push(r.status() + ' ' + new URL(r.url()).pathname);
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
  frames: document.getElementById('v').getVideoPlaybackQuality().totalVideoFrames }));
console.log(JSON.stringify({ ...out, offered, patches, bad }));
await browser.close();
server.close();
