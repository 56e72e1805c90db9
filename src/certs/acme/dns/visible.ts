import type { Clock } from '../../../base/clock.ts'
import { AcmeError } from '../errors.ts'
import type { Pause } from '../pause.ts'
import type { DnsLookup } from './lookup.ts'

/** An alias of an alias of an alias … */
const ALIASES = 8

/**
 * Where the TXT record of a host is to stand: `_acme-challenge.<host>`, or what that is an alias of (RFC 8555 §8.4: the CA follows it too,
 * so a zone that nobody may write to can delegate this one name).
 */
export const recordName = async (lookup: DnsLookup, host: string, servers: readonly string[], signal: AbortSignal): Promise<string> => {
  let name = `_acme-challenge.${host}`
  for (let i = 0; i < ALIASES; i++) {
    const target = await lookup.alias(name, servers, signal).catch(() => undefined)
    signal.throwIfAborted()
    if (target === undefined) return name
    name = target
  }
  throw new AcmeError(
    'SBC_CERTIFICATE_DNS',
    `_acme-challenge.${host} is an alias that leads through more than ${ALIASES} others; is it a circle?`,
  )
}

export interface VisibilityOptions {
  readonly lookup: DnsLookup
  readonly clock: Clock
  readonly pause: Pause
  /** Asked; empty: the name servers of the zone. */
  readonly servers: readonly string[]
  /** Milliseconds. */
  readonly longest: number
}

/**
 * Waits until every server that answers has all the values.
 * @returns false when no server could be asked, so that nobody knows
 * @throws AcmeError SBC_CERTIFICATE_DNS when one that answers still lacks a value in the end
 */
export const untilVisible = async (
  name: string,
  values: readonly string[],
  { lookup, clock, pause, servers, longest }: VisibilityOptions,
  signal: AbortSignal,
): Promise<boolean> => {
  const end = clock.now() + longest
  const found: readonly (string | undefined)[] = servers.length > 0 ? servers : await lookup.authorities(name, signal)
  // Where nobody may ask servers outside, the system's own can tell
  let asked = found.length > 0 ? found : [undefined]
  for (let wait = 500; ; wait = Math.min(wait * 2, 5000)) {
    const answers = await Promise.all(
      asked.map(async (server) => {
        try {
          const there = await lookup.txt(name, server, signal)
          return { server, missing: values.filter((value) => !there.includes(value)), there }
        } catch {
          // One that does not answer says nothing, neither yes nor no
          return undefined
        }
      }),
    )
    signal.throwIfAborted()
    const heard = answers.filter((answer) => answer !== undefined)
    const lacking = heard.find(({ missing }) => missing.length > 0)
    if (heard.length > 0 && lacking === undefined) return true
    if (heard.length === 0 && servers.length === 0) asked = [undefined]
    if (clock.now() + wait > end) {
      if (lacking === undefined) return false
      const has = lacking.there.length === 0 ? 'has no TXT record there' : `has ${lacking.there.length} other TXT records there`
      throw new AcmeError(
        'SBC_CERTIFICATE_DNS',
        `The TXT record ${name} was written, but ${lacking.server ?? 'the DNS of this machine'} ${has} after ${Math.round(longest / 1000)} s; raise propagation, or name servers that see the zone from outside under dns-servers`,
      )
    }
    await pause(wait, signal)
  }
}
