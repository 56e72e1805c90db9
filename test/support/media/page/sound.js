// @ts-nocheck
// What a page hears and says: plain JavaScript, since it runs in the browser. The judge of tones is the tests' own.
import { describeSound, isSilence, isTone } from '../tone.ts'

const WINDOW_SECONDS = 0.2
const soon = () => new Promise((resolve) => setTimeout(resolve, 40))

/**
 * Chromium's processing for speech would take a tone for noise. With `hz` the microphone is an oscillator of the page's own, and with `colour` the
 * camera a canvas of one colour.
 */
export const setMicrophone = (hz, colour = 'blue') => {
  const devices = navigator.mediaDevices
  const capture = MediaDevices.prototype.getUserMedia.bind(devices)
  const hear = async () => {
    if (hz === undefined) return capture({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } })
    const context = new AudioContext()
    const oscillator = new OscillatorNode(context, { frequency: hz })
    const gain = new GainNode(context, { gain: 0.5 })
    const out = context.createMediaStreamDestination()
    oscillator.connect(gain).connect(out)
    oscillator.start()
    return out.stream
  }
  devices.getUserMedia = async ({ audio = false, video = false } = {}) => {
    const tracks = [...(audio ? (await hear()).getTracks() : []), ...(video ? cameraOf(colour).getTracks() : [])]
    return new MediaStream(tracks)
  }
}

/** Something moves in the corner, since a canvas that stays as it is gives no frames. */
const cameraOf = (colour) => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 })
  const context = canvas.getContext('2d')
  let frame = 0
  const draw = () => {
    context.fillStyle = { red: '#f00', green: '#0f0', blue: '#00f' }[colour]
    context.fillRect(0, 0, 160, 120)
    context.fillStyle = frame++ % 2 ? '#fff' : '#000'
    context.fillRect(0, 0, 8, 8)
  }
  draw()
  setInterval(draw, 100)
  return canvas.captureStream(10)
}

/** Plays and measures what arrives at a connection. @param connection gives the RTCPeerConnection of now */
export const createSound = (connection) => {
  const context = new AudioContext()
  let measured
  let analyser
  const follow = () => {
    const receiver = connection()?.getReceivers().find(({ track }) => track.kind === 'audio')
    if (receiver === undefined) throw new Error('no audio is received')
    if (receiver.track === measured) return
    measured = receiver.track
    const stream = new MediaStream([measured])
    // A remote stream is silent for WebAudio unless an element plays it too
    const element = document.body.appendChild(document.createElement('audio'))
    element.srcObject = stream
    element.play()
    analyser = new AnalyserNode(context, { fftSize: 16_384 })
    context.createMediaStreamSource(stream).connect(analyser)
  }
  const samples = (seconds) => {
    follow()
    const all = new Float32Array(analyser.fftSize)
    analyser.getFloatTimeDomainData(all)
    return all.slice(-Math.round(seconds * context.sampleRate)).map((sample) => sample * 32_767)
  }
  /** Looks until `test` likes the sound: an analyser has no events. */
  const until = async (seconds, test, what, ms) => {
    await context.resume()
    const end = performance.now() + ms
    samples(seconds)
    // What came before the question does not count
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    for (;;) {
      const sound = samples(seconds)
      if (test(sound)) return
      if (performance.now() > end) throw new Error(`no ${what} within ${ms} ms; the page heard ${describeSound(sound, context.sampleRate)}`)
      await soon()
    }
  }
  return {
    hears: ({ hz, ms, absent }) => until(WINDOW_SECONDS, (sound) => isTone(sound, hz, context.sampleRate, absent), `${hz} Hz`, ms),
    /** Silence in every look for `quiet` ms. */
    silence: async ({ quiet, ms }) => {
      let since = performance.now()
      const still = (sound) => {
        if (!isSilence(sound)) since = performance.now()
        return performance.now() - since >= quiet
      }
      await until(WINDOW_SECONDS, still, `${quiet} ms of silence`, ms)
    },
    sendDigits: (digits) =>
      new Promise((resolve, reject) => {
        const { dtmf } = connection().getSenders().find(({ track }) => track?.kind === 'audio')
        if (!dtmf.canInsertDTMF) throw new Error('the other side takes no telephone-event')
        dtmf.ontonechange = ({ tone }) => tone === '' && resolve()
        connection().addEventListener('connectionstatechange', () => connection().connectionState === 'closed' && reject(new Error('closed')))
        dtmf.insertDTMF(digits, 100, 70)
      }),
    stats: async () => {
      const reports = [...(await connection().getStats()).values()]
      const one = (type, test = () => true) => reports.find((report) => report.type === type && test(report))
      const transport = one('transport')
      const out = one('outbound-rtp', ({ kind }) => kind === 'audio')
      const inbound = one('inbound-rtp', ({ kind }) => kind === 'audio')
      const byId = (id) => reports.find((report) => report.id === id)
      const pair = byId(transport?.selectedCandidatePairId)
      const remote = byId(pair?.remoteCandidateId)
      return {
        codec: byId(out?.codecId ?? inbound?.codecId)?.mimeType,
        connection: connection().connectionState,
        ice: connection().iceConnectionState,
        iceRole: transport?.iceRole,
        dtls: transport?.dtlsState,
        dtlsRole: transport?.dtlsRole,
        srtpCipher: transport?.srtpCipher,
        packetsSent: out?.packetsSent ?? 0,
        // inbound-rtp is not there while the page holds; this counts RTCP and checks too
        packetsReceived: inbound?.packetsReceived ?? 0,
        transportReceived: transport?.packetsReceived ?? 0,
        packetsLost: inbound?.packetsLost ?? 0,
        remote: remote === undefined ? undefined : `${remote.address}:${remote.port}`,
      }
    },
  }
}
