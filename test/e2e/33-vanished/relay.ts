/** The network between browsers and the edge: carries bytes, and breaks in the ways that networks do. */
import { connect, createServer, type Socket } from 'node:net'

export interface Relay {
  /** Every connection is gone, on both ends. */
  cut(): void
  /** Clients lose their connections; for the edge they look as they did, and what it sends goes nowhere. */
  strand(): void
  /** The edge's ends of what was stranded are gone, too. */
  release(): void
  /** New connections are refused, or let through again. */
  refuse(refused: boolean): void
  close(): Promise<void>
}

interface Place {
  readonly address: string
  readonly port: number
}

export const startRelay = async (at: Place, to: Place): Promise<Relay> => {
  const pairs = new Set<{ readonly client: Socket; readonly edge: Socket }>()
  const stranded = new Set<Socket>()
  let refused = false
  const server = createServer((client) => {
    if (refused) {
      client.destroy()
      return
    }
    const edge = connect(to.port, to.address)
    const pair = { client, edge }
    pairs.add(pair)
    for (const [one, other] of [
      [client, edge],
      [edge, client],
    ] as const) {
      one.setNoDelay(true)
      one.on('data', (bytes) => {
        if (pairs.has(pair)) other.write(bytes)
      })
      one.on('error', () => one.destroy())
      one.on('close', () => {
        if (pairs.delete(pair)) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(at.port, at.address, resolve))
  const relay: Relay = {
    cut: () => {
      for (const { client, edge } of pairs) {
        client.destroy()
        edge.destroy()
      }
    },
    strand: () => {
      for (const pair of pairs) {
        pairs.delete(pair)
        stranded.add(pair.edge)
        pair.client.destroy()
      }
    },
    release: () => {
      for (const edge of stranded) edge.destroy()
      stranded.clear()
    },
    refuse: (value) => {
      refused = value
    },
    close: () => {
      relay.cut()
      relay.release()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  return relay
}
