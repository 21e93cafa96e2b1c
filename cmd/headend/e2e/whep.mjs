// Plays one WHEP address in a real Chromium and prints a line of JSON every half second,
// until its standard input ends: how far it is, and what getStats says of freezes.
// Usage: whep.mjs MODULES URL
import { createRequire } from 'node:module';
import { createServer } from 'node:http';

const [modules, url] = process.argv.slice(2);
const { chromium } = createRequire(modules + '/')('playwright-core');

const page = `<!doctype html><video id=v muted autoplay playsinline></video><script>
const s = window.state = { fatal: [], errors: [], stalls: 0, states: [] };
(async () => {
  const began = performance.now();
  const pc = window.pc = new RTCPeerConnection();
  const media = new MediaStream();
  const v = document.getElementById('v');
  pc.ontrack = (e) => { media.addTrack(e.track); v.srcObject = media; };
  v.requestVideoFrameCallback(() => { s.first = performance.now() - began; });
  pc.onconnectionstatechange = () => s.states.push(pc.connectionState);
  pc.addTransceiver('video', { direction: 'recvonly' });
  pc.addTransceiver('audio', { direction: 'recvonly' });
  await pc.setLocalDescription();
  const r = await fetch(${JSON.stringify(url)}, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp });
  const text = await r.text();
  if (r.status !== 201) throw new Error(r.status + ' ' + text);
  await pc.setRemoteDescription({ type: 'answer', sdp: text });
})().catch((e) => s.fatal.push(String(e)));
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
let ended = false;
process.stdin.on('end', () => { ended = true; }).resume();
while (!ended) {
  console.log(JSON.stringify(await tab.evaluate(async () => {
    const out = { ...window.state, at: document.getElementById('v').currentTime };
    (await window.pc.getStats()).forEach((r) => {
      if (r.type === 'inbound-rtp' && r.kind === 'video') {
        Object.assign(out, { stalls: r.freezeCount, frozen: r.totalFreezesDuration, frames: r.framesDecoded, width: r.frameWidth });
      }
      if (r.type === 'inbound-rtp' && r.kind === 'audio') out.samples = r.totalSamplesReceived - (r.concealedSamples || 0);
    });
    return out;
  })));
  await tab.waitForTimeout(500);
}
await browser.close();
server.close();
