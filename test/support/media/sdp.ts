/** A reader and writer of session descriptions (RFC 8866) that shares nothing with the product's, strict where rtpengine and the edge have to be. */

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
const DIRECTIONS: readonly string[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive']

export interface SdpAttribute {
  readonly name: string
  /** Empty for a flag. */
  readonly value: string
}

export interface SdpSection {
  readonly media: string
  readonly port: number
  readonly protocol: string
  readonly formats: readonly string[]
  /** Of its own `c=`, else of the session's. */
  readonly address: string
  readonly attributes: readonly SdpAttribute[]
}

export interface Sdp {
  /** The value of `o=`. */
  readonly origin: string
  readonly attributes: readonly SdpAttribute[]
  readonly sections: readonly SdpSection[]
}

const attributeOf = (value: string): SdpAttribute => {
  const colon = value.indexOf(':')
  return colon < 0 ? { name: value, value: '' } : { name: value.slice(0, colon), value: value.slice(colon + 1) }
}

const addressOf = (value: string): string => {
  const match = /^IN IP[46] ([^\s/]+)$/.exec(value)
  if (match === null) throw new Error(`no connection: c=${value}`)
  return match[1]!
}

/** @throws Error that names the line that is wrong */
export const readSdp = (text: string): Sdp => {
  if (!/^v=0\r\no=[^\r\n]+\r\ns=[^\r\n]+\r\n/.test(text)) throw new Error(`no session description: ${JSON.stringify(text.slice(0, 80))}`)
  let origin = ''
  let address = ''
  const attributes: SdpAttribute[] = []
  const sections: (SdpSection & { address: string; attributes: SdpAttribute[] })[] = []
  const lines = text.split('\r\n')
  if (lines.pop() !== '') throw new Error('the last line has no end')
  for (const line of lines) {
    if (!/^[a-z]=[^\r\n]+$/.test(line)) throw new Error(`no line of SDP: ${JSON.stringify(line)}`)
    const value = line.slice(2)
    const section = sections.at(-1)
    if (line.startsWith('o=')) origin = value
    if (line.startsWith('a=')) (section?.attributes ?? attributes).push(attributeOf(value))
    if (line.startsWith('c=') && section === undefined) address = addressOf(value)
    if (line.startsWith('c=') && section !== undefined) section.address = addressOf(value)
    if (!line.startsWith('m=')) continue
    const match = /^(\w+) (\d+) (\S+)((?: \S+)+)$/.exec(value)
    if (match === null) throw new Error(`no media section: ${line}`)
    const formats = match[4]!.trim().split(' ')
    sections.push({ media: match[1]!, port: Number(match[2]), protocol: match[3]!, formats, address, attributes: [] })
  }
  for (const { media, address: its } of sections) if (its === '') throw new Error(`${media} has no connection`)
  return { origin, attributes, sections }
}

/** Of a section, else of the session. */
export const attributesOf = (sdp: Sdp, section: SdpSection, name: string): readonly string[] => {
  const own = section.attributes.filter((attribute) => attribute.name === name)
  return (own.length > 0 ? own : sdp.attributes.filter((attribute) => attribute.name === name)).map(({ value }) => value)
}

export const directionOf = (sdp: Sdp, section: SdpSection): Direction => {
  const found = [...section.attributes, ...sdp.attributes].find(({ name }) => DIRECTIONS.includes(name))
  return (found?.name as Direction | undefined) ?? 'sendrecv'
}

/** The first audio section that is not refused. @throws Error when there is none */
export const audioOf = (sdp: Sdp): SdpSection => {
  const section = sdp.sections.find(({ media, port }) => media === 'audio' && port !== 0)
  if (section === undefined) throw new Error('no audio section is accepted')
  return section
}

/** A codec of a section: its name in upper case (`TELEPHONE-EVENT`), payload number and clock rate. */
export interface SdpCodec {
  readonly name: string
  readonly payloadType: number
  readonly clockRate: number
}

const STATIC: Readonly<Record<string, string>> = { 0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000', 13: 'CN/8000', 18: 'G729/8000' }

/** In order of preference. */
export const codecsOf = (section: SdpSection): readonly SdpCodec[] =>
  section.formats.map((format): SdpCodec => {
    const mapped = section.attributes.find(({ name, value }) => name === 'rtpmap' && value.startsWith(`${format} `))
    const map = mapped?.value.slice(format.length + 1) ?? STATIC[format]
    if (map === undefined) throw new Error(`payload type ${format} has no rtpmap`)
    const [name = '', clockRate] = map.split('/')
    return { name: name.toUpperCase(), payloadType: Number(format), clockRate: Number(clockRate) }
  })

/** Where RTCP goes: RFC 3605, RFC 5761, else the port above. */
export const rtcpPortOf = (section: SdpSection): number => {
  if (section.attributes.some(({ name }) => name === 'rtcp-mux')) return section.port
  const rtcp = section.attributes.find(({ name }) => name === 'rtcp')
  return rtcp === undefined ? section.port + 1 : Number(rtcp.value.split(' ')[0])
}

/** `a=crypto` (RFC 4568 §9.1). */
export interface SdpCrypto {
  readonly tag: number
  readonly suite: string
  /** Master key and salt. */
  readonly key: Buffer
  /** Lifetime and MKI, as they stand, with the first bar; empty when there are none. */
  readonly parameters: string
}

/** Of a section. @throws Error when a line is none */
export const cryptosOf = (section: SdpSection): readonly SdpCrypto[] =>
  section.attributes
    .filter(({ name }) => name === 'crypto')
    .map(({ value }) => {
      const match = /^(\d{1,9}) (\w+) inline:([A-Za-z0-9+/]+=*)((?:\|[^|\s;]+)*)$/.exec(value)
      if (match === null) throw new Error(`no crypto attribute: ${value}`)
      return { tag: Number(match[1]), suite: match[2]!, key: Buffer.from(match[3]!, 'base64'), parameters: match[4]! }
    })

export const writeCrypto = ({ tag, suite, key, parameters }: SdpCrypto): string =>
  `a=crypto:${tag} ${suite} inline:${key.toString('base64')}${parameters}`

/** What `c=` says of an address. */
export const networkOf = (address: string): string => `IN IP${address.includes(':') ? 6 : 4} ${address}`

/** @param lines the media sections, each from its m-line on */
export const writeSdp = (address: string, session: number, version: number, lines: readonly string[]): string =>
  ['v=0', `o=- ${session} ${version} ${networkOf(address)}`, 's=-', `c=${networkOf(address)}`, 't=0 0', ...lines]
    .map((line) => `${line}\r\n`)
    .join('')
