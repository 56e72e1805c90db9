import { createTone } from './tone.ts'

/**
 * A WAV file, 16 bits mono, of one tone. Whole periods for a whole number of Hz, so it can be looped.
 * @param seconds whole
 */
export const toneWav = (hz: number, sampleRate = 48_000, seconds = 2): Buffer => {
  const samples = createTone(hz, sampleRate)(sampleRate * seconds)
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(36 + samples.byteLength, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(sampleRate, 24)
  header.writeUInt32LE(sampleRate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(samples.byteLength, 40)
  return Buffer.concat([header, Buffer.from(samples.buffer)])
}
