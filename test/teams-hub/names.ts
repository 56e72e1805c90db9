/** Names of the hubs and of what stands behind them, as they appear on the wire. */
import type { SiteName } from './types.ts'

export const SITES: readonly SiteName[] = ['sip', 'sip2', 'sip3']

export type Cloud = 'worldwide' | 'gcc-high' | 'dod'

const DOMAIN: Readonly<Record<Cloud, string>> = {
  worldwide: 'pstnhub.microsoft.com',
  'gcc-high': 'pstnhub.gov.teams.microsoft.us',
  dod: 'pstnhub.dod.teams.microsoft.us',
}
const REGION: Readonly<Record<SiteName, string>> = { sip: 'eu', sip2: 'us', sip3: 'as' }

/** The names that an SBC is configured with; those of government have the first site alone. */
export const hubName = (site: SiteName, cloud: Cloud): string => `${site}.${DOMAIN[cloud]}`

/** In Record-Route: where requests of a dialog go. */
export const regionalName = (site: SiteName, cloud: Cloud): string => `sip-du-a-${REGION[site]}.${DOMAIN[cloud]}`

/** In Contact: an interface of programs, no SIP server. */
export const apiName = (site: SiteName, cloud: Cloud): string => `api-du-a-${REGION[site]}we.${DOMAIN[cloud]}`

export const AGENT: Readonly<Record<SiteName, string>> = {
  sip: 'Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.EUWE.3',
  sip2: 'Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.USEA.1',
  sip3: 'Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.ASEA.2',
}

export const ALLOW = 'INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY'
