// The list of channels: pictures are asked for one after the other, only of channels
// that are in sight and only while the page is.
import { language } from './words.js';

const pause = (ms) => new Promise((ok) => { setTimeout(ok, ms); });
const every = 10000; // ms between two pictures of a channel
const seen = new Set();

const watcher = new IntersectionObserver((entries) => {
  for (const e of entries) {
    if (e.isIntersecting) seen.add(e.target);
    else seen.delete(e.target);
  }
}, { rootMargin: '100px' });

/** Fetches the picture of one channel; returns how long to wait before the next one, in ms. */
async function refresh(img) {
  img.next = performance.now() + every;
  try {
    const r = await fetch(img.dataset.src, { cache: 'no-cache', signal: AbortSignal.timeout(15000) });
    if (r.status === 503) {
      img.next = performance.now() + 1000 * (Number(r.headers.get('Retry-After')) || 5);
      return 500;
    }
    if (!r.ok) throw new Error(`HTTP ${r.status}`);
    const old = img.src;
    img.src = URL.createObjectURL(await r.blob());
    if (old) URL.revokeObjectURL(old);
  } catch {
    img.next = performance.now() + 3 * every;
  }
  return 0;
}

async function run() {
  for (;;) {
    let waited = 250;
    if (!document.hidden) {
      for (const img of [...seen]) {
        if ((img.next ?? 0) <= performance.now()) waited = Math.max(waited, await refresh(img));
      }
    }
    await pause(waited);
  }
}

document.documentElement.lang = language;
document.querySelectorAll('img[data-src]').forEach((img) => watcher.observe(img));
run();
