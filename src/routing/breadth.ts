/** Max-Breadth (RFC 5393 §5): contacts that somebody registered may fork again, and each fork may come back here; together they stay bounded. */
import { headerValue, type SipRequest } from '../sip/message.ts'

/** RFC 5393 §5.3.3: for a request that says nothing. */
const USUAL = 60

/** How many branches may be open at one time for this request, wherever they are. */
export const breadthOf = (request: SipRequest): number => {
  const written = headerValue(request, 'max-breadth')
  return written !== undefined && /^\d{1,9}$/.test(written) ? Math.min(Number(written), USUAL) : USUAL
}

/** The groups with no more members than that; those that are too large are taken in several steps. @param breadth at least 1 */
export const narrowed = <T>(groups: readonly (readonly T[])[], breadth: number): readonly (readonly T[])[] =>
  groups.every(({ length }) => length <= breadth)
    ? groups
    : groups.flatMap((group) =>
        Array.from({ length: Math.ceil(group.length / breadth) }, (_, i) => group.slice(i * breadth, (i + 1) * breadth)),
      )

/** The group that a branch is in, branches being counted through all groups. */
export const groupSize = (groups: readonly (readonly unknown[])[], branch: number): number => {
  let first = 0
  for (const { length } of groups) {
    if (branch < first + length) return length
    first += length
  }
  return 1
}
