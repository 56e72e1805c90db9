/** Names of the hubs and of what stands behind them, as they appear on the wire. */
import type { SiteName } from './types.ts'

export const SITES: readonly SiteName[] = ['sip', 'sip2', 'sip3']

/** The names that an SBC is configured with. */
export const hubName = (site: SiteName, cloud: 'worldwide' | 'gcc-high'): string =>
  cloud === 'gcc-high' ? 'sip.pstnhub.gov.teams.microsoft.us' : `${site}.pstnhub.microsoft.com`

const REGION: Readonly<Record<SiteName, string>> = { sip: 'eu', sip2: 'us', sip3: 'as' }

/** In Record-Route: where requests of a dialog go. */
export const regionalName = (site: SiteName, cloud: 'worldwide' | 'gcc-high' = 'worldwide'): string =>
  cloud === 'gcc-high' ? 'sip-du-a-gv.pstnhub.gov.teams.microsoft.us' : `sip-du-a-${REGION[site]}.pstnhub.microsoft.com`

/** In Contact: an interface of programs, no SIP server. */
export const apiName = (site: SiteName, cloud: 'worldwide' | 'gcc-high' = 'worldwide'): string =>
  cloud === 'gcc-high' ? 'api-du-a-gvwe.pstnhub.gov.teams.microsoft.us' : `api-du-a-${REGION[site]}we.pstnhub.microsoft.com`

export const AGENT: Readonly<Record<SiteName, string>> = {
  sip: 'Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.EUWE.3',
  sip2: 'Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.USEA.1',
  sip3: 'Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.ASEA.2',
}

export const ALLOW = 'INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY'
