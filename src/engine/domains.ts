/** At which hosts our users are: for those who judge names, and for those who look users up. */
import { bareHost } from '../address/listener.ts'
import type { SipUri } from '../sip/uri.ts'
import type { Running } from './edge.ts'

/** A domain of our registrar, or our name. @param host lower case, no brackets */
export const isOurDomain = (host: string, { name, registrar }: Running['snapshot']): boolean =>
  registrar?.domains.includes(host) === true || host === bareHost(name)

/** Such a domain, or a name or address that a listener goes by, on any port. */
export const isOurHost = (uri: SipUri, { snapshot, myself }: Pick<Running, 'snapshot' | 'myself'>): boolean =>
  isOurDomain(bareHost(uri.host), snapshot) || myself.owns(uri) || myself.owns({ ...uri, port: undefined })
