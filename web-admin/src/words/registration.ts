/** How a registration stands, in words. */
import type { Registration } from '../api/types.ts'
import { countOf } from './numbers.ts'
import type { Level } from './status.ts'

export const standingOf = ({
  lostSince,
  losses = 0,
}: Pick<Registration, 'lostSince' | 'losses'>): { readonly level: Level; readonly text: string } => {
  if (lostSince !== undefined) return { level: 'warn', text: 'Connection lost' }
  if (losses > 0) return { level: 'warn', text: `${countOf(losses, 'keep-alive')} unanswered` }
  return { level: 'ok', text: 'Reachable' }
}

/** Signs of NAT, as `src/zones/nat.ts` names them. */
const SIGNS: Readonly<Record<string, string>> = {
  'contact-private': 'its Contact has a private address',
  'contact-source': 'its Contact is another place than its packets come from',
  'via-private': 'its Via has a private address',
  'via-address': 'its Via has another address than its packets',
  'via-port': 'its Via has another port than its packets',
  'sdp-private': 'its SDP has a private address',
}

export const natText = (signs: readonly string[]): string => signs.map((sign) => SIGNS[sign] ?? sign).join('; ')
