/** The part of rtpengine-client 0.4.12 that `client.ts` uses; the package brings no types. */
declare module 'rtpengine-client' {
  import type { Socket } from 'node:dgram'
  import type { EventEmitter } from 'node:events'

  type Done = (error: unknown) => void
  /** Encodes and sends before it returns. `done` is called when that failed; with a reply only if the package is left to receive it. */
  type Command = (node: { readonly port: number; readonly host: string }, dictionary: object, done: Done) => unknown
  type Send = (datagram: Buffer, port: number, host: string, done: (error: Error | null) => void) => void

  /** An EventEmitter: `error` for each error of its socket. Binds as soon as it is made. */
  export class Client extends EventEmitter {
    constructor(options: { readonly localAddress?: string })
    readonly socket: Omit<Socket, 'send'> & { send: Send }
    /** Commands without a reply, by cookie. */
    readonly messages: Map<string, unknown>
    readonly offer: Command
    readonly answer: Command
    readonly delete: Command
    readonly query: Command
    readonly list: Command
    readonly ping: Command
    readonly statistics: Command
    /** @throws Error of any kind when it is no bencode; reads beyond the end and follows lengths below zero */
    static decodeMessage(datagram: Buffer): { readonly id: string; readonly data: unknown }
    /** @throws Error when the socket is closed */
    close(): void
  }
}
