import type { TransportName } from './transports.ts'

/** Where one message goes: what RFC 3263 ends with. */
export interface Destination {
  readonly transport: TransportName
  /** An IP literal without brackets. */
  readonly address: string
  readonly port: number
  /** The name that was resolved: SNI and the name the peer's certificate must show. */
  readonly host: string
}
