// What the pages say, in English and Vietnamese.
const words = {
  play: ['Play', 'Phát'],
  pause: ['Pause', 'Tạm dừng'],
  mute: ['Mute', 'Tắt tiếng'],
  volume: ['Volume', 'Âm lượng'],
  sound: ['Turn the sound on', 'Bật tiếng'],
  live: ['Live', 'Trực tiếp'],
  golive: ['Go to the live edge', 'Về trực tiếp'],
  latency: ['Behind live', 'Trễ so với trực tiếp'],
  quality: ['Quality', 'Chất lượng'],
  audio: ['Audio', 'Âm thanh'],
  text: ['Subtitles', 'Phụ đề'],
  proto: ['Protocol', 'Giao thức'],
  full: ['Full screen', 'Toàn màn hình'],
  controls: ['Player controls', 'Điều khiển'],
  past: ['Position in the archive', 'Vị trí trong bản lưu'],
  auto: ['Automatic', 'Tự động'],
  off: ['Off', 'Tắt'],
  track: ['Track', 'Đường'],
  description: ['audio description', 'thuyết minh'],
  hearing: ['hard of hearing', 'cho người khiếm thính'],
  commentary: ['commentary', 'bình luận'],
  loading: ['Loading {0} …', 'Đang tải {0} …'],
  playing: ['Playing, {0}', 'Đang phát, {0}'],
  paused: ['Paused', 'Đã tạm dừng'],
  waiting: ['Waiting for data …', 'Đang chờ dữ liệu …'],
  tap: ['Press Play to start.', 'Nhấn Phát để bắt đầu.'],
  again: ['{0} Trying again in {1} s.', '{0} Thử lại sau {1} giây.'],
  lost: ['The connection was lost.', 'Mất kết nối.'],
  stalled: ['Nothing has come for a while.', 'Đã lâu không có dữ liệu.'],
  slow: ['Playback did not begin in time.', 'Không bắt đầu phát kịp.'],
  unreachable: ['The server cannot be reached.', 'Không kết nối được máy chủ.'],
  nochannel: ['There is no such channel, or it is not offered here.', 'Không có kênh này, hoặc kênh không được phát ở đây.'],
  nomedia: ['The channel has no media now.', 'Kênh hiện không có tín hiệu.'],
  noway: ['This browser cannot play the channel. {0}', 'Trình duyệt này không phát được kênh. {0}'],
  notoffered: ['{0} is not offered: {1}', 'Không có {0}: {1}'],
  unknown: ['“{0}” is not a protocol of this page.', '“{0}” không phải giao thức của trang này.'],
  noscript: ['This server was built without the script for {0}.', 'Máy chủ này được dựng không kèm kịch bản cho {0}.'],
  nomse: ['{0} needs Media Source Extensions, which this browser has not.', '{0} cần Media Source Extensions, trình duyệt này không có.'],
  nortc: ['This browser has no WebRTC.', 'Trình duyệt này không có WebRTC.'],
  nonative: ['This browser does not play HLS by itself.', 'Trình duyệt này không tự phát HLS.'],
  nocodec: ['This browser cannot decode {0}.', 'Trình duyệt này không giải mã được {0}.'],
  failed: ['{0} failed: {1}', '{0} hỏng: {1}'],
};

const column = (navigator.languages ?? [navigator.language]).find((l) => /^(en|vi)\b/.test(l))?.startsWith('vi') ? 1 : 0;

/** The language of the words as a BCP 47 tag. */
export const language = column ? 'vi' : 'en';

/** Returns what a key says, with its arguments in place. */
export function say(key, ...args) {
  return (words[key]?.[column] ?? key).replace(/\{(\d)\}/g, (_, n) => args[n] ?? '');
}

/** Returns the name of a language by its tag or code, in the language of the page. */
export function languageName(code) {
  if (!code || code === 'und') return '';
  try {
    return new Intl.DisplayNames([language], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}
