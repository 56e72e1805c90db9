/** The stand-in's settings, and what one can do with it. */

import type { HubCall } from './call.ts'
import type { Findings, Violation } from './findings.ts'
import type { Message } from './message.ts'
import type { Cloud } from './names.ts'

/** A trunk object (§1.7): an SBC's name and port, and how it is used. */
export interface Trunk {
  readonly fqdn: string
  readonly port: number
  /** false: no new calls; those that are up go on. */
  enabled?: boolean
  bypass?: boolean
  forwardPai?: boolean
  forwardCallHistory?: boolean
  pidflo?: boolean
  /** Location of the user and path of the media are told in headers (§3.12). */
  lmo?: boolean
  /** Another trunk is tried after so long without a sign of more than 100, ms; default 10 s. */
  failoverMs?: number
  failoverCodes?: readonly number[]
}

export interface Tenant {
  readonly name: string
  /** Verified domains: that of a trunk's name without its first label, or a customer's name under a carrier's trunk. */
  readonly domains: readonly string[]
  readonly trunks: readonly Trunk[]
  /** What its users do when they are called, by number; others answer 404. */
  readonly users: Readonly<Record<string, CalledScenario>>
}

/** What a user does who is called. */
export interface CalledScenario {
  /** Phones that ring, each with its own To tag; default 1. */
  readonly ring?: number
  /** 183 with SDP before the answer. */
  readonly progress?: boolean
  /** Default 200. */
  readonly final?: number
  /** Seconds, with 503. */
  readonly retryAfter?: number
  /** No answer at all, not even 100. */
  readonly silent?: boolean
  /** Until the final response; default 0: at once. `never`: the test, or the person at the console, answers. */
  readonly answerAfterMs?: number | 'never'
  /** Its Contact is folded behind the colon. */
  readonly folded?: boolean
  /** Its tone; default 600. */
  readonly hz?: number
  /** No tone, but what the caller says, once more. */
  readonly echo?: boolean
}

