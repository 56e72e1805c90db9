// @ts-nocheck
// The phone with sound, and what these calls need beside it: keys that are heard as tones, and codecs that the page insists on.
import '../../../support/media/page/media-phone.js'
import { levelOf, toneIn } from '../../../support/media/tone.ts'

const ROWS = [697, 770, 852, 941]
const COLUMNS = [1209, 1336, 1477]
const KEYS = ['123', '456', '789', '*0#']
/** Chromium plays a key for as long as it was sent, at least 100 ms. */
const PIECE_SECONDS = 0.06
const soon = () => new Promise((resolve) => setTimeout(resolve, 30))

/** The key whose two tones make up a piece of sound. */
const keyIn = (samples, rate) => {
  if (levelOf(samples) < -40) return undefined
  const best = (tones) => tones.map((hz) => toneIn(samples, hz, rate)).reduce((a, share, i) => (share > a.share ? { share, i } : a), { share: 0, i: 0 })
  const [row, column] = [best(ROWS), best(COLUMNS)]
  return row.share > 0.2 && column.share > 0.2 && row.share + column.share > 0.6 ? KEYS[row.i][column.i] : undefined
}

window.keys = {
  /** Listens to the connection from now on. */
  listen: async () => {
    const context = new AudioContext()
    const track = window.phone.connection().getReceivers().find(({ track: one }) => one.kind === 'audio').track
    const analyser = new AnalyserNode(context, { fftSize: 16_384 })
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
    await context.resume()
    window.keys.heard = () => {
      const all = new Float32Array(analyser.fftSize)
      analyser.getFloatTimeDomainData(all)
      const size = Math.round(PIECE_SECONDS * context.sampleRate)
      const found = []
      for (let at = 0; at + size <= all.length; at += size / 4) {
        const key = keyIn(all.slice(at, at + size).map((sample) => sample * 32_767), context.sampleRate)
        if (key !== undefined && found.at(-1) !== key) found.push(key)
      }
      return found
    }
  },
  hears: async (key) => {
    const end = performance.now() + 8000
    let other = []
    for (;;) {
      const found = window.keys.heard()
      if (found.includes(key)) return
      if (found.length > 0) other = found
      if (performance.now() > end) throw new Error(`no key ${key} but ${other.join('') || 'none'}`)
      await soon()
    }
  },
}

/** What connections from now on offer and answer. @param names such as `opus` */
window.speaks = (names) => {
  const add = RTCPeerConnection.prototype.addTrack
  RTCPeerConnection.prototype.addTrack = function (...given) {
    const sender = add.apply(this, given)
    const wanted = RTCRtpReceiver.getCapabilities('audio').codecs.filter(({ mimeType }) => names.includes(mimeType.replace('audio/', '')))
    this.getTransceivers().find((one) => one.sender === sender).setCodecPreferences(wanted)
    return sender
  }
}
