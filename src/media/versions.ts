/**
 * Session and version in `o=` (RFC 3264 §8), where those of rtpengine do not fit any more: it has not seen all that was told, what it has made was not, or
 * the session began before there was anybody to name it.
 */
export interface Told {
  /** The SDP without those two. */
  readonly rest: string
  /** User and number. */
  readonly session: string
  readonly version: bigint
}

const ORIGIN = /^o=([^ \r\n]+ [^ \r\n]+) (\d{1,20})(?= )/m

export const toldOf = (sdp: string): Told => {
  const [, session = '', version = 0] = ORIGIN.exec(sdp) ?? []
  return { rest: sdp.replace(ORIGIN, 'o='), session, version: BigInt(version) }
}

/** The SDP as it may follow what was told last: of the same session; with the same version if it says the same, else with the next one. */
export const following = (last: Told, sdp: string): string => {
  const version = toldOf(sdp).rest === last.rest ? last.version : last.version + 1n
  return sdp.replace(ORIGIN, () => `o=${last.session} ${version}`)
}
