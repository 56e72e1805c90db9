/** What two sides of a call hear of each other. */
import { expect } from 'vitest'
import type { MediaEndpoint } from '../../support/media/endpoint.ts'
import type { SipCall } from '../../support/media/sip-call.ts'

/** Somebody with an ear: an endpoint, or a page. */
export interface Listener {
  readonly hz: number
  hears(hz: number, ms?: number, absent?: readonly number[]): Promise<void>
  hearsSilenceFor(ms: number, limit?: number): Promise<void>
}

export const listener = (call: SipCall | MediaEndpoint, hz: number): Listener => {
  const media = (): MediaEndpoint => ('media' in call ? call.media() : call)
  return {
    hz,
    hears: (tone, ms, absent) => media().hears(tone, ms, absent),
    hearsSilenceFor: (ms, limit) => media().hearsSilenceFor(ms, limit),
  }
}

const PATIENCE = 8000
/** As long as several frames and a look of a page. */
const QUIET = 300

/** Each the other one's tone, and nothing of its own. */
export const hearEachOther = async (one: Listener, other: Listener): Promise<void> => {
  await Promise.all([hearsAlone(one, other), hearsAlone(other, one)])
}

/** The tone of `other`, and not its own: nothing comes back to who speaks. */
export const hearsAlone = (one: Listener, other: Listener): Promise<void> => one.hears(other.hz, PATIENCE, [one.hz])

export const hearNothing = async (...all: readonly Listener[]): Promise<void> => {
  await Promise.all(all.map((one) => one.hearsSilenceFor(QUIET)))
}

/** Of 20 ms. */
const MORE_PACKETS = 15

/**
 * Nothing came that an SDP does not name, and no key is wrong: what comes from now on is authentic. Before, SRTP may have been faster than the
 * message with its key. To be asked while both sides talk.
 */
export const expectClean = async (...calls: readonly SipCall[]): Promise<void> => {
  for (const { media } of calls) {
    const before = media().heard()
    const after = await media().receives(({ packets }) => packets >= before.packets + MORE_PACKETS, 'more packets')
    expect(after.unexpected).toEqual([])
    expect(after.unauthenticated).toBe(before.unauthenticated)
  }
}
