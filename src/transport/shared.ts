import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { hostText } from '../address/listener.ts'
import type { Clock } from '../base/clock.ts'
import { TransportError } from '../base/errors.ts'
import type { Ids, Owner } from '../base/ids.ts'
import type { TransportEvents, WebAnswers } from './types.ts'

/** What the transports are made from. */
export interface TransportDeps {
  readonly events: TransportEvents
  readonly clock: Clock
  readonly ids: Ids
  /** The first character of every connection's id. */
  readonly owner: Owner
  /** What the ws and wss listeners answer beside WebSocket handshakes. */
  readonly web?: WebAnswers
  /** Milliseconds between two looks at all time limits; 0: only `sweep()` looks. Default 250. */
  readonly sweepMs?: number
}

/** The time as of the last sweep: exact enough for limits of seconds, and free to read for every message. */
export interface CoarseTime {
  now: number
}

/** The sentence for a socket that cannot be bound, with the remedy. */
export const bindError = (listener: Listener, cause: NodeJS.ErrnoException): TransportError => {
  const where = `${hostText(listener.bindAddress)}:${listener.bindPort}`
  const why = BIND_REASONS[cause.code ?? ''] ?? cause.message
  return new TransportError('SBC_TRANSPORT_BIND', `Listener ${listener.name} cannot use ${where}: ${why}`, cause)
}

const BIND_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this address and port; stop it, or give the listener another port',
  EADDRNOTAVAIL: 'this machine has no such address; write one that `ip address` shows, and the public one as public-address',
  EACCES: 'ports below 1024 need a right; use a higher port, or give the program CAP_NET_BIND_SERVICE',
  EAFNOSUPPORT: 'this machine has no such address family; use an address of the other one',
}

/** A flow that cannot come about: what is sent is lost, and `closed` says why, once, after the caller has returned. */
export class FailedFlow implements Flow {
  readonly id: string
  readonly listener: Listener
  readonly remoteAddress: string
  readonly remotePort: number
  readonly inbound = false
  readonly open = false

  constructor(listener: Listener, id: string, remoteAddress: string, remotePort: number, reason: string, events: TransportEvents) {
    this.id = id
    this.listener = listener
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
    setImmediate(() => events.closed(this, reason))
  }

  send(): void {}
  close(): void {}
}
