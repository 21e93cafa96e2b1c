// Plays one HLS address in a real Chromium with hls.js and prints lines of JSON: what
// was played, the stalls, the fatal errors. Usage: play.mjs MODULES URL SECONDS prints
// one line after that time; without SECONDS it prints one every half second until its
// standard input ends.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const [modules, url, seconds] = process.argv.slice(2);
const require = createRequire(modules + '/');
const { chromium } = require('playwright-core');
const hls = readFileSync(require.resolve('hls.js/dist/hls.min.js'));

const page = `<!doctype html><video id=v muted autoplay></video><script src=/hls.js></script><script>
const s = window.state = { fatal: [], errors: [], stalls: 0, started: 0, began: performance.now() };
const v = document.getElementById('v');
const h = new Hls({ lowLatencyMode: false });
h.on(Hls.Events.ERROR, (_, d) => {
  (d.fatal ? s.fatal : s.errors).push(d.type + '/' + d.details);
  if (d.fatal && d.type === 'networkError') h.startLoad();
  if (d.fatal && d.type === 'mediaError') h.recoverMediaError();
});
v.addEventListener('playing', () => { if (!s.started) s.started = performance.now() - s.began; });
v.addEventListener('waiting', () => { if (s.started) s.stalls++; });
h.loadSource(${JSON.stringify(url)});
h.attachMedia(v);
h.on(Hls.Events.MANIFEST_PARSED, () => v.play());
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
const print = async () => console.log(JSON.stringify(await tab.evaluate(() => ({
  ...window.state,
  at: document.getElementById('v').currentTime,
  frames: document.getElementById('v').getVideoPlaybackQuality().totalVideoFrames,
  width: document.getElementById('v').videoWidth,
}))));
if (seconds) {
  await tab.waitForTimeout(Number(seconds) * 1000);
  await print();
} else {
  let ended = false;
  process.stdin.on('end', () => { ended = true; }).resume();
  while (!ended) {
    await print();
    await tab.waitForTimeout(500);
  }
}
await browser.close();
server.close();
