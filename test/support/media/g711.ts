/** ITU-T G.711: one octet for each of 8000 samples a second; linear samples have 16 bits. */
export interface AudioCodec {
  readonly encode: (samples: Int16Array) => Buffer
  readonly decode: (payload: Buffer) => Int16Array
}

const BIAS = 0x84
const LOUDEST = 0x7fff - BIAS

const segmentOf = (magnitude: number, lowest: number): number => Math.max(0, 31 - Math.clz32(magnitude) - lowest)

const muLawOctet = (sample: number): number => {
  const magnitude = Math.min(Math.abs(sample), LOUDEST) + BIAS
  const segment = segmentOf(magnitude, 7)
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff
}

const muLawSample = (octet: number): number => {
  const code = ~octet & 0xff
  const magnitude = ((((code & 0x0f) << 3) + BIAS) << ((code >> 4) & 7)) - BIAS
  return code >= 0x80 ? -magnitude : magnitude
}

const aLawOctet = (sample: number): number => {
  const magnitude = sample < 0 ? -sample - 1 : sample
  const segment = segmentOf(magnitude, 7)
  const code = (segment << 4) | ((magnitude >> (segment === 0 ? 4 : segment + 3)) & 0x0f)
  return (code | (sample < 0 ? 0 : 0x80)) ^ 0x55
}

const aLawSample = (octet: number): number => {
  const code = octet ^ 0x55
  const segment = (code >> 4) & 7
  const step = ((code & 0x0f) << 4) + 8
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1)
  return code >= 0x80 ? magnitude : -magnitude
}

const codec = (octetOf: (sample: number) => number, sampleOf: (octet: number) => number): AudioCodec => {
  const table = Int16Array.from({ length: 256 }, (_, octet) => sampleOf(octet))
  return {
    encode: (samples) => Buffer.from(Uint8Array.from(samples, octetOf)),
    decode: (payload) => Int16Array.from(payload, (octet) => table[octet]!),
  }
}

export const PCMU: AudioCodec = codec(muLawOctet, muLawSample)
export const PCMA: AudioCodec = codec(aLawOctet, aLawSample)
