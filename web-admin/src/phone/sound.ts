/** What is sent and what is heard: microphones, a tone for those without one, and how loud both are. */

/** Which sound to send: a device's id, `''` for the browser's own choice, or the tone. */
export type SoundSource = string
export const TONE: SoundSource = 'tone'

export interface Microphone {
  readonly id: string
  /** Empty until somebody has allowed a microphone. */
  readonly label: string
}

/** Sound on its way out; `stop` lets go of the microphone. */
export interface Sending {
  readonly stream: MediaStream
  /** Name of the device; the tone has none. */
  readonly label: string
  stop(): void
}

/** From 0 (silence, -60 dBFS and less) to 1. */
export type Level = () => number

let context: AudioContext | undefined
/** One for all; browsers let it run once somebody has pressed something. */
const audio = (): AudioContext => {
  context ??= new AudioContext()
  if (context.state === 'suspended') void context.resume()
  return context
}

/** @throws DOMException as getUserMedia does; TypeError where the browser gives no page a microphone */
export const openSound = async (source: SoundSource, cleaned: boolean): Promise<Sending> => {
  if (source === TONE) return tone()
  if (navigator.mediaDevices === undefined) throw new DOMException('There is no microphone for this page', 'SecurityError')
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: {
      ...(source !== '' && { deviceId: { exact: source } }),
      echoCancellation: cleaned,
      noiseSuppression: cleaned,
      autoGainControl: cleaned,
    },
  })
  const tracks = stream.getTracks()
  return { stream, label: tracks[0]?.label ?? '', stop: () => stopAll(tracks) }
}

const stopAll = (tracks: readonly MediaStreamTrack[]): void => {
  for (const track of tracks) track.stop()
}

const TONE_HZ = 440
const TONE_GAIN = 0.25

/** Half a second of tone, half a second of nothing, and so on: an echo of it can be told from the tone itself. */
const tone = (): Sending => {
  const ours = audio()
  const rate = ours.sampleRate
  const buffer = ours.createBuffer(1, rate, rate)
  const samples = buffer.getChannelData(0)
  const length = rate / 2
  for (let at = 0; at < length; at++) {
    // Without a click at either end
    const fade = Math.min(1, at / 480, (length - at) / 480)
    samples[at] = Math.sin((2 * Math.PI * TONE_HZ * at) / rate) * TONE_GAIN * fade
  }
  const source = new AudioBufferSourceNode(ours, { buffer, loop: true })
  const destination = ours.createMediaStreamDestination()
  source.connect(destination)
  source.start()
  return { stream: destination.stream, label: '', stop: () => source.stop() }
}

/** @returns what tells the level now, and what ends it */
export const levelOf = (stream: MediaStream): { readonly level: Level; stop(): void } => {
  const ours = audio()
  const source = ours.createMediaStreamSource(stream)
  const analyser = new AnalyserNode(ours, { fftSize: 1024 })
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  return {
    level: () => {
      analyser.getFloatTimeDomainData(samples)
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
      return power === 0 ? 0 : Math.min(1, Math.max(0, 1 + (10 * Math.log10(power)) / 60))
    },
    stop: () => source.disconnect(),
  }
}

/** Microphones that there are; browsers name them once one was allowed. */
export const microphones = async (): Promise<readonly Microphone[]> => {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? []
  return devices
    .filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== '')
    .map(({ deviceId, label }) => ({ id: deviceId, label }))
}

/** Rings until it is stopped: 0.4 s on, 0.2 s off, 0.4 s on, 2 s off. */
export const ring = (): (() => void) => {
  const ours = audio()
  const gain = new GainNode(ours, { gain: 0 })
  const oscillators = [400, 450].map((frequency) => new OscillatorNode(ours, { frequency }))
  for (const one of oscillators) {
    one.connect(gain)
    one.start()
  }
  gain.connect(ours.destination)
  const cycle = (): void => {
    for (const [at, value] of [
      [0, 0.08],
      [0.4, 0],
      [0.6, 0.08],
      [1, 0],
    ] as const)
      gain.gain.setValueAtTime(value, ours.currentTime + at)
  }
  cycle()
  const timer = setInterval(cycle, 3000)
  return () => {
    clearInterval(timer)
    gain.disconnect()
    for (const one of oscillators) one.stop()
  }
}
