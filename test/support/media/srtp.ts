/**
 * SRTP and SRTCP with AES_CM_128_HMAC_SHA1_80 (RFC 3711, RFC 4568 §6.2.1): one master key, derivation rate 0, no replay list;
 * an MKI where one is sent, none where one is received.
 */
import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { rtpHeaderLength } from './rtp.ts'

export const MASTER_KEY = 16
export const MASTER_SALT = 14
const TAG = 10
const SRTCP_INDEX = 4

/** RFC 3711 §4.1.1: AES in counter mode; encrypts, decrypts and, over zeros, is the key stream. */
export const aesCounterMode = (key: Buffer, iv: Buffer, input: Buffer): Buffer => createCipheriv('aes-128-ctr', key, iv).update(input)

/** RFC 3711 §4.3.1 with a derivation rate of 0. */
export const deriveKey = (masterKey: Buffer, masterSalt: Buffer, label: number, length: number): Buffer => {
  const iv = Buffer.alloc(16)
  masterSalt.copy(iv)
  iv[7]! ^= label
  return aesCounterMode(masterKey, iv, Buffer.alloc(length))
}

interface SessionKeys {
  readonly cipher: Buffer
  readonly auth: Buffer
  readonly salt: Buffer
}

/** @param firstLabel 0 for SRTP, 3 for SRTCP */
const sessionKeys = (master: Buffer, firstLabel: 0 | 3): SessionKeys => {
  if (master.length !== MASTER_KEY + MASTER_SALT) throw new Error(`a master key with salt has 30 octets, not ${master.length}`)
  const derive = (label: number, length: number): Buffer =>
    deriveKey(master.subarray(0, MASTER_KEY), master.subarray(MASTER_KEY), firstLabel + label, length)
  return { cipher: derive(0, 16), auth: derive(1, 20), salt: derive(2, 14) }
}

/** §4.1.1: IV = salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16. */
const crypt = ({ cipher, salt }: SessionKeys, ssrc: number, index: number, input: Buffer): Buffer => {
  const iv = Buffer.alloc(16)
  iv.writeUInt32BE(ssrc, 4)
  iv.writeUIntBE(index, 8, 6)
  for (let i = 0; i < salt.length; i++) iv[i]! ^= salt[i]!
  return aesCounterMode(cipher, iv, input)
}

const tagOf = ({ auth }: SessionKeys, ...parts: readonly Buffer[]): Buffer => {
  const hmac = createHmac('sha1', auth)
  for (const part of parts) hmac.update(part)
  return hmac.digest().subarray(0, TAG)
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** Both directions of conversion take and give whole packets. */
export interface SrtpContext {
  rtp(packet: Buffer): Buffer
  rtcp(packet: Buffer): Buffer
}

/** Counts the roll-overs (ROC) of sequence numbers by SSRC: §3.3.1. */
const createIndexes = (): { guess(ssrc: number, sequence: number): number; settle(ssrc: number, index: number): void } => {
  const highest = new Map<number, number>()
  return {
    guess: (ssrc, sequence) => {
      const last = highest.get(ssrc)
      if (last === undefined) return sequence
      const near = last - (last % 0x10000) + sequence
      if (near - last > 0x8000) return Math.max(near - 0x10000, sequence)
      return last - near > 0x8000 ? near + 0x10000 : near
    },
    settle: (ssrc, index) => highest.set(ssrc, Math.max(index, highest.get(ssrc) ?? 0)),
  }
}

/** What a sender does. @param master key and salt, 30 octets @param mki stands before the tag of each packet (§3.1) */
export const createSrtpSender = (master: Buffer, mki: Buffer = Buffer.alloc(0)): SrtpContext => {
  const rtpKeys = sessionKeys(master, 0)
  const rtcpKeys = sessionKeys(master, 3)
  const indexes = createIndexes()
  let rtcpIndex = 0
  return {
    rtp: (packet) => {
      const ssrc = packet.readUInt32BE(8)
      const index = indexes.guess(ssrc, packet.readUInt16BE(2))
      indexes.settle(ssrc, index)
      const start = rtpHeaderLength(packet)
      const secret = Buffer.concat([packet.subarray(0, start), crypt(rtpKeys, ssrc, index, packet.subarray(start))])
      return Buffer.concat([secret, mki, tagOf(rtpKeys, secret, uint32(Math.floor(index / 0x10000)))])
    },
    rtcp: (packet) => {
      const index = rtcpIndex++
      const secret = Buffer.concat([packet.subarray(0, 8), crypt(rtcpKeys, packet.readUInt32BE(4), index, packet.subarray(8))])
      const encrypted = uint32(0x80000000 + index)
      return Buffer.concat([secret, encrypted, mki, tagOf(rtcpKeys, secret, encrypted)])
    },
  }
}

const checkTag = (found: Buffer, expected: Buffer): void => {
  if (found.length !== TAG || !timingSafeEqual(found, expected)) throw new Error('the authentication tag is wrong')
}

/** What a receiver does. Its functions throw an Error when a packet is not authentic. */
export const createSrtpReceiver = (master: Buffer): SrtpContext => {
  const rtpKeys = sessionKeys(master, 0)
  const rtcpKeys = sessionKeys(master, 3)
  const indexes = createIndexes()
  return {
    rtp: (packet) => {
      const start = rtpHeaderLength(packet)
      const end = packet.length - TAG
      if (end < start) throw new Error('too short for SRTP')
      const ssrc = packet.readUInt32BE(8)
      const index = indexes.guess(ssrc, packet.readUInt16BE(2))
      checkTag(packet.subarray(end), tagOf(rtpKeys, packet.subarray(0, end), uint32(Math.floor(index / 0x10000))))
      indexes.settle(ssrc, index)
      return Buffer.concat([packet.subarray(0, start), crypt(rtpKeys, ssrc, index, packet.subarray(start, end))])
    },
    rtcp: (packet) => {
      const end = packet.length - TAG - SRTCP_INDEX
      if (end < 8) throw new Error('too short for SRTCP')
      checkTag(packet.subarray(end + SRTCP_INDEX), tagOf(rtcpKeys, packet.subarray(0, end + SRTCP_INDEX)))
      const word = packet.readUInt32BE(end)
      const body = packet.subarray(8, end)
      const index = word % 0x80000000
      const clear = word >= 0x80000000 ? crypt(rtcpKeys, packet.readUInt32BE(4), index, body) : body
      return Buffer.concat([packet.subarray(0, 8), clear])
    },
  }
}
