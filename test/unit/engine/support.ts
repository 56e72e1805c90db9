import type { Flow, PeerIdentity } from '../../../src/address/flow.ts'
import type { Listener } from '../../../src/address/listener.ts'
import type { Clock } from '../../../src/base/clock.ts'

/** A flow that can be closed by hand; what is sent is kept. */
export class TestFlow implements Flow {
  readonly id: string
  readonly listener: Listener
  readonly remoteAddress: string
  readonly remotePort = 40_000
  readonly inbound = true
  readonly peer?: PeerIdentity
  readonly sent: Buffer[] = []
  open = true

  constructor(id: string, listener: Listener, remoteAddress = '192.0.2.7', peer?: PeerIdentity) {
    this.id = id
    this.listener = listener
    this.remoteAddress = remoteAddress
    if (peer !== undefined) this.peer = peer
  }

  send(bytes: Buffer): void {
    this.sent.push(bytes)
  }

  close(): void {
    this.open = false
  }
}

/** A clock that stands still until it is moved. */
export class TestClock implements Clock {
  time = 1_700_000_000_000
  now(): number {
    return this.time
  }
  wall(): number {
    return this.time
  }
}
