/** What the browser's statistics (W3C webrtc-stats) say about a call, as the page shows it. No browser needed. */

/** One entry of an RTCStatsReport. */
export type Entry = { readonly id: string; readonly type: string } & Readonly<Record<string, unknown>>

export interface Candidate {
  /** `host`, `srflx`, `prflx`, `relay`. */
  readonly type: string
  /** `address:port`; a browser that hides its address says nothing of it. */
  readonly address: string
  readonly protocol: string
}

export interface Figures {
  /** `opus/48000`, of what is sent and of what is heard. */
  readonly sentCodec: string | undefined
  readonly heardCodec: string | undefined
  /** Keys of the encryption: who asked for the handshake, its version and cipher; then the suite of SRTP. */
  readonly dtlsState: string | undefined
  readonly dtlsRole: string | undefined
  readonly dtlsVersion: string | undefined
  readonly dtlsCipher: string | undefined
  readonly srtpCipher: string | undefined
  readonly iceState: string | undefined
  readonly local: Candidate | undefined
  readonly remote: Candidate | undefined
  readonly sentPackets: number
  readonly sentBytes: number
  readonly heardPackets: number
  readonly heardBytes: number
  /** Packets of the other side that did not come. */
  readonly lost: number
  readonly lostPercent: number | undefined
  readonly jitterMs: number | undefined
  /** What the other side says did not come to it. */
  readonly missedPercent: number | undefined
  /** Of media (RTCP), else of ICE's checks. */
  readonly roundTripMs: number | undefined
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)

export const figuresOf = (report: Iterable<Entry>): Figures => {
  const entries = [...report]
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  const audio = (type: string): Entry | undefined => entries.find((entry) => entry.type === type && (entry.kind ?? 'audio') === 'audio')
  const named = (id: unknown): Entry | undefined => (typeof id === 'string' ? byId.get(id) : undefined)
  const [out, heard, told] = [audio('outbound-rtp'), audio('inbound-rtp'), audio('remote-inbound-rtp')]
  const transport = entries.find(({ type }) => type === 'transport')
  const pair =
    named(transport?.selectedCandidatePairId) ??
    entries.find(({ type, state, nominated }) => type === 'candidate-pair' && state === 'succeeded' && nominated === true)
  const lost = Math.max(0, numberOf(heard?.packetsLost) ?? 0)
  // While the browser holds, there is no entry for what it hears
  const heardPackets = numberOf(heard?.packetsReceived) ?? numberOf(transport?.packetsReceived) ?? 0
  const missed = numberOf(told?.fractionLost)
  return {
    sentCodec: codecOf(named(out?.codecId)),
    heardCodec: codecOf(named(heard?.codecId)),
    dtlsState: textOf(transport?.dtlsState),
    dtlsRole: textOf(transport?.dtlsRole),
    dtlsVersion: versionOf(transport?.tlsVersion),
    dtlsCipher: textOf(transport?.dtlsCipher),
    srtpCipher: textOf(transport?.srtpCipher),
    iceState: textOf(transport?.iceState),
    local: candidateOf(named(pair?.localCandidateId)),
    remote: candidateOf(named(pair?.remoteCandidateId)),
    sentPackets: numberOf(out?.packetsSent) ?? 0,
    sentBytes: numberOf(out?.bytesSent) ?? 0,
    heardPackets,
    heardBytes: numberOf(heard?.bytesReceived) ?? numberOf(transport?.bytesReceived) ?? 0,
    lost,
    lostPercent: heardPackets + lost === 0 ? undefined : (lost / (heardPackets + lost)) * 100,
    jitterMs: milliseconds(heard?.jitter),
    missedPercent: missed === undefined ? undefined : missed * 100,
    roundTripMs: milliseconds(told?.roundTripTime || undefined) ?? milliseconds(pair?.currentRoundTripTime),
  }
}

const milliseconds = (seconds: unknown): number | undefined => {
  const value = numberOf(seconds)
  return value === undefined ? undefined : value * 1000
}

const codecOf = (codec: Entry | undefined): string | undefined => {
  const type = textOf(codec?.mimeType)
  if (type === undefined) return undefined
  const rate = numberOf(codec?.clockRate)
  return `${type.replace(/^audio\//i, '')}${rate === undefined ? '' : `/${rate}`}`
}

const candidateOf = (candidate: Entry | undefined): Candidate | undefined => {
  if (candidate === undefined) return undefined
  const host = textOf(candidate.address) ?? textOf(candidate.ip)
  const port = numberOf(candidate.port)
  const shown = host?.includes(':') === true ? `[${host}]` : host
  return {
    type: textOf(candidate.candidateType) ?? 'host',
    address: shown === undefined ? '' : `${shown}:${port ?? 0}`,
    protocol: textOf(candidate.relayProtocol) ?? textOf(candidate.protocol) ?? 'udp',
  }
}

/** `FEFD` is DTLS 1.2 (RFC 6347 §4.1). */
const VERSIONS: Readonly<Record<string, string>> = { FEFF: 'DTLS 1.0', FEFD: 'DTLS 1.2', FEFC: 'DTLS 1.3' }
const versionOf = (version: unknown): string | undefined => {
  const text = textOf(version)
  return text === undefined ? undefined : (VERSIONS[text.toUpperCase()] ?? text)
}
