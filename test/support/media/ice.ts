/**
 * An ICE agent (RFC 8445) for one stream on one port: it has one host candidate, controls, nominates what it checks first, and answers checks. Enough
 * for the other end of a lite agent, as a Teams client without media processor is.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const COOKIE = 0x2112a442
const REQUEST = 0x0001
const SUCCESS = 0x0101
const USERNAME = 0x0006
const INTEGRITY = 0x0008
const XOR_MAPPED = 0x0020
const PRIORITY = 0x0024
const USE_CANDIDATE = 0x0025
const CONTROLLING = 0x802a
const FINGERPRINT = 0x8028
const HOST = 2_130_706_431
const FIRST_MS = 50
const LATER_MS = 1000

/** RFC 7983: what is neither SRTP nor SRTCP but STUN. */
export const isStun = (bytes: Buffer): boolean => bytes.length >= 20 && bytes[0]! < 2 && bytes.readUInt32BE(4) === COOKIE

interface Attribute {
  readonly type: number
  readonly value: Buffer
}

const attribute = ({ type, value }: Attribute): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

/** With MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §14.5, §14.7), whose lengths count each up to its own end. */
const message = (type: number, transaction: Buffer, attributes: readonly Attribute[], password: string): Buffer => {
  const body = Buffer.concat(attributes.map(attribute))
  const upTo = (length: number): Buffer => {
    const head = Buffer.alloc(8)
    head.writeUInt16BE(type)
    head.writeUInt16BE(length, 2)
    head.writeUInt32BE(COOKIE, 4)
    return Buffer.concat([head, transaction])
  }
  const integrity = createHmac('sha1', password)
    .update(Buffer.concat([upTo(body.length + 24), body]))
    .digest()
  const signed = Buffer.concat([body, attribute({ type: INTEGRITY, value: integrity })])
  const check = Buffer.alloc(4)
  check.writeUInt32BE((crc32(Buffer.concat([upTo(signed.length + 8), signed])) ^ 0x5354554e) >>> 0)
  return Buffer.concat([upTo(signed.length + 8), signed, attribute({ type: FINGERPRINT, value: check })])
}

const readAttributes = (bytes: Buffer): ReadonlyMap<number, { readonly value: Buffer; readonly at: number }> => {
  const found = new Map<number, { readonly value: Buffer; readonly at: number }>()
  for (let at = 20; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2)
    found.set(bytes.readUInt16BE(at), { value: bytes.subarray(at + 4, at + 4 + length), at })
    at += 4 + length + ((4 - (length % 4)) % 4)
  }
  return found
}

/** @returns whether whoever has that password wrote it */
const isFrom = (bytes: Buffer, password: string): boolean => {
  const found = readAttributes(bytes).get(INTEGRITY)
  if (found === undefined) return false
  const covered = Buffer.from(bytes.subarray(0, found.at))
  covered.writeUInt16BE(found.at - 20 + 24, 2)
  return createHmac('sha1', password).update(covered).digest().equals(found.value)
}

const mapped = (address: string, port: number): Buffer => {
  const value = Buffer.alloc(8)
  value[1] = 1
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2)
  value.writeUInt32BE((Buffer.from(address.split('.').map(Number)).readUInt32BE() ^ COOKIE) >>> 0, 4)
  return value
}

export interface IceAgent {
  /** Of its SDPs: user, password and candidate. */
  lines(address: string, port: number): readonly string[]
  /** A STUN message came. */
  take(bytes: Buffer, from: { readonly address: string; readonly port: number }): void
  /** The other side's SDP came: checks begin, anew if it has other names. */
  heard(sdp: string): void
  /** New names from the next SDP on (RFC 8445 §2.4): what was checked before counts no more. */
  restart(): void
  /** Where media may go: a check got there, and its answer came back. */
  selected(): { readonly address: string; readonly port: number } | undefined
  /** Checks that came from the other side: a lite agent sends none. */
  readonly checksHeard: () => number
  close(): void
}

/** @param send from the port whose candidate it shows */
export const createIceAgent = (send: (bytes: Buffer, port: number, address: string) => void): IceAgent => {
  const names = (): { user: string; password: string } => ({
    user: randomBytes(3).toString('hex'),
    password: randomBytes(12).toString('hex'),
  })
  const tie = randomBytes(8)
  let own = names()
  let theirs: { readonly user: string; readonly password: string; readonly address: string; readonly port: number } | undefined
  let pending = new Map<string, { readonly address: string; readonly port: number }>()
  let selected: { readonly address: string; readonly port: number } | undefined
  let checks = 0
  let timer: NodeJS.Timeout | undefined
  const check = (): void => {
    if (theirs === undefined) return
    const { user, password, address, port } = theirs
    const transaction = randomBytes(12)
    pending.set(transaction.toString('hex'), { address, port })
    const priority = Buffer.alloc(4)
    priority.writeUInt32BE(HOST)
    const attributes = [
      { type: USERNAME, value: Buffer.from(`${user}:${own.user}`) },
      { type: PRIORITY, value: priority },
      { type: CONTROLLING, value: tie },
      { type: USE_CANDIDATE, value: Buffer.alloc(0) },
    ]
    send(message(REQUEST, transaction, attributes, password), port, address)
    timer = setTimeout(check, selected === undefined ? FIRST_MS : LATER_MS)
  }
  return {
    lines: (address, port) => [
      `a=ice-ufrag:${own.user}`,
      `a=ice-pwd:${own.password}`,
      `a=candidate:1 1 UDP ${HOST} ${address} ${port} typ host`,
    ],
    take: (bytes, from) => {
      const type = bytes.readUInt16BE(0)
      const transaction = bytes.subarray(8, 20)
      if (type === REQUEST && isFrom(bytes, own.password)) {
        checks++
        send(
          message(SUCCESS, transaction, [{ type: XOR_MAPPED, value: mapped(from.address, from.port) }], own.password),
          from.port,
          from.address,
        )
        return
      }
      const asked = pending.get(transaction.toString('hex'))
      if (type === SUCCESS && asked !== undefined && theirs !== undefined && isFrom(bytes, theirs.password)) selected = asked
    },
    heard: (sdp) => {
      const value = (name: string): string | undefined => new RegExp(`^a=${name}:(\\S+)`, 'm').exec(sdp)?.[1]
      const candidate = /^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ /im.exec(sdp)
      const [user, password] = [value('ice-ufrag'), value('ice-pwd')]
      if (candidate === null || user === undefined || password === undefined) return
      const [address, port] = [candidate[1]!, Number(candidate[2])]
      const same = theirs?.user === user && theirs.password === password && theirs.port === port && theirs.address === address
      theirs = { user, password, address, port }
      if (same && selected !== undefined) return
      clearTimeout(timer)
      check()
    },
    restart: () => {
      own = names()
      pending = new Map()
      selected = undefined
    },
    selected: () => selected,
    checksHeard: () => checks,
    close: () => clearTimeout(timer),
  }
}
