/** What the parts of a stand-in share. */
import type { Watch } from '../support/media/watch.ts'
import type { Findings } from './findings.ts'
import type { HeaderPair, Message } from './message.ts'
import { AGENT, ALLOW, type Cloud } from './names.ts'
import type { Connection, Sockets } from './sockets.ts'
import { newGuid, phraseOf, responseTo, type Transactions } from './transactions.ts'
import type { HubOptions, SiteMood, SiteName, Tenant, Times, Trunk } from './types.ts'

export interface World {
  readonly options: HubOptions
  /** Scaled. */
  readonly times: Times
  readonly findings: Findings
  readonly sockets: Sockets
  readonly transactions: Transactions
  readonly watch: Watch
  readonly cloud: Cloud
  readonly port: number
  readonly machines: readonly string[]
  readonly mediaAddress: string
  wins: 'record-route' | 'contact'
  readonly moods: Map<SiteName, SiteMood>
  /** Address of a name, as its DNS server would say; undefined: none. */
  resolve(name: string): string | undefined
  /** A timer that ends with the stand-in. @returns takes it back */
  after(ms: number, run: () => void): () => void
  every(ms: number, run: () => void): () => void
  tell(line: string): void
  /** On this connection the hub's certificate is wrong. */
  impostor(connection: Connection): boolean
  /**
   * A connection of a hub to the SBC: a new one when `fresh` and when fewer than two are open from that machine, else one that is there.
   * @param from a machine of one's own, which nobody shares
   * @throws Error when the SBC cannot be reached
   */
  reach(site: SiteName, name: string, port: number, fresh: boolean, from?: string): Promise<Connection>
}

/** Whom a request belongs to. */
export interface Identity {
  readonly tenant: Tenant
  readonly trunk: Trunk
  /** As the SBC names itself. */
  readonly fqdn: string
}

/** A failure as hubs send it: with a Reason in words, and their own number of six digits, which is not on the wire. */
export interface Failure {
  readonly status: number
  readonly code: string
  readonly words: string
  /** Cause of Q.850. */
  readonly cause?: number
  readonly headers?: readonly HeaderPair[]
}

export const answer = (
  connection: Connection,
  request: Message,
  status: number,
  toTag: string | undefined,
  more: readonly HeaderPair[] = [],
  body = '',
): void => {
  const tail: readonly HeaderPair[] = [
    ['ALLOW', ALLOW],
    ['SERVER', AGENT[connection.site]],
  ]
  if (connection.open())
    connection.send(responseTo(request, status, phraseOf(status), toTag, [...more, ['CONTENT-LENGTH', ''], ...tail], body))
}

export const fail = (world: World, connection: Connection, request: Message, toTag: string, failure: Failure): void => {
  const { status, code, words, cause = 63, headers = [] } = failure
  world.tell(`${request.method} answered ${status} (${code}): ${words}`)
  answer(connection, request, status, toTag, [['REASON', `Q.850;cause=${cause};text="${newGuid()};${words}"`], ...headers])
}
