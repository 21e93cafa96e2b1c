// Plays one HLS address in a real Chromium with hls.js, changes rung, audio and
// subtitles on the way, and prints what came of it as one line of JSON.
// Usage: play.mjs HLSJS PLAYWRIGHT URL LOWLATENCY SECONDS
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const [hlsDir, playwrightDir, url, low, seconds] = process.argv.slice(2);
const hls = readFileSync(createRequire(hlsDir + '/').resolve('hls.js/dist/hls.min.js'));
const { chromium } = createRequire(playwrightDir + '/')('playwright-core');

const page = `<!doctype html><video id=v muted autoplay></video><script src=/hls.js></script><script>
const s = window.state = { fatal: [], errors: [], stalls: 0, started: 0, cues: [], parts: 0, latencies: [], audio: [], levels: [] };
const began = performance.now();
const v = document.getElementById('v');
const h = window.h = new Hls({ lowLatencyMode: ${low}, enableWorker: true, liveMaxUnchangedPlaylistRefresh: 5, maxLiveSyncPlaybackRate: ${low} ? 1.5 : 1 });
h.on(Hls.Events.ERROR, (_, d) => { (d.fatal ? s.fatal : s.errors).push(d.type + '/' + d.details + ' ' + (d.error && d.error.message || '')); });
v.addEventListener('playing', () => { if (!s.started) s.started = performance.now() - began; });
v.addEventListener('waiting', () => { if (s.started) s.stalls++; });
h.on(Hls.Events.MANIFEST_PARSED, () => v.play());
h.on(Hls.Events.FRAG_LOADED, (_, d) => {
  if (d.part) s.parts++;
  if (d.frag.type === 'main' && !s.levels.includes(d.frag.level)) s.levels.push(d.frag.level);
});
h.on(Hls.Events.AUDIO_TRACK_SWITCHED, (_, d) => s.audio.push(d.name));
setInterval(() => { if (s.started && h.playingDate) s.latencies.push(Date.now() - h.playingDate.getTime()); }, 500);
h.loadSource(${JSON.stringify(url)});
h.attachMedia(v);
</script>`;

const server = createServer((req, res) => {
  res.setHeader('Content-Type', req.url === '/hls.js' ? 'text/javascript' : 'text/html');
  res.end(req.url === '/hls.js' ? hls : page);
}).listen(0, '127.0.0.1');
await new Promise((ok) => server.once('listening', ok));
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
});
const tab = await browser.newPage();
await tab.goto(`http://127.0.0.1:${server.address().port}/`);
const end = Date.now() + Number(seconds) * 1000;
// until waits for what is expected; what does not come shows in what is printed.
const until = (condition, arg) => tab.waitForFunction(condition, arg, { timeout: Math.max(1, end - Date.now()), polling: 200 }).catch(() => {});
const played = () => tab.evaluate(() => document.getElementById('v').getVideoPlaybackQuality().totalVideoFrames);
await until(() => document.getElementById('v').getVideoPlaybackQuality().totalVideoFrames > 50);
await tab.evaluate(() => {
  const { h } = window;
  window.state.offered = { audio: h.audioTracks.map((t) => t.name + ' ' + t.lang), levels: h.levels.map((l) => l.height), subtitles: h.subtitleTracks.map((t) => t.name) };
  if (h.audioTracks.length > 1) h.audioTrack = h.audioTracks.length - 1;
  if (h.subtitleTracks.length) { h.subtitleDisplay = true; h.subtitleTrack = 0; }
});
await until(() => window.state.audio.includes('English'));
await until(() => [...document.getElementById('v').textTracks].some((t) => t.cues && t.cues.length > 4));
await tab.evaluate(() => { const { h } = window; h.nextLevel = h.currentLevel === 0 ? h.levels.length - 1 : 0; });
await until(() => window.state.levels.length > 1);
const from = await played();
await until((n) => document.getElementById('v').getVideoPlaybackQuality().totalVideoFrames > n + 75, from);
if (low === 'true') await until(() => window.h.latency < 2.5);
console.log(JSON.stringify(await tab.evaluate(() => {
  const v = document.getElementById('v');
  for (const t of v.textTracks) for (const c of t.cues || []) window.state.cues.push({ start: c.startTime, end: c.endTime, text: c.text });
  const d = window.h.playingDate;
  return { ...window.state, at: v.currentTime, frames: v.getVideoPlaybackQuality().totalVideoFrames, latency: window.h.latency,
    date: d && d.getTime(), target: window.h.targetLatency };
})));
await browser.close();
server.close();