/** What a call from Teams looks like. */
export interface CallingScenario {
  readonly from?: string
  readonly display?: string
  readonly trunk?: string
  /** The hub that it comes from; default the first one. */
  readonly site?: SiteName
  /** Address that it comes from, such as one that is none of Microsoft's; default: one of the machines. */
  readonly machine?: string
  /** false: the tenant's other trunks are not tried; default true. */
  readonly otherTrunks?: boolean
  readonly anonymous?: boolean
  /** Forwarded by these numbers, the first one first. */
  readonly forwardedBy?: readonly string[]
  readonly emergencyLocation?: boolean
  readonly replaces?: string
  readonly rtcpMux?: boolean
  /** A key of …SHA1_32 stands first in its offer. */
  readonly shortTagFirst?: boolean
  readonly hz?: number
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

export type CertificateVariant = 'old-root' | 'new-root' | 'wrong-name' | 'expired'
export type SiteName = 'sip' | 'sip2' | 'sip3'

/** How a hub treats the SBC's requests. */
export type SiteMood = 'well' | 'refusing' | 'silent' | { readonly retryAfter: number; readonly only?: 'INVITE' }

/** Times, ms, as they are; those of transactions and media (the last ones) are never scaled. */
export interface Times {
  readonly optionsLeast: number
  readonly optionsMost: number
  readonly unhealthy: number
  readonly demoted: number
  /** The hub's own OPTIONS. */
  readonly pinging: number
  readonly idle: number
  readonly renew: number
  readonly refresh: number
  readonly failover: number
  readonly acknowledged: number
  readonly rtcpGap: number
}

export interface HubOptions {
  /** For certificates and keys. */
  readonly folder: string
  /** Addresses of the three hubs; default 127.0.0.61 to 63. One address: there is only the first hub. */
  readonly addresses?: readonly [string, string, string] | readonly [string]
  /** The authorities are kept in the folder, for the next start. */
  readonly kept?: boolean
  /** Default 5061; what names in the SIP messages show, too. */
  readonly port?: number
  /** More addresses that requests come from; default: those of the hubs. */
  readonly machines?: readonly string[]
  /** Where nobody may connect; default 443. undefined is the default, false: no such listener. */
  readonly trapPort?: number | false
  /** `others`: `address:port` of a server that knows all other names. */
  readonly dns?: { readonly address?: string; readonly port?: number; readonly others?: string | undefined }
  /** More names that its DNS server knows, and their addresses. */
  readonly names?: Readonly<Record<string, string>>
  /** Address of its media processor; default that of the first hub. */
  readonly media?: string
  /** Where a trunk's name leads, as long as DNS says nothing else. */
  readonly sbcAddress: string
  readonly tenants: readonly Tenant[]
  /** Government: one name. */
  readonly cloud?: Cloud
  /** 1: real time; 60: a minute is a second. */
  readonly scale?: number
  readonly times?: Partial<Times>
  readonly certificate?: CertificateVariant
  /** What a certificate of the SBC has to be good for. */
  readonly purposes?: 'strict' | '2026'
  /** How the next hop is found. */
  readonly wins?: 'record-route' | 'contact'
  /** By itself, after `Times.refresh`; default true. */
  readonly refreshes?: boolean
  /** Hears of violations and of what happens, in words. */
  readonly told?: (line: string) => void
  /** Hears of violations and warnings, with the messages that showed them. */
  readonly violated?: (violation: Violation) => void
}

/** One OPTIONS, in either direction. */
export interface OptionsSeen {
  readonly site: SiteName
  readonly direction: 'from-sbc' | 'to-sbc'
  readonly trunk: string
  /** Answer; undefined: none yet. */
  readonly status: number | undefined
  readonly at: number
}

export interface ConnectionView {
  readonly site: SiteName
  readonly openedBy: 'sbc' | 'hub'
  /** Remote `address:port`. */
  readonly remote: string
  /** SHA-256 of the SBC's certificate. */
  readonly fingerprint: string
  readonly requests: number
}

export interface Hub {
  /** `address:port`. */
  readonly dns: string
  readonly addresses: Readonly<Record<SiteName, string>>
  readonly port: number
  /** PEM with the roots that the hubs' certificates end at, for the SBC. */
  readonly rootsFile: string
  readonly findings: Findings
  /** A certificate for the SBC from an authority that the hubs trust; writes `<name>.pem` and `<name>.key`. */
  issue(name: string, hosts: readonly string[], options?: SbcCertificateOptions): { readonly chainFile: string; readonly keyFile: string }
  /** Changes how a hub treats requests from now on. `refusing` closes its port and its connections. */
  mood(site: SiteName, mood: SiteMood): Promise<void>
  /** What a hub, or all, show on new connections. */
  certificate(variant: CertificateVariant, site?: SiteName): void
  wins(mode: 'record-route' | 'contact'): void
  /** A hub's name gets another address (another hub's, in real life). */
  move(site: SiteName, address: string): Promise<void>
  /** From now on, requests on connections with another certificate than this are violations. @param chain PEM */
  rotated(chain: string): void
  /** Calls a number behind the SBC. */
  call(number: string, scenario?: CallingScenario): Promise<HubCall>
  /** The next call that came, answered as its number's user does; default 10 s. */
  incoming(ms?: number): Promise<HubCall>
  /** What the user does from now on. */
  user(number: string, scenario: CalledScenario | undefined): void
  trunk(fqdn: string): Trunk
  readonly options: () => readonly OptionsSeen[]
  readonly health: (trunk: string, site: SiteName) => 'healthy' | 'unhealthy' | 'demoted' | 'never seen'
  readonly connections: () => readonly ConnectionView[]
  readonly calls: () => readonly HubCall[]
  /** All messages of the SBC. */
  readonly received: () => readonly Message[]
  /** Resolves when this is true, asked again after everything that happens; rejects after `ms` (default 10 s). */
  until<T>(test: () => T | undefined, what: string, ms?: number): Promise<T>
  stop(): Promise<void>
}

export interface SbcCertificateOptions {
  readonly purposes?: 'both' | 'server'
  readonly expired?: boolean
  /** Without its intermediate. */
  readonly leafOnly?: boolean
  readonly selfSigned?: boolean
}
