// Plays a WHEP address in a real Chromium and prints two lines of JSON: how often the
// picture stood still in the CALM seconds behind the start, and what getStats says
// SECONDS later. Usage: play.mjs MODULES URL CALM SECONDS
import { createRequire } from 'node:module';
import { createServer } from 'node:http';

const [modules, url, calm, seconds] = process.argv.slice(2);
const { chromium } = createRequire(modules + '/')('playwright-core');

const page = `<!doctype html><video id=v muted autoplay playsinline></video><script>
(async () => {
  const s = window.state = { began: performance.now() };
  const pc = window.pc = new RTCPeerConnection();
  const media = new MediaStream();
  const v = document.getElementById('v');
  pc.ontrack = (e) => { media.addTrack(e.track); v.srcObject = media; };
  v.requestVideoFrameCallback(() => { s.first = performance.now() - s.began; });
  pc.onconnectionstatechange = () => { s.state = pc.connectionState; if (s.state === 'connected') s.connected = performance.now() - s.began; };
  pc.addTransceiver('video', { direction: 'recvonly' });
  pc.addTransceiver('audio', { direction: 'recvonly' });
  await pc.setLocalDescription();
  const r = await fetch(${JSON.stringify(url)}, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp });
  s.status = r.status;
  s.location = r.headers.get('Location');
  s.etag = r.headers.get('ETag');
  await pc.setRemoteDescription({ type: 'answer', sdp: s.answer = await r.text() });
  s.answered = performance.now() - s.began;
})().catch((e) => { window.state.error = String(e); });
</script>`;

const server = createServer((_, res) => {
  res.setHeader('Content-Type', 'text/html');
  res.end(page);
}).listen(0, '127.0.0.1');
await new Promise((ok) => server.once('listening', ok));
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
});
const tab = await browser.newPage();
await tab.goto(`http://127.0.0.1:${server.address().port}/`);
// What freezes while a browser starts, on a machine with other things to do, is not ours.
const freezes = () => tab.evaluate(async () => {
  let n = 0;
  (await window.pc.getStats()).forEach((r) => { if (r.type === 'inbound-rtp' && r.kind === 'video') n = r.freezeCount; });
  return window.state.settling = n;
});
await tab.waitForTimeout(5000);
const before = await freezes();
await tab.waitForTimeout(Number(calm) * 1000);
console.log(JSON.stringify({ calm: await freezes() - before }));
await tab.waitForTimeout(Number(seconds) * 1000);
console.log(JSON.stringify(await tab.evaluate(async () => {
  const out = { ...window.state };
  (await window.pc.getStats()).forEach((r) => {
    if (r.type === 'inbound-rtp') out[r.kind] = r;
    if (r.type === 'transport') out.transport = r;
    if (r.type === 'candidate-pair' && r.nominated) out.rtt = r.currentRoundTripTime;
  });
  return out;
})));
await browser.close();
server.close();
