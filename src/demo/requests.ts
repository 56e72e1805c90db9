/** Requests of the demonstration PBX, over UDP: sent again until somebody answers (§17.1). */
import type { Ids } from '../base/ids.ts'
import { type HeaderLine, headerValue, line, makeRequest, type SipResponse, serialise } from '../sip/message.ts'
import { cseq, topVia } from '../sip/read.ts'

type Peer = { readonly address: string; readonly port: number }

/** What a request inside of it, or that makes it, is written from. */
export interface DialogSide {
  readonly id: string
  readonly peer: Peer
  /** Values of From and To. */
  readonly local: string
  readonly remote: string
  readonly target: string
  /** Values of Route. */
  readonly routes: readonly string[]
  readonly sequence: number
}

export interface RequestsOptions {
  readonly sentBy: string
  readonly ids: Ids
  readonly send: (bytes: Buffer, peer: Peer) => void
  readonly later: (ms: number, act: () => void) => NodeJS.Timeout
}

interface Waiting {
  readonly method: string
  /** Undefined: nobody answered. */
  readonly done: (response: SipResponse | undefined) => void
  readonly side: DialogSide
  timer: NodeJS.Timeout | undefined
  provisional: boolean
  cancelled: boolean
}

const T1 = 500
const T2 = 4000

export class Requests {
  readonly #options: RequestsOptions
  /** By branch. */
  readonly #waiting = new Map<string, Waiting>()

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  /** The ACK to a refusal goes out by itself; that to a 2xx is `acknowledge`. */
  invite(
    side: DialogSide,
    headers: readonly HeaderLine[],
    body: Buffer,
    done: (response: SipResponse | undefined) => void,
  ): { cancel(): void } {
    const branch = this.#branch()
    const waiting = this.#ask('INVITE', side, branch, headers, body, done)
    return {
      cancel: () => {
        if (this.#waiting.get(branch) !== waiting) return
        // §9.1: not before something came back
        waiting.cancelled = true
        if (waiting.provisional) this.#cancel(side, branch)
      },
    }
  }

  bye(side: DialogSide): void {
    this.#ask('BYE', side, this.#branch(), [], Buffer.alloc(0), () => {})
  }

  acknowledge(side: DialogSide, sequence: number): void {
    this.#send('ACK', { ...side, sequence }, this.#branch())
  }

  answered(response: SipResponse): void {
    const branch = topVia(response)?.branch ?? ''
    const waiting = this.#waiting.get(branch)
    if (waiting === undefined || cseq(response)?.method !== waiting.method) return
    if (response.status < 200) {
      if (waiting.method === 'INVITE') clearTimeout(waiting.timer)
      if (!waiting.provisional && waiting.cancelled) this.#cancel(waiting.side, branch)
      waiting.provisional = true
      return
    }
    clearTimeout(waiting.timer)
    this.#waiting.delete(branch)
    if (waiting.method === 'INVITE' && response.status >= 300) {
      // §17.1.1.3: the branch of the INVITE, the To of the answer
      const remote = headerValue(response, 'to') ?? waiting.side.remote
      this.#send('ACK', { ...waiting.side, remote }, branch)
    }
    waiting.done(response)
  }

  #branch(): string {
    return `z9hG4bK${this.#options.ids.token(12)}`
  }

  #cancel(side: DialogSide, branch: string): void {
    this.#send('CANCEL', side, branch)
  }

  #ask(method: string, side: DialogSide, branch: string, headers: readonly HeaderLine[], body: Buffer, done: Waiting['done']): Waiting {
    const waiting: Waiting = { method, done, side, timer: undefined, provisional: false, cancelled: false }
    this.#waiting.set(branch, waiting)
    // A re-sent request is the same one, whatever has become of its dialog
    const same = { ...side }
    let wait = T1
    let waited = 0
    const again = (): void => {
      if (this.#waiting.get(branch) !== waiting) return
      if (waited >= 64 * T1) {
        this.#waiting.delete(branch)
        done(undefined)
        return
      }
      this.#send(method, same, branch, headers, body)
      waiting.timer = this.#options.later(wait, again)
      waited += wait
      wait = method === 'INVITE' ? wait * 2 : Math.min(wait * 2, T2)
    }
    again()
    return waiting
  }

  #send(method: string, side: DialogSide, branch: string, more: readonly HeaderLine[] = [], body: Buffer = Buffer.alloc(0)): void {
    const { sentBy, send } = this.#options
    const { target, local, remote, id, sequence, routes, peer } = side
    const headers = [
      line('Via', `SIP/2.0/UDP ${sentBy};branch=${branch};rport`),
      line('Max-Forwards', '70'),
      ...routes.map((route) => line('Route', route)),
      line('From', local),
      line('To', remote),
      line('Call-ID', id),
      line('CSeq', `${sequence} ${method}`),
      ...more,
      line('Content-Length', String(body.length)),
    ]
    send(serialise(makeRequest(`${method} ${target} SIP/2.0\r\n`, method, target, headers, body)), peer)
  }
}
