import { TRANSPORTS, type TransportName } from '../address/transports.ts'
import type { NaptrRecord } from './records.ts'
import type { NextHop } from './types.ts'

interface Service {
  /** RFC 3263 §4.1 and RFC 7118 §8: the service field of a NAPTR record. */
  readonly naptr: string
  /** RFC 3263 §4.1: what precedes the domain in an SRV query. */
  readonly srv: string
}

// RFC 7118 registers D2W but no SRV owner names; `_sip._ws` and `_sips._wss` are what others use.
const SERVICES: Readonly<Record<TransportName, Service>> = {
  udp: { naptr: 'SIP+D2U', srv: '_sip._udp.' },
  tcp: { naptr: 'SIP+D2T', srv: '_sip._tcp.' },
  tls: { naptr: 'SIPS+D2T', srv: '_sips._tcp.' },
  ws: { naptr: 'SIP+D2W', srv: '_sip._ws.' },
  wss: { naptr: 'SIPS+D2W', srv: '_sips._wss.' },
}

/** RFC 3263 §4.1: the name of the SRV query for a domain without final dot. */
export const srvName = (transport: TransportName, domain: string): string => SERVICES[transport].srv + domain

/**
 * The transports that may carry this next hop, in the zone's order; empty when none can.
 * §26.2.2: `sips` with `transport=tcp` is TLS, and UDP cannot serve it. RFC 7118 §5.2.4: a URI says `ws` for WSS too, so in a zone
 * that speaks only WSS it means that; a secure transport is never replaced by a plain one.
 */
export const usableTransports = (nextHop: NextHop, supported: readonly TransportName[]): readonly TransportName[] => {
  const { transport, secure } = nextHop
  if (transport === undefined) return secure ? supported.filter((name) => TRANSPORTS[name].secure) : supported
  const wanted = secure ? SECURED[transport] : transport
  if (wanted === undefined) return []
  if (supported.includes(wanted)) return [wanted]
  return wanted === 'ws' && supported.includes('wss') ? ['wss'] : []
}

const SECURED: Readonly<Record<TransportName, TransportName | undefined>> = {
  udp: undefined,
  tcp: 'tls',
  tls: 'tls',
  ws: 'wss',
  wss: 'wss',
}

/**
 * RFC 3263 §4.1: the transport when neither the URI nor the DNS says one: UDP for `sip`, TLS for `sips`.
 * A zone without that transport could never use it: the first that it has is taken.
 * @param usable not empty
 */
export const defaultTransport = (secure: boolean, usable: readonly TransportName[]): TransportName => {
  const preferred = secure ? 'tls' : 'udp'
  return usable.includes(preferred) ? preferred : (usable[0] ?? preferred)
}

export interface NaptrChoice {
  readonly transport: TransportName
  /** The name of the SRV query. */
  readonly replacement: string
}

/** Domains do not have more; a hostile one could. */
const MOST_CHOICES = 8

/**
 * RFC 3263 §4.1: the SRV names to ask for, in the order the domain wants. Records for transports that we do not have are discarded,
 * plain ones too for `sips` (by `usable`). RFC 3403 §4.1: the lowest order with a usable record alone counts; within it, by preference.
 */
export const naptrChoices = (records: readonly NaptrRecord[], usable: readonly TransportName[]): readonly NaptrChoice[] => {
  const fitting: { readonly record: NaptrRecord; readonly transport: TransportName }[] = []
  for (const record of records) {
    // RFC 3263 §4.1: SIP uses the flag "s" alone, with a replacement and no expression
    if (record.flags.toLowerCase() !== 's' || record.replacement === '' || record.replacement === '.') continue
    const service = record.service.toUpperCase()
    const transport = usable.find((name) => SERVICES[name].naptr === service)
    if (transport !== undefined) fitting.push({ record, transport })
  }
  const order = Math.min(...fitting.map(({ record }) => record.order))
  return fitting
    .filter(({ record }) => record.order === order)
    .sort((a, b) => a.record.preference - b.record.preference)
    .slice(0, MOST_CHOICES)
    .map(({ record, transport }) => ({ transport, replacement: record.replacement }))
}
