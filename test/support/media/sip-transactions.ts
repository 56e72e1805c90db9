/** Transactions of a test's user agent: repeats on UDP, absorbs repeats (RFC 3261 §17), and no more. */
import { randomBytes } from 'node:crypto'
import { headerOf, parameterOf, topViaOf, type Wire } from '../wire.ts'
import { transactionKey } from './sip-dialog.ts'
import type { SipLink } from './sip-link.ts'

const T1 = 500
const T2 = 4000

export const newBranch = (): string => `z9hG4bK${randomBytes(8).toString('hex')}`

/** A request that came and what was said to it last. */
export interface SipServerTransaction {
  readonly request: Wire
  readonly link: SipLink
  respond(text: string): void
}

export interface SipTransactions {
  /** Sends a request and gives each response, once, to `responded`. @param branch of its Via */
  send(link: SipLink, branch: string, method: string, text: string, responded: (response: Wire) => void): void
  /** Sends now, and again with growing pauses until the returned function is called. */
  repeat(send: () => void): () => void
  /** A message that came: true when it is new, and for a request its transaction. */
  response(response: Wire): void
  /** undefined: seen before, and answered again as before. */
  request(request: Wire, link: SipLink): SipServerTransaction | undefined
  /** The transaction of the INVITE that this CANCEL or ACK is for. */
  inviteOf(request: Wire): SipServerTransaction | undefined
  close(): void
}

interface Client {
  readonly responded: (response: Wire) => void
  readonly stop: () => void
  final: boolean
}

export const createTransactions = (reliable: boolean, problem: (text: string) => void): SipTransactions => {
  const clients = new Map<string, Client>()
  const servers = new Map<string, SipServerTransaction & { last: string | undefined }>()
  const timers = new Set<NodeJS.Timeout>()
  const repeat = (send: () => void): (() => void) => {
    let pause = T1
    let timer: NodeJS.Timeout
    const again = (): void => {
      timers.delete(timer)
      send()
      pause = Math.min(pause * 2, T2)
      arm()
    }
    const arm = (): void => {
      timer = setTimeout(again, pause)
      timers.add(timer)
    }
    send()
    arm()
    return () => {
      clearTimeout(timer)
      timers.delete(timer)
    }
  }
  return {
    repeat,
    send: (link, branch, method, text, responded) => {
      const send = (): void => link.send(text)
      let stop = (): void => undefined
      if (reliable) send()
      else stop = repeat(send)
      clients.set(`${branch} ${method}`, { responded, stop, final: false })
    },
    response: (response) => {
      const client = clients.get(`${parameterOf(topViaOf(response), 'branch')} ${response.method}`)
      if (client === undefined) {
        problem(`a response to nothing: ${response.start} ${headerOf(response, 'cseq')}`)
        return
      }
      // Final responses to INVITE may come again: their ACK is sent again (§13.2.2.4, §17.1.1.2)
      const again = client.final && response.method !== 'INVITE'
      client.final ||= response.status >= 200
      if (response.method === 'INVITE' || client.final) client.stop()
      if (!again) client.responded(response)
    },
    request: (request, link) => {
      const key = transactionKey(request)
      if (!(parameterOf(topViaOf(request), 'branch') ?? '').startsWith('z9hG4bK')) problem(`no branch of RFC 3261: ${topViaOf(request)}`)
      const known = servers.get(key)
      if (known !== undefined) {
        if (known.last !== undefined) link.send(known.last)
        return undefined
      }
      const transaction = {
        request,
        link,
        last: undefined as string | undefined,
        respond: (text: string): void => {
          transaction.last = text
          link.send(text)
        },
      }
      servers.set(key, transaction)
      return transaction
    },
    inviteOf: (request) => servers.get(transactionKey(request)),
    close: () => {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}
