import { randomInt } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { AcmeError } from '../errors.ts'
import { askServer, type DnsServerAddress } from './dns-socket.ts'
import { sign, TSIG_ALGORITHMS, type TsigAlgorithm, type TsigKey, verify } from './tsig.ts'
import type { ProviderEntry, ProviderSettings, TxtRecord } from './types.ts'
import { CLASS, type DnsMessage, decodeMessage, encodeMessage, encodeText, OPCODE, RCODES, type ResourceRecord, TYPE } from './wire.ts'

/** Dynamic updates (RFC 2136), signed with TSIG (RFC 8945): BIND, Knot, PowerDNS, Windows with TSIG. */
export const rfc2136: ProviderEntry = {
  settings: {
    server: 'The primary server of the zone: host or address, with a port when it is not 53',
    zone: 'The zone to write to; default: as the server says',
    'key-name': 'Name of the TSIG key; not needed when key-file is as tsig-keygen writes it',
    'key-algorithm': 'hmac-sha256 (default) or hmac-sha512',
    'key-file': 'File with the secret in base64, or as tsig-keygen writes it',
    'key-env': 'Variable with the secret in base64',
    transport: 'udp (default, and TCP where UDP does not do) or tcp',
    ttl: 'Seconds that the record may be kept; default 60',
  },

  async create(settings, { clock }) {
    const key = await readKey(settings)
    const server = settings.required('server')
    const transport = settings.optional('transport') ?? 'udp'
    if (transport !== 'udp' && transport !== 'tcp')
      throw new AcmeError('SBC_CERTIFICATE_DNS', `transport of the DNS provider rfc2136 is udp or tcp, not ${JSON.stringify(transport)}`)
    const ttl = settings.number('ttl', 60)
    const wall = (): number => Math.floor(clock.wall() / 1000)

    const ask = async (message: Omit<DnsMessage, 'id'>, signal: AbortSignal): Promise<DnsMessage> => {
      const signed = sign(encodeMessage({ ...message, id: randomInt(0x10000) }), key, wall())
      try {
        const answer = await askServer(signed.bytes, await addressOf(server), transport, signal)
        const wrong = verify(answer, key, signed.mac, wall())
        if (wrong !== undefined) throw new Error(`: ${wrong}`)
        return decodeMessage(answer)
      } catch (cause) {
        signal.throwIfAborted()
        throw new AcmeError('SBC_CERTIFICATE_DNS', `The DNS server ${server} ${(cause as Error).message}`.replace(' :', ':'), { cause })
      }
    }

    /** RFC 2308 §3: who has nothing to say of a name names the zone that it is not in. */
    const zoneOf = async (name: string, signal: AbortSignal): Promise<string> => {
      const configured = settings.optional('zone')
      if (configured !== undefined) return configured.replace(/\.$/, '')
      const answer = await ask({ ...BLANK, question: [{ name, type: TYPE.SOA, class: CLASS.IN }] }, signal)
      const soa = [...answer.answer, ...answer.authority].find(({ type }) => type === TYPE.SOA)
      if (soa !== undefined) return soa.name
      throw new AcmeError(
        'SBC_CERTIFICATE_DNS',
        `The DNS server ${server} does not say which zone ${name} is in (${RCODES[answer.rcode] ?? answer.rcode}); set zone, or name the primary server`,
      )
    }

    const update = async (
      { name }: TxtRecord,
      records: (zone: string) => readonly ResourceRecord[],
      signal: AbortSignal,
    ): Promise<void> => {
      const zone = await zoneOf(name, signal)
      const message = { ...BLANK, opcode: OPCODE.UPDATE, question: [{ name: zone, type: TYPE.SOA, class: CLASS.IN }] }
      const { rcode } = await ask({ ...message, authority: records(zone) }, signal)
      if (rcode === 0) return
      throw new AcmeError(
        'SBC_CERTIFICATE_DNS',
        `The DNS server ${server} did not change ${name} in the zone ${zone} (${RCODES[rcode] ?? rcode})${REMEDIES[rcode] ?? ''}`,
      )
    }

    const recordOf = ({ name, value }: TxtRecord) => ({ name, type: TYPE.TXT, data: encodeText(value) })
    return {
      add: (record, signal) => update(record, () => [{ ...recordOf(record), class: CLASS.IN, ttl }], signal),
      // RFC 2136 §2.5.4: this one value of the set
      remove: (record, signal) => update(record, () => [{ ...recordOf(record), class: CLASS.NONE, ttl: 0 }], signal),
      close: () => {},
    }
  },
}

const BLANK: Omit<DnsMessage, 'id'> = {
  response: false,
  opcode: OPCODE.QUERY,
  truncated: false,
  rcode: 0,
  question: [],
  answer: [],
  authority: [],
  additional: [],
}

const REMEDIES: Readonly<Record<number, string>> = {
  2: '; its log says why, often that it cannot write its journal',
  5: '; let the key update TXT records there, such as with update-policy or allow-update',
  9: '; it is not the primary server of that zone, or does not know the key',
  10: '; the name is not in that zone, correct zone',
}

const readKey = async (settings: ProviderSettings): Promise<TsigKey> => {
  const text = await settings.secret('key')
  const written = /\bkey\s+"?([^"\s{]+)"?\s*\{([^}]*)\}/.exec(text)
  const part = (name: string): string | undefined => new RegExp(`\\b${name}\\s+"?([^";\\s]+)"?\\s*;`).exec(written?.[2] ?? '')?.[1]
  const name = settings.optional('key-name') ?? written?.[1]
  const algorithm = (settings.optional('key-algorithm') ?? part('algorithm') ?? 'hmac-sha256').toLowerCase()
  const secret = written === null ? text : (part('secret') ?? '')
  if (name === undefined) throw new AcmeError('SBC_CERTIFICATE_DNS', 'The DNS provider rfc2136 needs key-name')
  if (!Object.hasOwn(TSIG_ALGORITHMS, algorithm)) {
    throw new AcmeError(
      'SBC_CERTIFICATE_DNS',
      `key-algorithm of the DNS provider rfc2136 is ${Object.keys(TSIG_ALGORITHMS).join(' or ')}, not ${JSON.stringify(algorithm)}`,
    )
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(secret))
    throw new AcmeError('SBC_CERTIFICATE_DNS', `The secret of the TSIG key ${name} is no base64; is it the file of that key?`)
  return { name: name.replace(/\.$/, ''), algorithm: algorithm as TsigAlgorithm, secret: Buffer.from(secret, 'base64') }
}

/** `host`, `host:port`, `[address]:port`, or an IPv6 address alone. */
const addressOf = async (server: string): Promise<DnsServerAddress> => {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server) ?? []
  const host = bracketed ?? plain ?? server
  if (isIP(host) !== 0) return { host, port: Number(port ?? 53) }
  try {
    return { host: (await lookup(host)).address, port: Number(port ?? 53) }
  } catch (cause) {
    throw new Error('has no address', { cause })
  }
}
