/**
 * The version in `o=` (RFC 3264 §8), where rtpengine's count does not fit any more: it has not seen all that was told, or what it has made was not.
 */
export interface Told {
  /** The SDP without its version. */
  readonly rest: string
  readonly version: bigint
}

const VERSION = /^(o=[^ \r\n]+ [^ \r\n]+ )(\d{1,20})(?= )/m

export const toldOf = (sdp: string): Told => ({ rest: sdp.replace(VERSION, '$1'), version: BigInt(VERSION.exec(sdp)?.[2] ?? 0) })

/** The SDP as it may follow what was told last: with the same version if it says the same, else with the next one. */
export const following = (last: Told, sdp: string): string => {
  const version = toldOf(sdp).rest === last.rest ? last.version : last.version + 1n
  return sdp.replace(VERSION, (_all, before: string) => `${before}${version}`)
}
