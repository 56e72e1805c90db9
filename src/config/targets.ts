import { bareHost, type Listener } from '../address/listener.ts'
import { type TransportName, transportNamed } from '../address/transports.ts'
import { isSip, parseUri, type SipUri, schemeOf, uriParameter, userOf } from '../sip/uri.ts'
import { canonicalAddress, ipFamily } from '../zones/networks.ts'
import type { Target } from '../zones/zone.ts'
import { didYouMean, type Fault, fault, isFault } from './report.ts'
import { shortened } from './tree.ts'
import type { ZoneText } from './zones.ts'

type TargetText = NonNullable<ZoneText['targets']>[number]

/** A target before its zone is known as a whole. */
export type DraftTarget = Omit<Target, 'media' | 'provisional'>

/** What people write who do not think of URIs. */
const HOST_AND_PORT = /^[\w.-]+:\d+$/
const EXAMPLE = 'Write for example sip:10.0.0.20:5060;transport=udp'

/**
 * A zone's target from its text.
 * @param listeners those of the zone: one of them has to be able to reach it (T3)
 * @param all every listener of ours: a target of ours would be a loop
 */
export const targetOf = (written: TargetText, listeners: readonly Listener[], all: readonly Listener[]): DraftTarget | Fault => {
  const settings = typeof written === 'string' ? { uri: written } : written
  const uri = uriOf(settings.uri)
  if (isFault(uri)) return uri
  const host = canonicalAddress(bareHost(uri.host))
  const transport = transportOf(uri, settings.uri, listeners)
  if (isFault(transport)) return transport
  const { name: chosen } = transport
  const target: DraftTarget = {
    name: settings.name ?? settings.uri,
    user: userOf(uri),
    host,
    port: uri.port,
    transport: chosen,
    secure: uri.scheme === 'sips',
    priority: settings.priority ?? 1,
    weight: settings.weight ?? 1,
    drain: settings.drain ?? false,
    requestUri: settings['request-uri'] ?? 'target',
  }
  return listeners.length === 0 ? target : (unreachableFrom(target, settings.uri, listeners) ?? loopTo(target, settings.uri, all) ?? target)
}

const uriOf = (text: string): SipUri | Fault => {
  if (schemeOf(text) === undefined || HOST_AND_PORT.test(text)) {
    return fault(`"${shortened(text)}" is no SIP URI`, HOST_AND_PORT.test(text) ? `Write for example sip:${text};transport=udp` : EXAMPLE)
  }
  const uri = parseUri(text)
  if (uri === undefined || !isSip(uri)) {
    const digits = /^sips?:(?:[^@]*@)?([\d.]+)(?=[:;?]|$)/i.exec(text)?.[1]
    if (digits !== undefined && ipFamily(digits) === undefined) return fault(`"${shortened(digits)}" is no IP address`, EXAMPLE)
    return fault(`"${shortened(text)}" is no SIP URI`, EXAMPLE)
  }
  if (uri.userinfo?.includes(':')) {
    return fault('A password does not belong into a target (the value is not shown)', 'Write the URI without the password')
  }
  if (uri.headers !== '') {
    return fault(`"${shortened(text)}" has headers (after "?"), which a target cannot have`, 'Remove them; header rules add headers')
  }
  return uri.port === 0 ? fault(`"${shortened(text)}" has port 0`, EXAMPLE) : uri
}

/** T2: WSS is `transport=ws` in a URI; `wss` is understood too. */
const transportOf = (uri: SipUri, text: string, listeners: readonly Listener[]): { readonly name: TransportName | undefined } | Fault => {
  const written = uriParameter(uri, 'transport')
  if (written === undefined) return { name: undefined }
  const named = transportNamed(written)
  if (named === undefined)
    return fault(
      `Transport "${shortened(written)}" in "${shortened(text)}" is not known`,
      didYouMean(written, ['udp', 'tcp', 'tls', 'ws', 'wss'], 'transport'),
    )
  const secure = uri.scheme === 'sips'
  if (secure && named === 'udp')
    return fault(`"${shortened(text)}" asks for encryption (sips) over UDP`, 'Write "sip:" instead of "sips:", or another transport')
  if (named === 'tcp' && secure) return { name: 'tls' }
  if (named === 'ws') return { name: secure || !listeners.some(({ transport }) => transport.name === 'ws') ? 'wss' : 'ws' }
  return { name: named }
}

const unreachableFrom = ({ transport, secure, host }: DraftTarget, text: string, listeners: readonly Listener[]): Fault | undefined => {
  const have = [...new Set(listeners.map((listener) => listener.transport.name))].join(', ')
  if (transport !== undefined && !listeners.some((listener) => listener.transport.name === transport)) {
    return fault(
      `"${shortened(text)}" needs a ${transport} listener, and the zone has ${have}`,
      `Add ${transport} to the zone's listener group, or write another ";transport="`,
    )
  }
  if (secure && !listeners.some((listener) => listener.transport.secure)) {
    return fault(
      `"${shortened(text)}" needs a tls or wss listener, and the zone has ${have}`,
      'Put the zone on a group with tls, or write "sip:"',
    )
  }
  const family = ipFamily(host)
  const fitting = listeners.filter((listener) => transport === undefined || listener.transport.name === transport)
  if (family === undefined || fitting.some((listener) => ipFamily(listener.bindAddress) === family)) return undefined
  return fault(
    `"${shortened(text)}" is an IPv${family} address, and no listener of the zone is bound to one`,
    `Add an IPv${family} address to the zone's listener group`,
  )
}

const loopTo = ({ host, port, transport, secure }: DraftTarget, text: string, all: readonly Listener[]): Fault | undefined => {
  const ours = all.find((listener) => {
    if (transport !== undefined ? listener.transport.name !== transport : secure && !listener.transport.secure) return false
    const wanted = port ?? (transport === undefined ? (secure ? 5061 : 5060) : listener.transport.defaultPort)
    const advertised = [listener.advertisedHost, ...listener.names].includes(host) && listener.advertisedPort === wanted
    return advertised || (listener.bindAddress === host && listener.bindPort === wanted)
  })
  return (
    ours &&
    fault(
      `"${shortened(text)}" is our own listener ${ours.name}: requests would go round in a loop`,
      'Write the address of the server on the other side',
    )
  )
}
