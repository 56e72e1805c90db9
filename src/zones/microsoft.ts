/** What Microsoft publishes of Direct Routing, for each of its clouds: the hubs, where they speak from, and what their certificates show. */

export const CLOUDS = ['worldwide', 'gcc-high', 'dod'] as const
export type Cloud = (typeof CLOUDS)[number]

export interface CloudFacts {
  /** Names of the hubs, in the order in which they are to be tried. A and AAAA lookups alone, no SRV. */
  readonly hubs: readonly string[]
  /** Networks that hubs and media processors speak from. */
  readonly networks: readonly string[]
  /** A hub's certificate shows one of these. */
  readonly names: readonly string[]
  /** The only port that an SBC may listen on; undefined: any. */
  readonly listensOn: number | undefined
}

/** Every hub listens here, with TLS. */
export const HUB_PORT = 5061

const WORLDWIDE = ['sip.pstnhub.microsoft.com', 'sip2.pstnhub.microsoft.com', 'sip3.pstnhub.microsoft.com'] as const
const GCC_HIGH = ['sip.pstnhub.gov.teams.microsoft.us'] as const
const DOD = ['sip.pstnhub.dod.teams.microsoft.us'] as const

/**
 * Microsoft's documents disagree about 52.120.0.0/14: the older ones have all of it, the newest 52.122.0.0/15 alone. A hub that is refused costs
 * calls, and the certificate decides all the same, so the wider network is the default.
 */
export const CLOUD_FACTS = {
  worldwide: { hubs: WORLDWIDE, networks: ['52.112.0.0/14', '52.120.0.0/14'], names: WORLDWIDE, listensOn: undefined },
  'gcc-high': { hubs: GCC_HIGH, networks: ['52.127.88.0/21'], names: GCC_HIGH, listensOn: 5061 },
  dod: { hubs: DOD, networks: ['52.127.64.0/21'], names: DOD, listensOn: 5061 },
} as const satisfies Readonly<Record<Cloud, CloudFacts>>
