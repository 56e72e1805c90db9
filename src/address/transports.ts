/** The transports, and what differs between them. The one home of these facts: all code reads this table. */
export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

export interface Transport {
  readonly name: TransportName
  /** The token in Via (RFC 3261 §20.42, RFC 7118 §5.2.1): WS and WSS differ there. */
  readonly via: string
  /** The value of `;transport=` in a URI: RFC 7118 §5.2.4 knows only `ws`, also for WSS. */
  readonly uri: string
  /** §17: no retransmissions of ours, and timers D, I, J, K are zero. */
  readonly reliable: boolean
  readonly secure: boolean
  readonly webSocket: boolean
  readonly defaultPort: number
}

export const TRANSPORTS: Readonly<Record<TransportName, Transport>> = {
  udp: { name: 'udp', via: 'UDP', uri: 'udp', reliable: false, secure: false, webSocket: false, defaultPort: 5060 },
  tcp: { name: 'tcp', via: 'TCP', uri: 'tcp', reliable: true, secure: false, webSocket: false, defaultPort: 5060 },
  tls: { name: 'tls', via: 'TLS', uri: 'tls', reliable: true, secure: true, webSocket: false, defaultPort: 5061 },
  ws: { name: 'ws', via: 'WS', uri: 'ws', reliable: true, secure: false, webSocket: true, defaultPort: 80 },
  wss: { name: 'wss', via: 'WSS', uri: 'ws', reliable: true, secure: true, webSocket: true, defaultPort: 443 },
}

export const TRANSPORT_NAMES = Object.keys(TRANSPORTS) as readonly TransportName[]

/** The transport that a `;transport=` value or a Via token may stand for, in any case; `undefined` when unknown. */
export const transportNamed = (token: string): TransportName | undefined => {
  const name = token.toLowerCase()
  return Object.hasOwn(TRANSPORTS, name) ? (name as TransportName) : undefined
}
