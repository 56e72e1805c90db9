/** Whom a request belongs to (§2.1, §3.4): certificate, tenant, trunk; and why not. */
import { covers } from './identity.ts'
import { isAddress, type Message, uriOf, uriPartsOf, valuesOf } from './message.ts'
import type { Connection } from './sockets.ts'
import type { Tenant, Trunk } from './types.ts'
import type { Failure, Identity, World } from './world.ts'

const hostIn = (message: Message, name: string): string | undefined => {
  const [value] = valuesOf(message, name)
  return value === undefined ? undefined : uriPartsOf(uriOf(value))?.host
}

/** The trunk of a name, and whose it is; customers of a carrier have no trunk object, but a domain under one. */
const trunkOf = (tenants: readonly Tenant[], host: string): { readonly tenant: Tenant; readonly trunk: Trunk } | undefined => {
  const parent = host.split('.').slice(1).join('.')
  const own = tenants.find(({ domains }) => domains.includes(host)) ?? tenants.find(({ domains }) => domains.includes(parent))
  if (own === undefined) return undefined
  const named = own.trunks.find(({ fqdn }) => fqdn === host)
  if (named !== undefined) return { tenant: own, trunk: named }
  const base = tenants.flatMap(({ trunks }) => trunks).find(({ fqdn }) => fqdn === parent)
  return base === undefined || !own.domains.includes(host) ? undefined : { tenant: own, trunk: base }
}

/**
 * Judges certificate against names, and finds tenant and trunk. Violations are noted.
 * @param point of names that are addresses: 12 for OPTIONS, 18 for INVITE
 */
export const identify = (world: World, connection: Connection, message: Message, point: 12 | 18): Identity | Failure => {
  const { findings } = world
  const contact = hostIn(message, 'contact')
  const route = hostIn(message, 'record-route')
  if (contact === undefined && route === undefined) {
    findings.violated(point, 'Neither Contact nor Record-Route', message.text)
    return { status: 403, code: '510532', words: 'Record-Route and Contact headers are missing' }
  }
  for (const [header, host] of [
    ['Contact', contact],
    ['Record-Route', route],
  ] as const) {
    if (host === undefined) continue
    if (isAddress(host)) findings.violated(point, `${header} shows an address and not the SBC’s name`, message.text)
    if (connection.names.some((pattern) => covers(pattern, host))) continue
    if (!isAddress(host)) {
      findings.violated(3, `${header} shows a name that the certificate does not cover`, message.text)
      if (point === 18) findings.violated(18, 'The name of another SBC than the certificate’s', message.text)
    }
    return {
      status: 403,
      code: '569002',
      words: `SBC certificate is not issued correctly. Provided trunk FQDN '${host}' is not included in certificate's CN and SAN lists: ${connection.names.join(', ')}`,
    }
  }
  findings.seen(3, 'The certificate covers Contact and Record-Route')
  const host = contact ?? route!
  const found = trunkOf(world.options.tenants, host)
  if (found === undefined) {
    findings.violated(18, `No trunk is known by the name that the SBC shows`, message.text)
    return { status: 403, code: '510532', words: 'No trunk config was found' }
  }
  return { ...found, fqdn: host }
}

export const isFailure = (found: Identity | Failure): found is Failure => 'status' in found
